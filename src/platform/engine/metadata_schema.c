/* The Arrow type of a column is what a query of it would give. DuckDB writes types so that they can be read again, and
 * resolves names of types of the tenant's own first; so preparing one cast for each different text is enough, where
 * preparing a query for each table would take longer than everything else. */
#include "platform/engine/metadata_schema.h"

#include "base/map.h"
#include "base/vec.h"
#include "platform/arrow/message.h"
#include "platform/engine/result.h"

struct engine_metadata_schema {
    struct engine_session *session;
    struct arena *types_arena;
    struct map types;      /* text → struct ArrowSchema with one child */
    struct arena *scratch; /* of one table */
    VEC(struct ArrowSchema) fields;
    VEC(struct ArrowSchema *) children;
    struct buf flatbuffer, message;
};

struct engine_metadata_schema *engine_metadata_schema_new(struct engine_session *session)
{
    struct engine_metadata_schema *schema = mem_new(struct engine_metadata_schema);
    schema->session = session;
    schema->types_arena = arena_new();
    schema->scratch = arena_new();
    return schema;
}

void engine_metadata_schema_free(struct engine_metadata_schema **schema)
{
    if (!*schema)
        return;
    map_done(&(*schema)->types);
    vec_done(&(*schema)->fields);
    vec_done(&(*schema)->children);
    buf_done(&(*schema)->flatbuffer);
    buf_done(&(*schema)->message);
    arena_free(&(*schema)->scratch);
    arena_free(&(*schema)->types_arena);
    mem_free(*schema);
    *schema = NULL;
}

static void engine_metadata_type_release(void *object)
{
    struct ArrowSchema *type = object;
    if (type->release)
        type->release(type);
}

/* A schema of one column of the type; false when DuckDB cannot name it in Arrow. */
static bool engine_metadata_type_ask(struct engine_metadata_schema *schema, struct str text,
                                     struct ArrowSchema *type_out)
{
    struct str sql = str_format(schema->scratch, "SELECT CAST(NULL AS %.*s)", STR_ARG(text));
    duckdb_prepared_statement statement = NULL;
    duckdb_logical_type type = NULL;
    const char *name = "";
    struct err ignored;
    bool ok = engine_db.prepare(schema->session->connection, sql.ptr, &statement) == DuckDBSuccess &&
              engine_db.prepared_statement_column_count(statement) == 1 &&
              (type = engine_db.prepared_statement_column_logical_type(statement, 0)) &&
              engine_result_schema(schema->session, &type, &name, 1, type_out, &ignored);
    if (type)
        engine_db.destroy_logical_type(&type);
    engine_db.destroy_prepare(&statement);
    return ok;
}

