/* The catalog as maintenance sees it: the same REST interface that everybody uses, at the internal listener. */
#include "base/clock.h"
#include "platform/http/client.h"
#include "platform/object/object.h"
#include "worker/maintain.h"
#include "worker/worker_priv.h"

#define MAINTAIN_CALL_TIMEOUT_US (60 * CLOCK_SECOND)

/* The answer's body, or an error in the catalog's words. */
static bool maintain_request(struct maintain *maintain, struct arena *arena, const char *method, struct str url,
                             struct str body, const struct json **answer_out, struct err *err)
{
    const struct http_field fields[] = {{S("authorization"), maintain->authorization},
                                        {S("x-iceberg-access-delegation"), S("vended-credentials")}};
    const struct http_client_request request = {
        .method = str_from(method),
        .url = url,
        .accept = S("application/json"),
        .content_type = body.len ? S("application/json") : S(""),
        .body = body,
        .fields = fields,
        .field_count = 2,
        .timeout_us = MAINTAIN_CALL_TIMEOUT_US,
    };
    struct http_client_answer answer;
    struct err ignored;
    if (worker_statement_is_cancelled(maintain->statement))
        return err_set(err, ERR_CANCELLED, "the statement was cancelled");
    if (!http_client_run(maintain->http, arena, &request, &answer, err)) {
        err->code = ERR_UNKNOWN;
        return false;
    }
    bool good = answer.status >= 200 && answer.status < 300;
    *answer_out = answer.body.len ? json_parse(arena, answer.body, good ? err : &ignored) : NULL;
    if (good)
        return *answer_out || answer.body.len == 0;
    struct str message = json_text(json_get(json_get(*answer_out, "error"), "message"));
    enum err_code code = answer.status == 404   ? ERR_NOT_FOUND
                         : answer.status == 409 ? ERR_CONFLICT
                         : answer.status >= 500 ? ERR_UNKNOWN
                                                : ERR_INVALID;
    return err_set(err, code, "the catalog answers %d: %.*s", answer.status, STR_ARG(message));
}

static bool maintain_call(struct maintain *maintain, struct arena *arena, const char *method, struct str path,
                          struct str body, const struct json **answer_out, struct err *err)
{
    struct str url = str_format(arena, "%.*s%.*s", STR_ARG(maintain->url), STR_ARG(path));
    return maintain_request(maintain, arena, method, url, body, answer_out, err);
}

static bool maintain_config(struct maintain *maintain, const struct json **config_out, struct err *err)
{
    return maintain_request(maintain, maintain->arena, "GET", maintain->config_url, S(""), config_out, err);
}

static void maintain_append_escaped(struct buf *path, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && memchr("-._~", c, 4));
        if (plain)
            buf_append_char(path, (char)c);
        else
            buf_printf(path, "%%%02X", c);
    }
}

/* Levels of a namespace are joined by 0x1F (REST specification, "namespace-separator"). */
static struct str maintain_namespace_path(struct arena *arena, const struct json *levels)
{
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/namespaces/"));
    for (size_t i = 0; i < json_count(levels); i++) {
        buf_append_str(&path, i ? S("%1F") : S(""));
        maintain_append_escaped(&path, json_text(json_at(levels, i)));
    }
    return str_copy(arena, buf_str(&path));
}

static void maintain_find_root(struct maintain *maintain)
{
    struct str warehouse = maintain->statement->worker->hello.warehouse;
    maintain->root =
        str_starts_with(warehouse, S("/")) ? str_format(maintain->arena, "file://%.*s", STR_ARG(warehouse)) : warehouse;
    while (str_ends_with(maintain->root, S("/")))
        maintain->root.len--;
}

bool maintain_is_s3(const struct maintain *maintain)
{
    return str_starts_with(maintain->root, S("s3://"));
}

static bool maintain_open_store(struct maintain *maintain, const struct object_s3 *s3, struct err *err)
{
    const struct object_options options = {.root = maintain->root, .s3 = s3};
    object_close(&maintain->store);
    maintain->store = object_open(&options, err);
    return maintain->store != NULL;
}

/* The keys for this table's files that came with it. DuckDB gets its own when it binds the table: then it reads
 * manifests, too. */
