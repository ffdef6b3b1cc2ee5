#include "worker/lineage.h"

#include "base/buf.h"
#include "base/vec.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "worker/sql.h"
#include "worker/statement.h"

/* As deep as DuckDB's own expressions may be, each some levels of JSON. */
#define LINEAGE_DEPTH 2000
/* Wider plans are not followed: a column that comes from this many says little. */
#define LINEAGE_SOURCES_MAX 256

struct lineage_source {
    struct str table, column;
    bool direct;
};

/* What one column of an operator's output is made of. */
struct lineage_column {
    struct lineage_source *sources;
    size_t count;
};

struct lineage_columns {
    struct lineage_column *items;
    size_t count;
};

/* A common table expression that is computed once, by its index. */
struct lineage_cte {
    int64_t index;
    struct lineage_columns columns;
};

struct lineage {
    struct arena *arena;
    struct str catalog;
    VEC(struct lineage_cte) ctes;
};

static bool lineage_of(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out);

/* --- Sets of sources --- */

static struct lineage_columns lineage_columns_new(struct lineage *lineage, size_t count)
{
    return (struct lineage_columns){.items = arena_array(lineage->arena, count, sizeof(struct lineage_column)),
                                    .count = count};
}

static void lineage_add(struct lineage *lineage, struct lineage_column *column, struct lineage_source source)
{
    for (size_t i = 0; i < column->count; i++) {
        struct lineage_source *known = &column->sources[i];
        if (str_equal(known->table, source.table) && str_equal(known->column, source.column)) {
            known->direct = known->direct && source.direct;
            return;
        }
    }
    if (column->count == LINEAGE_SOURCES_MAX)
        return;
    if (!column->sources)
        column->sources = arena_array(lineage->arena, LINEAGE_SOURCES_MAX, sizeof(*column->sources));
    column->sources[column->count++] = source;
}

static void lineage_merge(struct lineage *lineage, struct lineage_column *column, const struct lineage_column *from,
                          bool direct)
{
    for (size_t i = 0; i < from->count; i++) {
        struct lineage_source source = from->sources[i];
        source.direct = source.direct && direct;
        lineage_add(lineage, column, source);
    }
}

/* Every reference in an expression to its operator's input. */
static void lineage_expression(struct lineage *lineage, const struct json *expression,
                               const struct lineage_columns *input, bool direct, struct lineage_column *column)
{
    if (str_equal(json_text(json_get(expression, "expression_class")), S("BOUND_REF"))) {
        int64_t index = json_i64(json_get(expression, "index"));
        if (index >= 0 && (size_t)index < input->count)
            lineage_merge(lineage, column, &input->items[index], direct);
        return;
    }
    enum json_kind kind = json_kind(expression);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return;
    for (size_t i = 0; i < json_count(expression); i++)
        lineage_expression(lineage, json_at(expression, i), input, false, column);
}

static void lineage_expressions(struct lineage *lineage, const struct json *list, const struct lineage_columns *input,
                                struct lineage_column *columns)
{
    for (size_t i = 0; i < json_count(list); i++)
        lineage_expression(lineage, json_at(list, i), input, true, &columns[i]);
}

/* The columns that a projection map names; without one, all. */
static struct lineage_columns lineage_mapped(struct lineage *lineage, struct lineage_columns columns,
                                             const struct json *map)
{
    if (!json_count(map))
        return columns;
    struct lineage_columns mapped = lineage_columns_new(lineage, json_count(map));
    for (size_t i = 0; i < mapped.count; i++) {
        int64_t index = json_i64(json_at(map, i));
        if (index >= 0 && (size_t)index < columns.count)
            mapped.items[i] = columns.items[index];
    }
    return mapped;
}

static struct lineage_columns lineage_side_by_side(struct lineage *lineage, struct lineage_columns left,
                                                   struct lineage_columns right)
{
    struct lineage_columns both = lineage_columns_new(lineage, left.count + right.count);
    for (size_t i = 0; i < both.count; i++)
        both.items[i] = i < left.count ? left.items[i] : right.items[i - left.count];
    return both;
}

