/* Tests of what was built, each a query that counts what is wrong, and the types that its columns should have. */
#include <inttypes.h>

#include "platform/json/json.h"
#include "worker/build.h"
#include "worker/sql.h"

/* --- Columns --- */

bool build_columns(struct build *build, struct str from, const struct json **columns_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM "));
    buf_append_str(&sql, from);
    buf_append_char(&sql, ')');
    return sql_rows(build->statement, build->statement->arena, buf_str(&sql), columns_out, err);
}

/* A type as DuckDB writes it. */
static bool build_type(struct build *build, struct str type, struct str *type_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    struct gate_result gate;
    const struct json *rows;
    buf_printf(&sql, "SELECT typeof(CAST(NULL AS %.*s\n)) AS type", STR_ARG(type));
    if (!asset_sql_check(build->statement, buf_str(&sql), &gate, err))
        return false;
    if (gate.statement_count != 1)
        return err_set(err, ERR_INVALID, "this is no type");
    if (!sql_rows(build->statement, build->statement->arena, gate.sql, &rows, err))
        return false;
    *type_out = json_text(sql_cell(rows, "type"));
    return true;
}

static const struct json *build_column(const struct build *build, struct str name)
{
    for (size_t i = 0; i < json_count(build->columns); i++)
        if (str_equal_nocase(json_text(json_get(json_at(build->columns, i), "name")), name))
            return json_at(build->columns, i);
    return NULL;
}

static bool build_check_type(struct build *build, struct str name, struct str type, struct err *err)
{
    struct str wanted = {0};
    const struct json *column = build_column(build, name);
    if (!column)
        return err_set(err, ERR_PRECONDITION, "there is no column '%.*s', which the asset's properties have",
                       STR_ARG(name));
    if (!build_type(build, type, &wanted, err))
        return err_wrap(err, "the type of column '%.*s'", STR_ARG(name));
    struct str built = json_text(json_get(column, "type"));
    if (str_equal(built, wanted))
        return true;
    err_set(err, ERR_PRECONDITION, "column '%.*s' has type %.*s, not %.*s", STR_ARG(name), STR_ARG(built),
            STR_ARG(wanted));
    return err_hint(err, "CAST it, or change the asset's columns");
}

static bool build_check_columns(struct build *build, struct err *err)
{
    const struct json *wanted = json_get(build->arguments, "columns");
    if (!build_columns(build, build->checked, &build->columns, err))
        return false;
    for (size_t i = 0; i < json_count(wanted); i++) {
        struct str type = json_text(json_get(json_at(wanted, i), "type"));
        if (type.len && !build_check_type(build, json_text(json_get(json_at(wanted, i), "name")), type, err))
            return build_fail(build, "test");
    }
    return true;
}

/* --- Tests: what they count --- */

static struct str build_test_column(const struct json *test)
{
    const struct json *columns = json_get(test, "columns");
    return json_count(columns) ? json_text(json_at(columns, 0)) : S("");
}

static void build_test_list(const struct json *test, const char *between, struct buf *out)
{
    const struct json *columns = json_get(test, "columns");
    for (size_t i = 0; i < json_count(columns); i++) {
        buf_append_str(out, str_from(i ? between : ""));
        sql_append_name(out, json_text(json_at(columns, i)));
    }
}

static void build_test_not_null(const struct build *build, const struct json *test, struct buf *sql)
{
    buf_printf(sql, "%.*s WHERE ", STR_ARG(build->checked));
    build_test_list(test, " IS NULL OR ", sql);
    buf_append_str(sql, S(" IS NULL"));
}

/* Like SQL's own UNIQUE: rows with a NULL do not count. */
static void build_test_unique(const struct build *build, const struct json *test, struct buf *sql)
{
    buf_printf(sql, "(SELECT 1 FROM %.*s WHERE ", STR_ARG(build->checked));
    build_test_list(test, " IS NOT NULL AND ", sql);
    buf_append_str(sql, S(" IS NOT NULL GROUP BY "));
    build_test_list(test, ", ", sql);
    buf_append_str(sql, S(" HAVING count(*) > 1)"));
}

