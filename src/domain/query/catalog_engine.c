#include "domain/query/catalog_engine.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "domain/catalog/catalog.h"
#include "platform/channel/frame.h"
#include "platform/json/json.h"

#define CATALOG_ENGINE_NAME_MAX 255

struct query_catalog {
    struct query *query;
    struct loop *loop;
    struct catalog_engine engine;
    struct list asks; /* all that have not ended, oldest first */
};

/* One question on its way. */
struct catalog_ask {
    struct list node;
    struct query_catalog *catalog;
    struct arena *arena;
    struct str tenant, arguments;
    enum query_procedure_kind kind;
    bool begun;
    struct statement *statement; /* NULL: waits, or was refused */
    struct buf answer;           /* JSON, a line for each row */
    struct err error;            /* why it was refused or stopped */
    struct loop_task refused;
    void *owner; /* NULL: nobody waits any more */
    catalog_locals_done *locals_done;
    catalog_mirror_done *mirror_done;
    catalog_engine_done *inspect_done;
};

static void catalog_ask_begin(struct catalog_ask *ask);

/* LOCALS and INSPECT have threads of their own in the worker, and those are few. */
static bool catalog_ask_is_reserved(const struct catalog_ask *ask)
{
    return ask->kind == QUERY_LOCALS || ask->kind == QUERY_INSPECT;
}

static bool catalog_ask_has_room(const struct catalog_ask *asked)
{
    size_t running = 0;
    list_each(&asked->catalog->asks, node)
    {
        const struct catalog_ask *ask = list_object(node, struct catalog_ask, node);
        running += ask->begun && catalog_ask_is_reserved(ask) && str_equal(ask->tenant, asked->tenant);
    }
    return !catalog_ask_is_reserved(asked) || running < CHANNEL_RESERVED_MAX;
}

static void catalog_ask_free(struct catalog_ask *ask)
{
    list_remove(&ask->node);
    loop_defer_cancel(&ask->refused);
    buf_done(&ask->answer);
    arena_free(&ask->arena);
    mem_free(ask);
}

/* The first of the tenant that waits. */
static void catalog_ask_next(struct query_catalog *catalog, struct str tenant)
{
    list_each(&catalog->asks, node)
    {
        struct catalog_ask *ask = list_object(node, struct catalog_ask, node);
        if (ask->begun || !str_equal(ask->tenant, tenant))
            continue;
        if (catalog_ask_has_room(ask))
            catalog_ask_begin(ask);
        return;
    }
}

/* --- Answers: made by a worker, so nothing in them is believed --- */

/* The rows, or NULL. */
static const struct json **catalog_ask_rows(struct catalog_ask *ask, size_t *count_out, struct err *err)
{
    VEC(const struct json *) rows = {0};
    struct str rest = buf_str(&ask->answer), line;
    bool ok = true;
    while (ok && str_split_next(&rest, '\n', &line)) {
        const struct json *row = line.len ? json_parse(ask->arena, line, err) : NULL;
        ok = row || line.len == 0;
        if (row)
            vec_push(&rows, row);
    }
    const struct json **copy = arena_copy(ask->arena, rows.items, rows.count * sizeof(*rows.items));
    *count_out = rows.count;
    vec_done(&rows);
    return ok ? copy : NULL;
}

static uint64_t catalog_ask_number(const struct json *row, const char *key)
{
    int64_t number = json_i64(json_get(row, key));
    return number > 0 ? (uint64_t)number : 0;
}

static void catalog_ask_tell_locals(struct catalog_ask *ask, const struct json **rows, size_t count, struct err *error)
{
    struct catalog_local *locals = arena_array(ask->arena, count + 1, sizeof(*locals));
    for (size_t i = 0; i < count; i++) {
        locals[i] = (struct catalog_local){.name = json_text(json_get(rows[i], "name")),
                                           .is_view = json_bool(json_get(rows[i], "is_view")),
                                           .epoch = catalog_ask_number(rows[i], "epoch"),
                                           .version = catalog_ask_number(rows[i], "version"),
                                           .bytes = catalog_ask_number(rows[i], "bytes"),
                                           .view = json_text(json_get(rows[i], "view"))};
        if (locals[i].name.len == 0 || locals[i].name.len > CATALOG_ENGINE_NAME_MAX) {
            err_set(error, ERR_INTERNAL, "the tenant's worker names a table that can have no such name");
            ask->locals_done(ask->owner, NULL, 0, error);
            return;
        }
    }
    ask->locals_done(ask->owner, locals, count, NULL);
}

