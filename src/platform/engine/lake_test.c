#include "platform/engine/lake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct clause_case {
    const char *text;
    const char *sql; /* NULL: refused */
};

static void clauses(bool (*make)(struct arena *arena, struct str text, struct str *clause_out, struct err *err),
                    const struct clause_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct err err;
        struct str sql;
        bool ok = make(arena, str_from(cases[i].text), &sql, &err);
        if (ok != (cases[i].sql != NULL) || (ok && !str_equal(sql, str_from(cases[i].sql))))
            fail_msg("'%s' gave '%.*s'", cases[i].text, ok ? (int)sql.len : 7, ok ? sql.ptr : "refused");
        if (!ok)
            assert_int_equal(err.code, ERR_INVALID);
    }
}

static void partitions(void **state)
{
    (void)state;
    static const struct clause_case cases[] = {
        {"", ""},
        {" region ", "PARTITIONED BY (\"region\")"},
        {"day(at), bucket(16, id), Truncate( 4 , code ),region",
         "PARTITIONED BY (day(\"at\"), bucket(16, \"id\"), truncate(4, \"code\"), \"region\")"},
        {"identity(a)", "PARTITIONED BY (\"a\")"},
        {"day(at", NULL},
        {"day(at))", NULL},
        {"day()", NULL},
        {"week(at)", NULL},
        {"bucket(0, id)", NULL},
        {"bucket(id)", NULL},
        {"a,,b", NULL},
        {"a) AS SELECT 1 --", NULL},
        {"\"a\"", NULL},
    };
    clauses(engine_lake_partition, cases, sizeof(cases) / sizeof(cases[0]));
}

static void orders(void **state)
{
    (void)state;
    static const struct clause_case cases[] = {
        {"", ""},
        {"region, at DESC", "ORDER BY \"region\", \"at\" DESC"},
        {"a asc", "ORDER BY \"a\""},
        {"a desc nulls last", NULL},
        {"random()", NULL},
        {"1", NULL},
    };
    clauses(engine_lake_order, cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions),
        cmocka_unit_test(orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
