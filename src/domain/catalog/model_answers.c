/* What the model answers: one JSON object for each line of standard input (`kind`, `base`, `request` or `requirements`
 * and `updates`), one answer on standard output. tests/conformance/test_iceberg_model.py sends the same to Iceberg's
 * own server. */
#include <stdio.h>
#include <stdlib.h>

#include "domain/catalog/metadata.h"
#include "domain/catalog/view.h"
#include "platform/json/json.h"

static struct str answers_text(struct arena *arena, const struct json *value)
{
    AUTO(buf) struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_write_value(&writer, NULL, value);
    return str_copy(arena, buf_str(&buf));
}

static bool answers_table(struct arena *arena, const struct json *line, const struct metadata_context *context,
                          struct buf *document, struct err *err)
{
    const struct json *updates = json_get(line, "updates");
    const struct metadata *table;
    if (updates) {
        const struct metadata *base = metadata_parse(arena, answers_text(arena, json_get(line, "base")), err);
        if (!base || !metadata_require(base, json_get(line, "requirements"), err) ||
            !metadata_update(arena, base, updates, context, &table, err))
            return false;
    } else {
        struct metadata_create create = {.request = json_get(line, "request"),
                                         .uuid = json_text(json_get(line, "uuid")),
                                         .location = json_text(json_get(line, "location"))};
        table = metadata_new(arena, &create, context, err);
    }
    if (table)
        metadata_write(table, document);
    return table;
}

static bool answers_view(struct arena *arena, const struct json *line, const struct metadata_context *context,
                         struct buf *document, struct err *err)
{
    const struct json *updates = json_get(line, "updates");
    const struct view *view;
    if (updates) {
        const struct view *base = view_parse(arena, answers_text(arena, json_get(line, "base")), err);
        if (!base || !view_require(base, json_get(line, "requirements"), err) ||
            !view_update(arena, base, updates, context, &view, err))
            return false;
    } else {
        view = view_new(arena, json_get(line, "request"), json_text(json_get(line, "uuid")),
                        json_text(json_get(line, "location")), context, err);
    }
    if (view)
        view_write(view, document);
    return view;
}

static void answers_line(struct str text)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf document = {0}, message = {0};
    struct err err = {0};
    const struct json *line = json_parse(arena, text, &err);
    struct metadata_context context = {.now_ms = json_i64(json_get(line, "now")), .random = 1};
    bool is_view = str_equal(json_text(json_get(line, "kind")), S("view"));
    bool ok = line && (is_view ? answers_view(arena, line, &context, &document, &err)
                               : answers_table(arena, line, &context, &document, &err));
    json_escape(&message, err_message(&err));
    struct str said = ok ? buf_str(&document) : buf_str(&message);
    printf("{\"code\":\"%s\",\"%s\":%.*s}\n", err_code_name(err.code), ok ? "metadata" : "message", STR_ARG(said));
    fflush(stdout);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len = getline(&line, &room, stdin); len > 0; len = getline(&line, &room, stdin))
        answers_line(str_bytes(line, (size_t)len));
    mem_free(line);
    return 0;
}