static void engine_metadata_release_nothing(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

/* The field of a type, without a name; Arrow's null type where there is none. */
static struct ArrowSchema engine_metadata_type(struct engine_metadata_schema *schema, struct str text)
{
    static const struct ArrowSchema unknown = {.format = "n", .name = "", .release = engine_metadata_release_nothing};
    struct ArrowSchema *type = map_get(&schema->types, text);
    if (!type) {
        type = arena_new_object(schema->types_arena, struct ArrowSchema);
        if (engine_metadata_type_ask(schema, text, type))
            arena_defer(schema->types_arena, engine_metadata_type_release, type);
        map_put(&schema->types, text, type);
    }
    return type->release ? *type->children[0] : unknown;
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

static void engine_metadata_put(struct buf *buf, int32_t *count, const char *key, struct str value)
{
    struct str full = str_from(key);
    int32_t lengths[2] = {(int32_t)full.len, (int32_t)value.len};
    buf_append(buf, &lengths[0], sizeof(lengths[0]));
    buf_append_str(buf, full);
    buf_append(buf, &lengths[1], sizeof(lengths[1]));
    buf_append_str(buf, value);
    ++*count;
}

/* The field's metadata (C data interface: count, then length and bytes of each key and value), after that which its
 * type brought along. FlightSql.proto, CommandGetTables. */
static const char *engine_metadata_of_field(struct engine_metadata_schema *schema,
                                            const struct engine_metadata_column *column, const char *inherited)
{
    int32_t count = 0;
    AUTO(buf) struct buf buf = {0};
    buf_append(&buf, &count, sizeof(count));
    if (inherited) {
        memcpy(&count, inherited, sizeof(count));
        const char *at = inherited + sizeof(count);
        for (int32_t i = 0; i < 2 * count; i++) {
            int32_t len;
            memcpy(&len, at, sizeof(len));
            at += sizeof(len) + (size_t)len;
        }
        buf_append(&buf, inherited + sizeof(count), (size_t)(at - inherited) - sizeof(count));
    }
#define KEY(name) "ARROW:FLIGHT:SQL:" name
    bool text = str_equal(column->type, S("VARCHAR"));
    engine_metadata_put(&buf, &count, KEY("CATALOG_NAME"), column->catalog);
    engine_metadata_put(&buf, &count, KEY("DB_SCHEMA_NAME"), column->schema);
    engine_metadata_put(&buf, &count, KEY("TABLE_NAME"), column->table);
    engine_metadata_put(&buf, &count, KEY("TYPE_NAME"), engine_metadata_type_name(schema->scratch, column->type));
    if (column->precision.ptr)
        engine_metadata_put(&buf, &count, KEY("PRECISION"), column->precision);
    if (column->scale.ptr)
        engine_metadata_put(&buf, &count, KEY("SCALE"), column->scale);
    engine_metadata_put(&buf, &count, KEY("IS_AUTO_INCREMENT"), column->automatic ? S("1") : S("0"));
    engine_metadata_put(&buf, &count, KEY("IS_CASE_SENSITIVE"), text ? S("1") : S("0"));
    engine_metadata_put(&buf, &count, KEY("IS_READ_ONLY"), column->read_only ? S("1") : S("0"));
    engine_metadata_put(&buf, &count, KEY("IS_SEARCHABLE"), S("1"));
    if (column->comment.ptr)
        engine_metadata_put(&buf, &count, KEY("REMARKS"), column->comment);
#undef KEY
    memcpy(buf.ptr + buf.start, &count, sizeof(count));
    return arena_copy(schema->scratch, buf_str(&buf).ptr, buf_len(&buf));
}

void engine_metadata_schema_add(struct engine_metadata_schema *schema, const struct engine_metadata_column *column)
{
    /* A copy that nobody releases: children and dictionary stay those of the type. */
    struct ArrowSchema field = engine_metadata_type(schema, column->type);
    field.name = str_cstr(schema->scratch, column->name);
    field.metadata = engine_metadata_of_field(schema, column, field.metadata);
    field.flags = (field.flags & ~ARROW_FLAG_NULLABLE) | (column->nullable ? ARROW_FLAG_NULLABLE : 0);
    vec_push(&schema->fields, field);
}

bool engine_metadata_schema_take(struct engine_metadata_schema *schema, struct str *message_out, struct err *err)
{
    vec_clear(&schema->children);
    for (size_t i = 0; i < schema->fields.count; i++)
        vec_push(&schema->children, &schema->fields.items[i]);
    struct ArrowSchema root = {.format = "+s",
                               .name = "",
                               .n_children = (int64_t)schema->fields.count,
                               .children = schema->children.items,
                               .release = engine_metadata_release_nothing};
    buf_clear(&schema->flatbuffer);
    buf_clear(&schema->message);
    bool ok = arrow_message_schema(&schema->flatbuffer, &root, err);
    if (ok) {
        size_t size = arrow_prefix_size(buf_len(&schema->flatbuffer));
        arrow_prefix_write(buf_reserve(&schema->message, size), buf_str(&schema->flatbuffer));
        buf_commit(&schema->message, size);
        *message_out = buf_str(&schema->message);
    }
    vec_clear(&schema->fields);
    arena_reset(schema->scratch);
    return ok;
}