static bool maintain_open_s3(struct maintain *maintain, const struct maintain_table *table, const struct json *config,
                             struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    AUTO(buf) struct buf in = {0};
    const struct json *levels = json_get(table->identifier, "namespace");
    struct secret *key = secret_new(json_text(json_get(config, "s3.secret-access-key")));
    const struct object_s3 s3 = {.endpoint = json_text(json_get(config, "s3.endpoint")),
                                 .region = json_text(json_get(config, "s3.region")),
                                 .path_style =
                                     str_equal(json_text(json_get(config, "s3.path-style-access")), S("true")),
                                 .key_id = json_text(json_get(config, "s3.access-key-id")),
                                 .key = key,
                                 .session_token = json_text(json_get(config, "s3.session-token"))};
    maintain->is_bounded = s3.session_token.len > 0;
    for (size_t i = 0; i < json_count(levels); i++) {
        buf_append_str(&in, i ? S(".") : S(""));
        buf_append_str(&in, json_text(json_at(levels, i)));
    }
    buf_append_str(&sql, S("SELECT * FROM iceberg."));
    sql_append_name(&sql, buf_str(&in));
    buf_append_char(&sql, '.');
    sql_append_name(&sql, json_text(json_get(table->identifier, "name")));
    buf_append_str(&sql, S(" LIMIT 0"));
    bool ok = s3.key_id.len > 0 ||
              err_set(err, ERR_PRECONDITION, "the catalog gives no keys for the files of %.*s", STR_ARG(table->name));
    ok = ok && maintain_open_store(maintain, &s3, err) && sql_run(maintain->statement, buf_str(&sql), err);
    secret_free(&key);
    return ok;
}

bool maintain_open(struct maintain *maintain, struct err *err)
{
    const struct channel_hello *hello = &maintain->statement->worker->hello;
    const struct json *config;
    if (hello->catalog_url.len == 0)
        return err_set(err, ERR_PRECONDITION, "this worker was started without the Iceberg catalog");
    maintain->http = http_client_open(err);
    maintain->url = hello->catalog_url;
    while (str_ends_with(maintain->url, S("/")))
        maintain->url.len--;
    if (!str_ends_with(maintain->url, S("/v1")))
        maintain->url = str_format(maintain->arena, "%.*s/v1", STR_ARG(maintain->url));
    maintain->config_url = str_format(maintain->arena, "%.*s/config", STR_ARG(maintain->url));
    maintain->authorization = str_format(maintain->arena, "Bearer %.*s", STR_ARG(hello->catalog_pass));
    maintain_find_root(maintain);
    if (!maintain->http || (!maintain_is_s3(maintain) && !maintain_open_store(maintain, NULL, err)) ||
        !maintain_config(maintain, &config, err))
        return false;
    struct str prefix = json_text(json_get(json_get(config, "overrides"), "prefix"));
    if (prefix.len == 0)
        prefix = json_text(json_get(json_get(config, "defaults"), "prefix"));
    if (prefix.len)
        maintain->url = str_format(maintain->arena, "%.*s/%.*s", STR_ARG(maintain->url), STR_ARG(prefix));
    return true;
}

void maintain_close(struct maintain *maintain)
{
    http_client_close(&maintain->http);
    object_close(&maintain->store);
    buf_done(&maintain->answer);
}

bool maintain_delete(struct maintain *maintain, const struct str *locations, size_t count, bool *left_out,
                     struct err *err)
{
    const struct json *config;
    if (count && !maintain_config(maintain, &config, err))
        return false;
    *left_out = count && str_equal(json_text(json_get(json_get(config, "defaults"), "eider.deletions")), S("held"));
    return *left_out || object_delete(maintain->store, locations, count, err);
}

/* All pages of a list, appended to the array. */
static bool maintain_pages(struct maintain *maintain, struct arena *arena, struct str path, const char *member,
                           struct json_writer *out, struct err *err)
{
    struct str token = S("");
    do {
        const struct json *answer;
        AUTO(buf) struct buf page = {0};
        buf_append_str(&page, path);
        if (token.len) {
            buf_append_str(&page, str_find_char(path, '?') < 0 ? S("?pageToken=") : S("&pageToken="));
            maintain_append_escaped(&page, token);
        }
        if (!maintain_call(maintain, arena, "GET", buf_str(&page), S(""), &answer, err))
            return false;
        const struct json *list = json_get(answer, member);
        for (size_t i = 0; i < json_count(list); i++)
            json_write_value(out, NULL, json_at(list, i));
        token = json_text(json_get(answer, "next-page-token"));
    } while (token.len);
    return true;
}