static void build_test_accepted_values(const struct build *build, const struct json *test, struct buf *sql)
{
    const struct json *values = json_get(test, "values");
    buf_printf(sql, "%.*s WHERE CAST(", STR_ARG(build->checked));
    sql_append_name(sql, build_test_column(test));
    buf_append_str(sql, S(" AS VARCHAR) NOT IN ("));
    for (size_t i = 0; i < json_count(values); i++) {
        buf_append_str(sql, i ? S(", ") : S(""));
        sql_append_text(sql, json_text(json_at(values, i)));
    }
    buf_append_char(sql, ')');
}

static void build_test_relationships(const struct build *build, const struct json *test, struct buf *sql)
{
    struct str table = json_text(json_get(test, "to_table")), part;
    AUTO(buf) struct buf column = {0};
    sql_append_name(&column, build_test_column(test));
    struct str name = buf_str(&column);
    buf_printf(sql, "%.*s AS t WHERE t.%.*s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ", STR_ARG(build->checked),
               STR_ARG(name));
    for (bool first = true; str_split_next(&table, '.', &part); first = false) {
        buf_append_str(sql, first ? S("") : S("."));
        sql_append_name(sql, part);
    }
    buf_append_str(sql, S(" AS u WHERE u."));
    sql_append_name(sql, json_text(json_get(test, "to_column")));
    buf_printf(sql, " = t.%.*s)", STR_ARG(name));
}

static void build_test_expression(const struct build *build, const struct json *test, struct buf *sql)
{
    buf_printf(sql, "%.*s WHERE (", STR_ARG(build->checked));
    buf_append_str(sql, json_text(json_get(test, "expression")));
    buf_append_str(sql, S("\n) IS NOT TRUE")); /* it may end in a comment */
}

/* An empty table is not fresh. */
static void build_test_freshness(const struct build *build, const struct json *test, struct buf *sql)
{
    buf_append_str(sql, S("(SELECT CAST(max("));
    sql_append_name(sql, build_test_column(test));
    buf_printf(sql,
               ") AS TIMESTAMPTZ) AS newest FROM %.*s) WHERE newest IS NULL OR epoch(now()) - epoch(newest) > %.6f",
               STR_ARG(build->checked), json_double(json_get(test, "max_age_s")));
}

/* An asset that is a test: its rows are what is wrong. */
static void build_test_query(const struct build *build, const struct json *test, struct buf *sql)
{
    (void)test;
    buf_append_char(sql, '(');
    buf_append_str(sql, build->query);
    buf_append_char(sql, ')');
}

static void build_test_row_count(const struct build *build, const struct json *test, struct buf *sql)
{
    (void)test;
    buf_append_str(sql, build->checked);
}

static const struct build_test_kind {
    const char *name;
    void (*append)(const struct build *build, const struct json *test, struct buf *sql);
    const char *counted, *wrong; /* "3 rows", "without a value"; counted NULL: what is wrong is no number of anything */
} build_test_kinds[] = {
    {"not_null", build_test_not_null, "row", " without a value"},
    {"unique", build_test_unique, "value", " more than once"},
    {"accepted_values", build_test_accepted_values, "row", " with another value"},
    {"relationships", build_test_relationships, "row", " without a counterpart"},
    {"row_count", build_test_row_count, "row", ""},
    {"expression", build_test_expression, "row", " for which it is not true"},
    {"freshness", build_test_freshness, NULL, "nothing is new enough"},
    {"query", build_test_query, "row", ""},
};

static const struct build_test_kind *build_test_kind(struct str name)
{
    for (size_t i = 0; i < sizeof(build_test_kinds) / sizeof(build_test_kinds[0]); i++)
        if (str_equal(name, str_from(build_test_kinds[i].name)))
            return &build_test_kinds[i];
    return NULL;
}

/* --- Tests: running them --- */

static bool build_test_count(struct build *build, const struct json *test, const struct build_test_kind *kind,
                             int64_t *count_out, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    struct gate_result gate = {0};
    const struct json *rows;
    buf_append_str(&sql, S("SELECT count(*) AS n FROM "));
    kind->append(build, test, &sql);
    gate.sql = buf_str(&sql);
    if (kind->append == build_test_expression) { /* the one whose text is not ours */
        if (!asset_sql_check(build->statement, buf_str(&sql), &gate, err))
            return false;
        if (gate.statement_count != 1 || gate.may_write)
            return err_set(err, ERR_INVALID, "this is no expression");
    }
    bool ok = sql_rows(build->statement, build->statement->arena, gate.sql, &rows, err);
    if (!ok && kind->append == build_test_query)
        asset_sql_place(&build->text, err, &build->line, &build->column);
    *count_out = ok ? sql_number(sql_cell(rows, "n"), 0) : 0;
    return ok;
}