/* --- Operators --- */

/* "orders", "iceberg.orders", or all three parts of what is elsewhere. */
static struct str lineage_table(const struct lineage *lineage, const struct json *function)
{
    struct str catalog = json_text(json_get(function, "catalog"));
    struct str schema = json_text(json_get(function, "schema")), table = json_text(json_get(function, "table"));
    bool stands_in = str_equal(catalog, S("temp")); /* for what an asset would make */
    if (stands_in || (str_equal(catalog, lineage->catalog) && str_equal(schema, S("default"))))
        return table;
    if (str_equal(catalog, lineage->catalog) || str_equal(catalog, S("iceberg")))
        return str_format(lineage->arena, "%.*s.%.*s", STR_ARG(schema), STR_ARG(table));
    return str_format(lineage->arena, "%.*s.%.*s.%.*s", STR_ARG(catalog), STR_ARG(schema), STR_ARG(table));
}

static bool lineage_get(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *names = json_get(op, "names"), *ids = json_get(op, "column_indexes");
    const struct json *function = json_get(op, "function_data");
    bool is_table = json_text(json_get(function, "table")).len > 0;
    size_t count = json_count(ids) ? json_count(ids) : json_count(names);
    struct lineage_columns columns = lineage_columns_new(lineage, count);
    for (size_t i = 0; is_table && i < count; i++) {
        int64_t index = json_count(ids) ? json_i64(json_get(json_at(ids, i), "index")) : (int64_t)i;
        if (index < 0 || (size_t)index >= json_count(names))
            continue; /* the number of a row */
        const struct lineage_source source = {.table = lineage_table(lineage, function),
                                              .column = json_text(json_at(names, (size_t)index)),
                                              .direct = true};
        lineage_add(lineage, &columns.items[i], source);
    }
    *columns_out = lineage_mapped(lineage, columns, json_get(op, "projection_ids"));
    return true;
}

static bool lineage_aggregate(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *groups = json_get(op, "groups"), *expressions = json_get(op, "expressions");
    struct lineage_columns input;
    if (!lineage_of(lineage, json_at(json_get(op, "children"), 0), &input))
        return false;
    size_t grouped = json_count(groups), computed = json_count(expressions);
    *columns_out = lineage_columns_new(lineage, grouped + computed + json_count(json_get(op, "grouping_functions")));
    lineage_expressions(lineage, groups, &input, columns_out->items);
    lineage_expressions(lineage, expressions, &input, columns_out->items + grouped);
    return true;
}

static bool lineage_projection(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *expressions = json_get(op, "expressions");
    struct lineage_columns input;
    if (!lineage_of(lineage, json_at(json_get(op, "children"), 0), &input))
        return false;
    *columns_out = lineage_columns_new(lineage, json_count(expressions));
    lineage_expressions(lineage, expressions, &input, columns_out->items);
    return true;
}

/* Windows and UNNEST stand behind the columns of their input. */
static bool lineage_appended(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    struct lineage_columns input, added;
    const struct json *expressions = json_get(op, "expressions");
    if (!lineage_of(lineage, json_at(json_get(op, "children"), 0), &input))
        return false;
    added = lineage_columns_new(lineage, json_count(expressions));
    lineage_expressions(lineage, expressions, &input, added.items);
    *columns_out = lineage_side_by_side(lineage, input, added);
    return true;
}

static bool lineage_same(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    if (!lineage_of(lineage, json_at(json_get(op, "children"), 0), columns_out))
        return false;
    *columns_out = lineage_mapped(lineage, *columns_out, json_get(op, "projection_map"));
    return true;
}