/* The array that all pages make. */
static const struct json *maintain_whole(struct maintain *maintain, struct arena *arena, struct str path,
                                         const char *member, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_array(&writer, NULL);
    if (!maintain_pages(maintain, arena, path, member, &writer, err))
        return NULL;
    json_end_array(&writer);
    return json_parse(arena, buf_str(&text), err);
}

/* The tables of these namespaces and of those below them. */
static bool maintain_list_below(struct maintain *maintain, struct arena *arena, const struct json *namespaces,
                                struct json_writer *out, struct err *err)
{
    for (size_t i = 0; i < json_count(namespaces); i++) {
        struct str path = maintain_namespace_path(arena, json_at(namespaces, i));
        struct str tables = str_format(arena, "%.*s/tables", STR_ARG(path));
        struct str parent = str_from_index(path, sizeof("/namespaces/") - 1);
        struct str below = str_format(arena, "/namespaces?parent=%.*s", STR_ARG(parent));
        const struct json *children = maintain_whole(maintain, arena, below, "namespaces", err);
        if (!children || !maintain_pages(maintain, arena, tables, "identifiers", out, err) ||
            !maintain_list_below(maintain, arena, children, out, err))
            return false;
    }
    return true;
}

bool maintain_list(struct maintain *maintain, struct arena *arena, const struct json **identifiers_out, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    const struct json *top = maintain_whole(maintain, arena, S("/namespaces"), "namespaces", err);
    json_begin_array(&writer, NULL);
    if (!top || !maintain_list_below(maintain, arena, top, &writer, err))
        return false;
    json_end_array(&writer);
    *identifiers_out = json_parse(arena, buf_str(&text), err);
    return *identifiers_out != NULL;
}

static struct str maintain_shown_name(struct arena *arena, const struct json *identifier)
{
    const struct json *levels = json_get(identifier, "namespace");
    AUTO(buf) struct buf name = {0};
    bool usual = json_count(levels) == 1 && str_equal(json_text(json_at(levels, 0)), S("iceberg"));
    for (size_t i = 0; i < json_count(levels) && !usual; i++) {
        buf_append_str(&name, json_text(json_at(levels, i)));
        buf_append_char(&name, '.');
    }
    buf_append_str(&name, json_text(json_get(identifier, "name")));
    return str_copy(arena, buf_str(&name));
}

bool maintain_load(struct maintain *maintain, const struct json *identifier, struct maintain_table *table_out,
                   struct err *err)
{
    struct arena *arena = arena_new();
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, maintain_namespace_path(arena, json_get(identifier, "namespace")));
    buf_append_str(&path, S("/tables/"));
    maintain_append_escaped(&path, json_text(json_get(identifier, "name")));
    struct maintain_table table = {.arena = arena,
                                   .identifier = identifier,
                                   .path = str_copy(arena, buf_str(&path)),
                                   .name = maintain_shown_name(arena, identifier)};
    if (!maintain_call(maintain, arena, "GET", table.path, S(""), &answer, err) ||
        (maintain_is_s3(maintain) && !maintain_open_s3(maintain, &table, json_get(answer, "config"), err))) {
        arena_free(&arena);
        return false;
    }
    table.metadata = json_get(answer, "metadata");
    table.metadata_location = json_text(json_get(answer, "metadata-location"));
    table.location = json_text(json_get(table.metadata, "location"));
    while (str_ends_with(table.location, S("/")))
        table.location.len--;
    table.uuid = json_text(json_get(table.metadata, "table-uuid"));
    table.format = json_i64(json_get(table.metadata, "format-version"));
    const struct json *current = json_get(table.metadata, "current-snapshot-id");
    table.snapshot = json_kind(current) == JSON_I64 ? json_i64(current) : -1;
    *table_out = table;
    return true;
}

bool maintain_commit(struct maintain *maintain, const struct maintain_table *table, struct str updates, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    const struct json *refs = json_get(table->metadata, "refs"), *answer;
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "requirements");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("assert-table-uuid"));
    json_write_text(&writer, "uuid", table->uuid);
    json_end_object(&writer);
    for (size_t i = 0; i < json_count(refs); i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "type", S("assert-ref-snapshot-id"));
        json_write_text(&writer, "ref", json_key_at(refs, i));
        json_write_i64(&writer, "snapshot-id", json_i64(json_get(json_at(refs, i), "snapshot-id")));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    const struct json *parsed = json_parse(arena, updates, err);
    if (!parsed)
        return false;
    json_write_value(&writer, "updates", parsed);
    json_end_object(&writer);
    return maintain_call(maintain, arena, "POST", table->path, buf_str(&body), &answer, err);
}