/* Of those counted, how many are wrong. */
static int64_t build_test_failures(const struct json *test, const struct build_test_kind *kind, int64_t count)
{
    if (kind->append != build_test_row_count)
        return count;
    int64_t least = json_get(test, "min_rows") ? json_i64(json_get(test, "min_rows")) : -1;
    int64_t most = json_get(test, "max_rows") ? json_i64(json_get(test, "max_rows")) : -1;
    if (least >= 0 && count < least)
        return least - count;
    return most >= 0 && count > most ? count - most : 0;
}

static struct str build_test_message(struct build *build, const struct build_test_kind *kind, int64_t count)
{
    if (!kind->counted)
        return str_from(kind->wrong);
    return str_format(build->statement->arena, "%" PRId64 " %s%s%s", count, kind->counted, count == 1 ? "" : "s",
                      kind->wrong);
}

static void build_test_report(struct build *build, const struct json *test, int64_t failures, struct str message)
{
    struct json_writer writer = {.buf = &build->tests};
    if (buf_len(&build->tests))
        buf_append_char(&build->tests, ',');
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", json_text(json_get(test, "name")));
    json_write_text(&writer, "kind", json_text(json_get(test, "kind")));
    json_write_text(&writer, "severity", json_text(json_get(test, "severity")));
    json_write_bool(&writer, "blocking", json_bool(json_get(test, "blocking")));
    json_write_bool(&writer, "passed", failures == 0);
    json_write_i64(&writer, "failures", failures);
    if (message.len)
        json_write_text(&writer, "message", message);
    json_end_object(&writer);
}

/* The first one that fails is the error; the others are counted in its hint. */
struct build_verdict {
    struct err error;
    size_t failed, blocking;
};

static bool build_test(struct build *build, const struct json *test, struct build_verdict *verdict, struct err *err)
{
    struct str name = json_text(json_get(test, "name"));
    const struct build_test_kind *kind = build_test_kind(json_text(json_get(test, "kind")));
    int64_t count = 0;
    if (!kind)
        return err_set(err, ERR_INVALID, "test '%.*s' is of no known kind", STR_ARG(name));
    if (!build_test_count(build, test, kind, &count, err))
        return err_wrap(err, "test '%.*s'", STR_ARG(name));
    int64_t failures = build_test_failures(test, kind, count);
    struct str message = failures ? build_test_message(build, kind, count) : S("");
    build_test_report(build, test, failures, message);
    if (failures == 0 || str_equal(json_text(json_get(test, "severity")), S("warn")))
        return true;
    if (verdict->failed++ == 0)
        err_set(&verdict->error, ERR_PRECONDITION, "test '%.*s' failed: %.*s", STR_ARG(name), STR_ARG(message));
    verdict->blocking += json_bool(json_get(test, "blocking"));
    return true;
}

/* Of an asset that is a test: the one of its rows. */
static const struct json *build_test_of_query(struct build *build, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    struct str severity = json_text(json_get(build->arguments, "severity"));
    json_begin_array(&writer, NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", build->asset);
    json_write_text(&writer, "kind", S("query"));
    json_write_text(&writer, "severity", severity.len ? severity : S("error"));
    json_write_bool(&writer, "blocking", true);
    json_end_object(&writer);
    json_end_array(&writer);
    return json_parse(build->statement->arena, buf_str(&text), err);
}

bool build_check(struct build *build, struct err *err)
{
    bool of_query = str_equal(build->materialize, S("test"));
    const struct json *tests = of_query ? build_test_of_query(build, err) : json_get(build->arguments, "tests");
    struct build_verdict verdict = {0};
    if (build->checked.len && !build_check_columns(build, err))
        return false;
    for (size_t i = 0; i < json_count(tests); i++)
        if (!build_test(build, json_at(tests, i), &verdict, err))
            return build_fail(build, err->code == ERR_CANCELLED ? NULL : "test");
    if (verdict.failed == 0)
        return true;
    if (verdict.failed > 1)
        err_hint(&verdict.error, "%zu tests failed", verdict.failed);
    build_fail(build, "test");
    if (verdict.blocking == 0)
        build->error = verdict.error;
    else
        *err = verdict.error;
    return verdict.blocking == 0;
}