static bool lineage_join(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *children = json_get(op, "children");
    struct str type = json_text(json_get(op, "join_type"));
    struct lineage_columns left, right;
    if (!lineage_of(lineage, json_at(children, 0), &left) || !lineage_of(lineage, json_at(children, 1), &right))
        return false;
    left = lineage_mapped(lineage, left, json_get(op, "left_projection_map"));
    right = lineage_mapped(lineage, right, json_get(op, "right_projection_map"));
    if (str_equal(type, S("SEMI")) || str_equal(type, S("ANTI")))
        *columns_out = left;
    else if (str_equal(type, S("RIGHT_SEMI")) || str_equal(type, S("RIGHT_ANTI")))
        *columns_out = right;
    else if (str_equal(type, S("MARK"))) /* whether there is one: a filter of sorts */
        *columns_out = lineage_side_by_side(lineage, left, lineage_columns_new(lineage, 1));
    else
        *columns_out = lineage_side_by_side(lineage, left, right);
    return true;
}

/* By position; of EXCEPT the left side alone. */
static bool lineage_set(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *children = json_get(op, "children");
    bool left_only = str_equal(json_text(json_get(op, "type")), S("LOGICAL_EXCEPT"));
    struct lineage_columns one;
    if (!lineage_of(lineage, json_at(children, 0), &one))
        return false;
    *columns_out = lineage_columns_new(lineage, one.count);
    for (size_t side = 0; side < json_count(children); side++) {
        if (side && (left_only || !lineage_of(lineage, json_at(children, side), &one)))
            return left_only;
        for (size_t i = 0; i < columns_out->count && i < one.count; i++)
            lineage_merge(lineage, &columns_out->items[i], &one.items[i], true);
    }
    return true;
}

static void lineage_know(struct lineage *lineage, const struct json *op, struct lineage_columns columns)
{
    const struct lineage_cte cte = {.index = json_i64(json_get(op, "table_index")), .columns = columns};
    vec_push(&lineage->ctes, cte);
}

/* The first child is what the name stands for, the second uses it. */
static bool lineage_materialized(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    const struct json *children = json_get(op, "children");
    struct lineage_columns columns;
    if (!lineage_of(lineage, json_at(children, 0), &columns))
        return false;
    lineage_know(lineage, op, columns);
    return lineage_of(lineage, json_at(children, 1), columns_out);
}

/* What the start gives; what is added later comes from that and from what the step reads. */
static bool lineage_recursive(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    struct lineage_columns start;
    if (!lineage_of(lineage, json_at(json_get(op, "children"), 0), &start))
        return false;
    lineage_know(lineage, op, start);
    return lineage_set(lineage, op, columns_out);
}

static bool lineage_reference(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    int64_t index = json_i64(json_get(op, "cte_index"));
    for (size_t i = lineage->ctes.count; i > 0; i--) {
        if (lineage->ctes.items[i - 1].index == index) {
            *columns_out = lineage->ctes.items[i - 1].columns;
            return true;
        }
    }
    return false;
}

/* Values that come from no column: constants, or those that a correlated subquery is asked with. */
static bool lineage_constant(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    static const char *const members[] = {"expr_types", "chunk_types", "types", NULL};
    size_t count = 1;
    for (size_t i = 0; members[i]; i++)
        if (json_get(op, members[i]))
            count = json_count(json_get(op, members[i]));
    *columns_out = lineage_columns_new(lineage, count);
    return true;
}

static const struct {
    const char *type;
    bool (*follow)(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out);
} lineage_operators[] = {
    {"LOGICAL_GET", lineage_get},
    {"LOGICAL_PROJECTION", lineage_projection},
    {"LOGICAL_AGGREGATE_AND_GROUP_BY", lineage_aggregate},
    {"LOGICAL_FILTER", lineage_same},
    {"LOGICAL_ORDER_BY", lineage_same},
    {"LOGICAL_LIMIT", lineage_same},
    {"LOGICAL_TOP_N", lineage_same},
    {"LOGICAL_DISTINCT", lineage_same},
    {"LOGICAL_SAMPLE", lineage_same},
    {"LOGICAL_WINDOW", lineage_appended},
    {"LOGICAL_UNNEST", lineage_appended},
    {"LOGICAL_COMPARISON_JOIN", lineage_join},
    {"LOGICAL_ANY_JOIN", lineage_join},
    {"LOGICAL_DELIM_JOIN", lineage_join},
    {"LOGICAL_ASOF_JOIN", lineage_join},
    {"LOGICAL_CROSS_PRODUCT", lineage_join},
    {"LOGICAL_POSITIONAL_JOIN", lineage_join},
    {"LOGICAL_UNION", lineage_set},
    {"LOGICAL_EXCEPT", lineage_set},
    {"LOGICAL_INTERSECT", lineage_set},
    {"LOGICAL_MATERIALIZED_CTE", lineage_materialized},
    {"LOGICAL_RECURSIVE_CTE", lineage_recursive},
    {"LOGICAL_CTE_REF", lineage_reference},
    {"LOGICAL_DUMMY_SCAN", lineage_constant},
    {"LOGICAL_EXPRESSION_GET", lineage_constant},
    {"LOGICAL_CHUNK_GET", lineage_constant},
    {"LOGICAL_DELIM_GET", lineage_constant},
    {"LOGICAL_EMPTY_RESULT", lineage_constant},
};

