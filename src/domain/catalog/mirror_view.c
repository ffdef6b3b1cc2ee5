/* A view of the tenant's DuckDB database as an Iceberg view. Nothing of it is kept: its definition is in the database,
 * and the metadata is made of it when somebody asks. */
#include "base/clock.h"
#include "domain/catalog/mirror.h"
#include "platform/json/json.h"

/* FNV-1a. */
static uint64_t mirror_view_hash(uint64_t hash, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* The same for the same view whenever it is asked for; RFC 9562, version 8. */
static struct str mirror_view_uuid(struct operation *operation, struct str name, struct str more)
{
    uint64_t high = mirror_view_hash(UINT64_C(0xcbf29ce484222325), operation->request.tenant);
    uint64_t low = mirror_view_hash(mirror_view_hash(mirror_view_hash(high, S("\x1f")), name), more);
    high = mirror_view_hash(low, S("view"));
    return str_format(operation->arena, "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(high >> 32),
                      (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
                      (unsigned)(low >> 48 & 0x3fff) | 0x8000, (unsigned long long)(low & 0xffffffffffff));
}

/* CreateViewRequest (open-api), for what the engine told of the view. */
static const struct json *mirror_view_request(struct operation *operation, struct str name, struct str told,
                                              struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    const struct json *view = json_parse(operation->arena, told, err);
    if (!view)
        return NULL;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", name);
    json_begin_object(&writer, "schema");
    json_write_text(&writer, "type", S("struct"));
    json_write_i64(&writer, "schema-id", 0);
    json_write_value(&writer, "fields", json_get(view, "fields"));
    json_end_object(&writer);
    json_begin_object(&writer, "view-version");
    json_write_i64(&writer, "version-id", 1);
    json_write_i64(&writer, "schema-id", 0);
    json_write_i64(&writer, "timestamp-ms", clock_wall_us() / CLOCK_MILLISECOND);
    json_begin_object(&writer, "summary");
    json_write_text(&writer, "engine-name", S("duckdb"));
    json_end_object(&writer);
    json_begin_array(&writer, "representations");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("sql"));
    json_write_text(&writer, "sql", json_text(json_get(view, "sql")));
    json_write_text(&writer, "dialect", S("duckdb"));
    json_end_object(&writer);
    json_end_array(&writer);
    json_begin_array(&writer, "default-namespace");
    json_write_text(&writer, NULL, S("default"));
    json_end_array(&writer);
    json_end_object(&writer);
    json_begin_object(&writer, "properties");
    json_end_object(&writer);
    json_end_object(&writer);
    return json_parse(operation->arena, str_copy(operation->arena, buf_str(&text)), err);
}

void mirror_show_view(struct operation *operation, const struct catalog_load *load, struct str name, struct str told)
{
    struct arena *arena = operation->arena;
    struct table_bounds bounds = {arena, operation->root, &operation->catalog->warehouse};
    const struct metadata_context context = table_context(&bounds);
    struct str uuid = mirror_view_uuid(operation, name, S(""));
    struct str location = location_join(arena, str_format(arena, "%.*s/default", STR_ARG(operation->root)), name);
    const struct json *request = mirror_view_request(operation, name, told, &operation->error);
    struct document document = {0};
    if (request)
        document.view = view_new(arena, request, uuid, location, &context, &operation->error);
    if (!document.view) {
        operation->refusal = CATALOG_FAILED;
        operation_fail_error(operation);
        return;
    }
    AUTO(buf) struct buf bytes = {0};
    document_write(&document, &bytes);
    struct cache_document *cached = cache_document_new(&bytes);
    /* There is no such file; its name changes with the view, as one's would. */
    struct str metadata = str_format(arena, "%.*s/metadata/00000-%.*s.metadata.json", STR_ARG(location),
                                     STR_ARG(mirror_view_uuid(operation, name, told)));
    table_show(operation, metadata, location, cached, false);
    cache_document_unref(&cached);
    struct catalog_answer *answer = &operation->answer;
    answer->not_modified = load->if_none_match.len && str_equal(load->if_none_match, answer->etag);
    if (answer->not_modified)
        slice_release(&answer->metadata);
    operation_end(operation);
}
