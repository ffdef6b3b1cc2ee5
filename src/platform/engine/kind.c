/* The list of statement kinds. What is not in it is refused: a new DuckDB brings nothing in by itself. */
#include "platform/engine/kind.h"

#include "platform/engine/guard.h"

/* FREES: gives room back, so it is right even where no room is left. OF_OWNERS: never about a temporary object. */
enum engine_kind_right { ENGINE_ALLOWED, ENGINE_WITH_FILES, ENGINE_FREES, ENGINE_OF_OWNERS };

static const struct {
    duckdb_statement_type type;
    enum engine_kind kind;
    enum engine_kind_right right;
} engine_kinds[] = {
    {DUCKDB_STATEMENT_TYPE_SELECT, ENGINE_KIND_READ, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_RELATION, ENGINE_KIND_READ, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_INSERT, ENGINE_KIND_WRITE, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_UPDATE, ENGINE_KIND_WRITE, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_DELETE, ENGINE_KIND_WRITE, ENGINE_FREES},
    {DUCKDB_STATEMENT_TYPE_MERGE_INTO, ENGINE_KIND_WRITE, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_CREATE, ENGINE_KIND_DDL, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_CREATE_FUNC, ENGINE_KIND_DDL, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_ALTER, ENGINE_KIND_DDL, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_DROP, ENGINE_KIND_DDL, ENGINE_FREES},
    {DUCKDB_STATEMENT_TYPE_ANALYZE, ENGINE_KIND_DDL, ENGINE_OF_OWNERS},
    {DUCKDB_STATEMENT_TYPE_VACUUM, ENGINE_KIND_DDL, ENGINE_OF_OWNERS},
    {DUCKDB_STATEMENT_TYPE_TRANSACTION, ENGINE_KIND_TRANSACTION, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_SET, ENGINE_KIND_SETTING, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_VARIABLE_SET, ENGINE_KIND_SETTING, ENGINE_ALLOWED},
    {DUCKDB_STATEMENT_TYPE_COPY, ENGINE_KIND_WRITE, ENGINE_WITH_FILES},
};

static bool engine_kind_policy(enum engine_kind kind, enum engine_kind_right right, const struct engine_policy *policy,
                               struct err *err)
{
    if (policy->rights == ENGINE_MAY_READ && (kind == ENGINE_KIND_WRITE || kind == ENGINE_KIND_DDL))
        return engine_guard_read_only(err);
    if (policy->rights != ENGINE_MAY_OWN && right == ENGINE_OF_OWNERS)
        return err_set(err, ERR_DENIED, "this user may not maintain the database");
    bool fills = (kind == ENGINE_KIND_WRITE || kind == ENGINE_KIND_DDL) && right != ENGINE_FREES;
    if (policy->writes_refused && fills) {
        err_set(err, ERR_RESOURCE, "%.*s", STR_ARG(policy->refusal));
        return err_hint(err, "DELETE and DROP are allowed: they make room");
    }
    return true;
}

bool engine_kind_check(duckdb_statement_type type, const struct engine_policy *policy, enum engine_kind *kind_out,
                       struct err *err)
{
    /* EXPLAIN ANALYZE runs what it explains, so it counts as reading only where reading is enforced another way. */
    if (type == DUCKDB_STATEMENT_TYPE_EXPLAIN) {
        *kind_out = ENGINE_KIND_READ;
        return engine_kind_policy(policy->rights == ENGINE_MAY_READ ? ENGINE_KIND_READ : ENGINE_KIND_WRITE,
                                  ENGINE_ALLOWED, policy, err);
    }
    for (size_t i = 0; i < sizeof(engine_kinds) / sizeof(engine_kinds[0]); i++) {
        if (engine_kinds[i].type != type)
            continue;
        if (engine_kinds[i].right == ENGINE_WITH_FILES && !policy->files_allowed)
            break;
        *kind_out = engine_kinds[i].kind;
        return engine_kind_policy(engine_kinds[i].kind, engine_kinds[i].right, policy, err);
    }
    return engine_kind_unlisted(type, kind_out, err);
}