static void catalog_ask_tell_mirrored(struct catalog_ask *ask, const struct json *row, struct err *error)
{
    struct catalog_mirrored mirrored = {.same = json_bool(json_get(row, "same")),
                                        .epoch = catalog_ask_number(row, "epoch"),
                                        .version = catalog_ask_number(row, "version"),
                                        .checksum = json_text(json_get(row, "checksum"))};
    if (mirrored.checksum.len > CATALOG_ENGINE_NAME_MAX) {
        err_set(error, ERR_INTERNAL, "the tenant's worker sends a checksum that is none");
        ask->mirror_done(ask->owner, NULL, error);
        return;
    }
    ask->mirror_done(ask->owner, &mirrored, NULL);
}

static void catalog_ask_tell_error(struct catalog_ask *ask, const struct err *error)
{
    switch (ask->kind) {
    case QUERY_LOCALS:
        ask->locals_done(ask->owner, NULL, 0, error);
        return;
    case QUERY_MIRROR:
        ask->mirror_done(ask->owner, NULL, error);
        return;
    case QUERY_INSPECT:
        ask->inspect_done(ask->owner, S(""), error);
        return;
    case QUERY_MAINTAIN:
    case QUERY_PUBLISH:
    case QUERY_SNAPSHOT:
    case QUERY_ANALYSE:
    case QUERY_BIND:
    case QUERY_BUILD:
    case QUERY_EXPORT:
        return; /* the catalog does not ask for these */
    }
}

static void catalog_ask_tell(struct catalog_ask *ask, const struct err *error)
{
    struct err own;
    size_t count = 0;
    const struct json **rows = NULL;
    if (!ask->owner)
        return;
    if (!error && !(rows = catalog_ask_rows(ask, &count, &own))) {
        err_wrap(&own, "the tenant's worker");
        own.code = ERR_INTERNAL;
        error = &own;
    }
    if (error)
        catalog_ask_tell_error(ask, error);
    else if (ask->kind == QUERY_LOCALS)
        catalog_ask_tell_locals(ask, rows, count, &own);
    else if (ask->kind == QUERY_MIRROR)
        catalog_ask_tell_mirrored(ask, count ? rows[0] : NULL, &own);
    else
        ask->inspect_done(ask->owner, buf_str(&ask->answer), NULL);
}

/* --- Asking --- */