/* False at an operator that is not known here: then nothing is said at all. */
static bool lineage_of(struct lineage *lineage, const struct json *op, struct lineage_columns *columns_out)
{
    struct str type = json_text(json_get(op, "type"));
    for (size_t i = 0; i < sizeof(lineage_operators) / sizeof(lineage_operators[0]); i++)
        if (str_equal(type, str_from(lineage_operators[i].type)))
            return lineage_operators[i].follow(lineage, op, columns_out);
    return false;
}

/* --- Asking DuckDB --- */

/* The plan has the greatest unsigned number where it means none, which is no number of ours. */
static bool lineage_plan(struct worker_statement *statement, struct str sql, struct arena *arena,
                         const struct json **plan_out)
{
    AUTO(buf) struct buf ask = {0};
    const struct json *rows;
    struct err ignored;
    buf_append_str(&ask, S("SELECT replace(json_serialize_plan("));
    sql_append_text(&ask, sql);
    buf_append_str(&ask, S(", skip_null := true, skip_empty := true, optimize := false)::VARCHAR, "
                           "'18446744073709551615', '-1') AS plan"));
    if (!sql_rows(statement, arena, buf_str(&ask), &rows, &ignored))
        return false;
    const struct json *answer = json_parse_deep(arena, json_text(sql_cell(rows, "plan")), LINEAGE_DEPTH, &ignored);
    const struct json *plans = json_get(answer, "plans"); /* none: it says why not */
    *plan_out = json_count(plans) == 1 ? json_at(plans, 0) : NULL;
    return *plan_out != NULL;
}

static bool lineage_names(struct worker_statement *statement, struct str sql, struct arena *arena,
                          const struct json **rows_out)
{
    AUTO(buf) struct buf ask = {0};
    struct err ignored;
    buf_printf(&ask, "SELECT column_name AS name FROM (DESCRIBE %.*s\n)", STR_ARG(sql));
    return sql_rows(statement, arena, buf_str(&ask), rows_out, &ignored);
}

static void lineage_write(const struct lineage_columns *columns, const struct json *names, struct json_writer *writer)
{
    json_begin_array(writer, "lineage");
    for (size_t i = 0; i < columns->count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "column", json_text(json_get(json_at(names, i), "name")));
        json_begin_array(writer, "from");
        for (size_t k = 0; k < columns->items[i].count; k++) {
            const struct lineage_source *source = &columns->items[i].sources[k];
            json_begin_object(writer, NULL);
            json_write_text(writer, "table", source->table);
            json_write_text(writer, "column", source->column);
            json_write_bool(writer, "direct", source->direct);
            json_end_object(writer);
        }
        json_end_array(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

void lineage_append(struct worker_statement *statement, struct str sql, const struct json *columns,
                    struct json_writer *writer)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct lineage lineage = {.arena = arena, .catalog = engine_catalog(statement->session)};
    struct lineage_columns found;
    const struct json *plan, *names = columns;
    if (lineage_plan(statement, sql, arena, &plan) && lineage_of(&lineage, plan, &found) &&
        (names || lineage_names(statement, sql, arena, &names)) && json_count(names) == found.count)
        lineage_write(&found, names, writer);
    vec_done(&lineage.ctes);
}
