/* The Arrow type of a column is what a query of it would give. DuckDB writes types so that they can be read again, with
 * the tenant's own types resolved; so preparing one cast for each different text is enough, where preparing a query for
 * each table would take longer than everything else. */
#include "platform/engine/metadata_schema.h"

#include "base/map.h"
#include "platform/arrow/fields.h"
#include "platform/arrow/message.h"
#include "platform/arrow/writer.h"
#include "platform/engine/result.h"

struct engine_metadata_schema {
    struct engine_session *session;
    struct arena *types_arena;
    struct map types;      /* text → struct buf, the flatbuffer of a schema with this one column */
    struct arena *scratch; /* of one table */
    struct arrow_fields *fields;
    struct buf flatbuffer, message;
};

struct engine_metadata_schema *engine_metadata_schema_new(struct engine_session *session)
{
    struct engine_metadata_schema *schema = mem_new(struct engine_metadata_schema);
    schema->session = session;
    schema->types_arena = arena_new();
    schema->scratch = arena_new();
    schema->fields = arrow_fields_new();
    return schema;
}

void engine_metadata_schema_free(struct engine_metadata_schema **schema)
{
    if (!*schema)
        return;
    map_done(&(*schema)->types);
    arrow_fields_free(&(*schema)->fields);
    buf_done(&(*schema)->flatbuffer);
    buf_done(&(*schema)->message);
    arena_free(&(*schema)->scratch);
    arena_free(&(*schema)->types_arena);
    mem_free(*schema);
    *schema = NULL;
}

/* false when DuckDB has no Arrow type for it. */
static bool engine_metadata_type_ask(struct engine_metadata_schema *schema, struct str text, struct buf *flatbuffer)
{
    struct str sql = str_format(schema->scratch, "SELECT CAST(NULL AS %.*s)", STR_ARG(text));
    duckdb_prepared_statement statement = NULL;
    duckdb_logical_type type = NULL;
    struct ArrowSchema arrow = {0};
    const char *name = "";
    struct err ignored;
    bool ok = engine_db.prepare(schema->session->connection, sql.ptr, &statement) == DuckDBSuccess &&
              engine_db.prepared_statement_column_count(statement) == 1 &&
              (type = engine_db.prepared_statement_column_logical_type(statement, 0)) &&
              engine_result_schema(schema->session, &type, &name, 1, &arrow, &ignored) &&
              arrow_message_schema(flatbuffer, &arrow, &ignored);
    if (arrow.release)
        arrow.release(&arrow);
    if (type)
        engine_db.destroy_logical_type(&type);
    engine_db.destroy_prepare(&statement);
    return ok;
}

static void engine_metadata_type_free(void *type)
{
    buf_done(type);
}

/* Arrow's null type stands for what Arrow does not have. */
static struct str engine_metadata_type(struct engine_metadata_schema *schema, struct str text)
{
    static const struct arrow_column null_column[] = {{"", "n", true}};
    static const struct arrow_shape unknown = {null_column, 1};
    struct buf *type = map_get(&schema->types, text);
    if (!type) {
        type = arena_new_object(schema->types_arena, struct buf);
        if (!engine_metadata_type_ask(schema, text, type))
            arrow_shape_schema(&unknown, type);
        arena_defer(schema->types_arena, engine_metadata_type_free, type);
        map_put(&schema->types, text, type);
    }
    return buf_str(type);
}

/* "DECIMAL(18,3)[]" gives "DECIMAL[]": the name that GetXdbcTypeInfo lists, which drivers look up. */
static struct str engine_metadata_type_name(struct arena *arena, struct str type)
{
    ptrdiff_t bracket = str_find_char(type, '(');
    size_t end = type.len;
    if (bracket <= 0)
        return type;
    while (end > 0 && type.ptr[end - 1] != ')')
        end--;
    return str_format(arena, "%.*s%.*s", (int)bracket, type.ptr, STR_ARG(str_from_index(type, end)));
}

/* Of "DECIMAL(18,3)"; ptr NULL for other types. */
static void engine_metadata_digits(struct str type, struct str *precision_out, struct str *scale_out)
{
    struct str inner = str_from_index(type, 8);
    *precision_out = *scale_out = (struct str){0};
    if (!str_starts_with(type, S("DECIMAL(")) || !str_ends_with(type, S(")")))
        return;
    inner.len--;
    *scale_out = str_split_next(&inner, ',', precision_out) ? inner : (struct str){0};
}

#define KEY(name) "ARROW:FLIGHT:SQL:" name

/* FlightSql.proto, CommandGetTables. */
void engine_metadata_schema_add(struct engine_metadata_schema *schema, const struct engine_metadata_column *column)
{
    bool text = str_equal(column->type, S("VARCHAR"));
    struct str precision, scale;
    engine_metadata_digits(column->type, &precision, &scale);
    struct arrow_pair pairs[] = {
        {KEY("CATALOG_NAME"), column->catalog},
        {KEY("DB_SCHEMA_NAME"), column->schema},
        {KEY("SCHEMA_NAME"), column->schema}, /* the name that Arrow's own clients (C++, Java, Go) look for */
        {KEY("TABLE_NAME"), column->table},
        {KEY("TYPE_NAME"), engine_metadata_type_name(schema->scratch, column->type)},
        {KEY("PRECISION"), precision},
        {KEY("SCALE"), scale},
        {KEY("IS_AUTO_INCREMENT"), column->automatic ? S("1") : S("0")},
        {KEY("IS_CASE_SENSITIVE"), text ? S("1") : S("0")},
        {KEY("IS_READ_ONLY"), column->read_only ? S("1") : S("0")},
        {KEY("IS_SEARCHABLE"), S("1")},
        {KEY("REMARKS"), column->comment},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i].value.ptr)
            pairs[count++] = pairs[i];
    arrow_fields_add(schema->fields, column->name, column->nullable, engine_metadata_type(schema, column->type), pairs,
                     count);
}

struct str engine_metadata_schema_take(struct engine_metadata_schema *schema)
{
    buf_clear(&schema->flatbuffer);
    buf_clear(&schema->message);
    arrow_fields_take(schema->fields, &schema->flatbuffer);
    size_t size = arrow_prefix_size(buf_len(&schema->flatbuffer));
    arrow_prefix_write(buf_reserve(&schema->message, size), buf_str(&schema->flatbuffer));
    buf_commit(&schema->message, size);
    arena_reset(schema->scratch);
    return buf_str(&schema->message);
}