static void catalog_ask_on_piece(void *owner, struct query_piece *piece)
{
    struct catalog_ask *ask = owner;
    bool fits = buf_len(&ask->answer) + piece->body.len <= (uint64_t)limits_get(LIMIT_CATALOG_ANSWER);
    if (fits && ask->error.code == ERR_OK) {
        buf_append(&ask->answer, piece->body.ptr, piece->body.len);
    } else if (ask->error.code == ERR_OK) {
        limits_err(LIMIT_CATALOG_ANSWER, &ask->error);
        query_cancel(ask->statement);
    }
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void catalog_ask_end(struct catalog_ask *ask, const struct err *error)
{
    struct query_catalog *catalog = ask->catalog;
    struct arena *arena = ask->arena; /* of the tenant's name */
    catalog_ask_tell(ask, error);
    struct str tenant = ask->tenant;
    ask->arena = NULL;
    catalog_ask_free(ask);
    catalog_ask_next(catalog, tenant);
    arena_free(&arena);
}

static void catalog_ask_on_end(void *owner, const struct query_end *end)
{
    struct catalog_ask *ask = owner;
    ask->statement = NULL;
    catalog_ask_end(ask, ask->error.code != ERR_OK ? &ask->error : end->error);
}

static void catalog_ask_on_refused(struct loop_task *task)
{
    struct catalog_ask *ask = task->owner;
    catalog_ask_end(ask, &ask->error);
}

static void catalog_ask_begin(struct catalog_ask *ask)
{
    struct query_procedure_request request = {.tenant = ask->tenant,
                                              .kind = ask->kind,
                                              .arguments = ask->arguments,
                                              .format = QUERY_FORMAT_JSON_LINES,
                                              .deadline_us = CLOCK_NEVER,
                                              .protocol = S("internal")};
    struct query_sink sink = {.on_piece = catalog_ask_on_piece, .on_end = catalog_ask_on_end, .owner = ask};
    ask->begun = true;
    ask->statement = query_procedure(ask->catalog->query, &request, &sink, &ask->error);
    if (!ask->statement)
        loop_defer(ask->catalog->loop, &ask->refused);
}

static struct catalog_ask *catalog_ask_new(struct query_catalog *catalog, enum query_procedure_kind kind,
                                           struct str tenant, void *owner)
{
    struct catalog_ask *ask = mem_new(struct catalog_ask);
    ask->catalog = catalog;
    ask->kind = kind;
    ask->arena = arena_new_small();
    ask->tenant = str_copy(ask->arena, tenant);
    ask->owner = owner;
    ask->refused.run = catalog_ask_on_refused;
    ask->refused.owner = ask;
    list_init(&ask->refused.node);
    list_append(&catalog->asks, &ask->node);
    return ask;
}

/* Takes its arguments along. */
static void catalog_ask_enter(struct catalog_ask *ask, struct buf *arguments)
{
    ask->arguments = str_copy(ask->arena, buf_str(arguments));
    buf_done(arguments);
    if (catalog_ask_has_room(ask))
        catalog_ask_begin(ask);
}

static void catalog_engine_locals(void *owner, struct str tenant, struct str name, catalog_locals_done *done,
                                  void *done_owner)
{
    struct catalog_ask *ask = catalog_ask_new(owner, QUERY_LOCALS, tenant, done_owner);
    struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    ask->locals_done = done;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", name);
    json_end_object(&writer);
    catalog_ask_enter(ask, &arguments);
}

static void catalog_engine_mirror(void *owner, struct str tenant, struct str name, struct str staging,
                                  struct str checksum, catalog_mirror_done *done, void *done_owner)
{
    struct catalog_ask *ask = catalog_ask_new(owner, QUERY_MIRROR, tenant, done_owner);
    struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    ask->mirror_done = done;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "name", name);
    json_write_text(&writer, "staging", staging);
    json_write_text(&writer, "checksum", checksum);
    json_end_object(&writer);
    catalog_ask_enter(ask, &arguments);
}

static void catalog_engine_inspect(void *owner, struct str tenant, struct str root, const struct str *manifest_lists,
                                   size_t count, const struct catalog_pair *credentials, size_t credential_count,
                                   catalog_engine_done *done, void *done_owner)
{
    struct catalog_ask *ask = catalog_ask_new(owner, QUERY_INSPECT, tenant, done_owner);
    struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    ask->inspect_done = done;
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "root", root);
    json_begin_array(&writer, "manifest_lists");
    for (size_t i = 0; i < count; i++)
        json_write_text(&writer, NULL, manifest_lists[i]);
    json_end_array(&writer);
    json_begin_object(&writer, "credentials");
    for (size_t i = 0; i < credential_count; i++)
        json_write_text(&writer, str_cstr(ask->arena, credentials[i].key), credentials[i].value);
    json_end_object(&writer);
    json_end_object(&writer);
    catalog_ask_enter(ask, &arguments);
}

static void catalog_engine_cancel(void *owner, void *done_owner)
{
    struct query_catalog *catalog = owner;
    list_each(&catalog->asks, node)
    {
        struct catalog_ask *ask = list_object(node, struct catalog_ask, node);
        if (ask->owner != done_owner)
            continue;
        ask->owner = NULL;
        if (ask->statement)
            query_cancel(ask->statement);
        else if (!ask->begun)
            catalog_ask_free(ask);
    }
}

/* --- Life --- */

struct query_catalog *query_catalog_new(struct query *query, struct loop *loop)
{
    struct query_catalog *catalog = mem_new(struct query_catalog);
    catalog->query = query;
    catalog->loop = loop;
    list_init(&catalog->asks);
    catalog->engine = (struct catalog_engine){.owner = catalog,
                                              .locals = catalog_engine_locals,
                                              .mirror = catalog_engine_mirror,
                                              .inspect = catalog_engine_inspect,
                                              .cancel = catalog_engine_cancel};
    return catalog;
}

void query_catalog_free(struct query_catalog **catalog_ptr)
{
    struct query_catalog *catalog = *catalog_ptr;
    if (!catalog)
        return;
    list_each(&catalog->asks, node)
    {
        catalog_ask_free(list_object(node, struct catalog_ask, node));
    }
    mem_free(catalog);
    *catalog_ptr = NULL;
}

const struct catalog_engine *query_catalog_engine(struct query_catalog *catalog)
{
    return &catalog->engine;
}
