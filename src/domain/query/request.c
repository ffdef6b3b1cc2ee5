/* From a request to a statement: who may, on which tenant, and what its text may say. */
#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/query/gate.h"
#include "domain/query/query_priv.h"
#include "platform/json/json.h"

#define REQUEST_NAME_MAX 255
#define REQUEST_CLAUSE_MAX 4096
/* Of a procedure's arguments in lists of statements: those of pipelines carry whole projects. */
#define REQUEST_ARGUMENTS_SHOWN 200

/* What all kinds of requests have in common. */
struct request {
    struct query *query;
    const struct principal *who;
    struct str tenant;
    struct query_session *session;
    struct str transaction;
    int64_t deadline_us;
    struct str protocol;
    uint64_t request_id;
};

/* From any of the public requests: they call these members alike. */
#define REQUEST_FROM(door, asked)                                                                                \
    {                                                                                                            \
        .query = (door), .who = (asked)->who, .tenant = (asked)->tenant, .session = (asked)->session,            \
        .transaction = (asked)->transaction, .deadline_us = (asked)->deadline_us, .protocol = (asked)->protocol, \
        .request_id = (asked)->request_id                                                                        \
    }

/* The tenant: as named, else that of the transaction, the session, or the token. */
static struct str request_tenant(const struct request *request)
{
    if (request->tenant.len)
        return request->tenant;
    if (request->session) {
        const struct query_seat *seat = query_seat_find(request->session, request->transaction);
        struct str tenant = seat ? seat->side->tenant->id : query_session_tenant(request->session);
        if (tenant.len)
            return tenant;
    }
    return request->who->tenant;
}

static void request_set_deadline(struct statement *statement, int64_t deadline_us)
{
    int64_t own_us = clock_deadline_us(limits_get(LIMIT_STATEMENT_TIMEOUT) * CLOCK_SECOND);
    statement->deadline_limit = LIMIT_COUNT;
    statement->deadline_us = deadline_us;
    if (own_us < deadline_us) {
        statement->deadline_us = own_us;
        statement->deadline_limit = LIMIT_STATEMENT_TIMEOUT;
    }
}

/* A statement with all that it is for lists and rights; role: what it needs at least. */
static struct statement *request_statement(const struct request *request, enum statement_kind kind, enum role role,
                                           const struct query_sink *sink, struct err *err)
{
    const struct principal *who = request->who;
    assert(who);
    if (request->session && !str_equal(request->session->user, who->user))
        return err_set(err, ERR_DENIED, "the session belongs to another user"), NULL;
    struct tenant *tenant = tenant_resolve(request->query->tenants, who, request_tenant(request), err);
    if (!tenant || !principal_need(who, tenant->id, role, err))
        return NULL;
    struct statement *statement = query_statement_new(request->query, tenant, kind, sink);
    struct arena *arena = statement->arena;
    statement->user = str_copy(arena, who->user);
    statement->role = principal_role(who, tenant->id);
    statement->protocol = str_copy(arena, request->protocol);
    statement->request_id = request->request_id;
    statement->transaction = str_copy(arena, request->transaction);
    statement->session = request->session;
    if (request->session)
        statement->session_id = str_copy(arena, query_session_id(request->session));
    request_set_deadline(statement, request->deadline_us);
    return statement;
}

static struct statement *request_enter(struct statement *statement, bool ok, struct err *err)
{
    if (ok)
        return query_statement_enter(statement, err);
    query_statement_free(statement);
    return NULL;
}

/* --- SQL --- */

/* Transaction control by name instead of text. */
static struct str request_step_text(enum query_transaction_step step)
{
    switch (step) {
    case QUERY_BEGIN:
        return S("BEGIN TRANSACTION");
    case QUERY_COMMIT:
        return S("COMMIT");
    case QUERY_ROLLBACK:
        return S("ROLLBACK");
    case QUERY_NO_STEP:
        break;
    }
    return S("");
}

/* What the gate says of the text, and of who brings it. */
static bool request_check_sql(struct statement *statement, const struct principal *who, struct str sql, bool runs,
                              struct err *err)
{
    struct arena *arena = statement->arena;
    struct gate_result *gate = arena_new_object(arena, struct gate_result);
    struct str tenant = statement->side->tenant->id;
    if (!gate_check(sql, tenant, arena, gate, err))
        return false;
    if (gate->statement_count == 0)
        return err_set(err, ERR_INVALID, "the request contains no SQL statement");
    if (gate->may_write && !principal_need(who, tenant, ROLE_WRITER, err))
        return false;
    if (runs && !query_iceberg_names(statement, gate, err))
        return false;
    statement->sql = gate->sql = str_copy(arena, gate->sql);
    statement->leaves = runs && gate->may_leave;
    statement->may_write = gate->may_write;
    statement->iceberg = gate->iceberg ? STATEMENT_NEEDS_ICEBERG : STATEMENT_ICEBERG_IF_USED;
    if (gate->rewritten) {
        statement->gate = gate;
        statement->written = str_copy(arena, sql);
    }
    return true;
}

/* Few values travel in the RUN frame, many in messages as those of an upload. */
static bool request_bind(struct statement *statement, const struct query_binds *binds, struct err *err)
{
    struct arena *arena = statement->arena;
    size_t size = binds->schema.len + binds->header.len + binds->body.len;
    if (size > (uint64_t)limits_get(LIMIT_BINDS))
        return limits_err(LIMIT_BINDS, err);
    if (size <= CHANNEL_INLINE_MAX) {
        statement->binds = (struct query_binds){.schema = str_copy(arena, binds->schema),
                                                .header = str_copy(arena, binds->header),
                                                .body = str_copy(arena, binds->body)};
        return true;
    }
    statement->intake = query_intake_new();
    uint8_t *none = query_intake_body(statement->intake, 0, NULL, err);
    if (!none)
        return false;
    query_intake_message(statement->intake, binds->schema, &statement->task);
    uint8_t *body = query_intake_body(statement->intake, binds->body.len, NULL, err);
    if (!body)
        return false;
    if (binds->body.len)
        memcpy(body, binds->body.ptr, binds->body.len);
    query_intake_message(statement->intake, binds->header, &statement->task);
    statement->finish = true;
    return true;
}

static bool request_fill_run(struct statement *statement, const struct query_request *request, struct err *err)
{
    struct str sql = request->prepared ? request->prepared->sql : request->sql;
    if (request->step != QUERY_NO_STEP)
        sql = request_step_text(request->step);
    if (sql.len > (uint64_t)limits_get(LIMIT_SQL))
        return limits_err(LIMIT_SQL, err);
    if (request->parameters.len > (uint64_t)limits_get(LIMIT_SQL))
        return err_set(err, ERR_RESOURCE, "the parameters are longer than limit %s", limits_name(LIMIT_SQL));
    if (request->step == QUERY_BEGIN && request->transaction.len)
        return err_set(err, ERR_INVALID, "a transaction cannot begin inside another one");
    if (!request_check_sql(statement, request->who, sql, request->purpose != QUERY_DESCRIBE, err))
        return false;
    statement->parameters = str_copy(statement->arena, request->parameters);
    statement->format = request->purpose == QUERY_RUN ? request->format : QUERY_FORMAT_FLIGHT;
    statement->run_unless_reads = request->purpose == QUERY_DESCRIBE_OR_RUN;
    statement->progress = request->progress;
    statement->step = request->step;
    statement->prepared = request->prepared ? request->prepared->id : 0;
    statement->on_ready = request->on_ready;
    if (request->binds)
        return request_bind(statement, request->binds, err);
    if (request->binds_follow)
        statement->intake = query_intake_new();
    return true;
}

struct statement *query_run(struct query *query, const struct query_request *request, const struct query_sink *sink,
                            struct err *err)
{
    const struct query_prepared *prepared = request->prepared;
    assert(!prepared || prepared->session == request->session);
    struct request common = REQUEST_FROM(query, request);
    if (prepared && common.tenant.len == 0)
        common.tenant = prepared->tenant;
    if (prepared && common.transaction.len == 0)
        common.transaction = prepared->transaction;
    enum statement_kind kind = request->purpose == QUERY_RUN ? STATEMENT_RUN : STATEMENT_DESCRIBE;
    struct statement *statement = request_statement(&common, kind, ROLE_READER, sink, err);
    if (!statement)
        return NULL;
    return request_enter(statement, request_fill_run(statement, request, err), err);
}

/* --- Metadata --- */

static void request_copy(struct arena *arena, struct str *text)
{
    if (text->ptr)
        *text = str_copy(arena, *text);
}

struct statement *query_metadata(struct query *query, const struct query_metadata_request *request,
                                 const struct query_sink *sink, struct err *err)
{
    struct request common = REQUEST_FROM(query, request);
    struct statement *statement = request_statement(&common, STATEMENT_METADATA, ROLE_READER, sink, err);
    if (!statement)
        return NULL;
    assert(request->type_count <= QUERY_TABLE_TYPES_MAX);
    struct query_metadata_request *asked = &statement->metadata;
    *asked = *request;
    struct str *texts[] = {&asked->catalog,    &asked->schema,    &asked->table,
                           &asked->fk_catalog, &asked->fk_schema, &asked->fk_table};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        request_copy(statement->arena, texts[i]);
    for (size_t i = 0; i < asked->type_count; i++)
        request_copy(statement->arena, &asked->types[i]);
    statement->sql = S("-- metadata");
    statement->iceberg = STATEMENT_ICEBERG_IF_USED;
    statement->format = QUERY_FORMAT_FLIGHT;
    return request_enter(statement, true, err);
}

/* --- Uploads --- */

/* A table that may have to be made needs its owner; the worker knows whether CREATE_APPEND finds one. */
static enum role request_upload_role(const struct query_upload_request *request)
{
    bool makes = request->mode == QUERY_MODE_CREATE || request->mode == QUERY_MODE_REPLACE;
    return makes && !request->temporary ? ROLE_OWNER : ROLE_WRITER;
}

static enum statement_iceberg request_upload_iceberg(const struct query_upload_request *request)
{
    bool named = str_equal_nocase(request->schema, S("iceberg")) || str_starts_with(request->schema, S("iceberg."));
    if (request->temporary)
        return STATEMENT_NO_ICEBERG;
    if (named || request->target == QUERY_TARGET_ICEBERG)
        return STATEMENT_NEEDS_ICEBERG;
    bool open = request->target == QUERY_TARGET_AUTO && request->schema.len == 0;
    return open && request->mode != QUERY_MODE_APPEND ? STATEMENT_WANTS_ICEBERG : STATEMENT_ICEBERG_IF_USED;
}

struct statement *query_upload(struct query *query, const struct query_upload_request *request,
                               const struct query_sink *sink, void (*on_ready)(void *owner), struct err *err)
{
    if (request->table.len == 0 || request->table.len > REQUEST_NAME_MAX || request->schema.len > REQUEST_NAME_MAX)
        return err_set(err, ERR_INVALID, "a table's name has 1 to %d bytes", REQUEST_NAME_MAX), NULL;
    if (request->partition_by.len > REQUEST_CLAUSE_MAX || request->sort_by.len > REQUEST_CLAUSE_MAX)
        return err_set(err, ERR_INVALID, "partition_by and sort_by have %d bytes at most", REQUEST_CLAUSE_MAX), NULL;
    struct request common = REQUEST_FROM(query, request);
    struct statement *statement = request_statement(&common, STATEMENT_UPLOAD, request_upload_role(request), sink, err);
    if (!statement)
        return NULL;
    struct arena *arena = statement->arena;
    statement->schema = str_copy(arena, request->schema);
    statement->table = str_copy(arena, request->table);
    statement->sql = str_format(arena, "-- upload into %.*s%s%.*s", STR_ARG(request->schema),
                                request->schema.len ? "." : "", STR_ARG(request->table));
    statement->mode = request->mode;
    statement->target = request->target;
    statement->iceberg = request_upload_iceberg(request);
    statement->partition_by = str_copy(arena, request->partition_by);
    statement->sort_by = str_copy(arena, request->sort_by);
    statement->temporary = request->temporary;
    statement->on_ready = on_ready;
    statement->intake = query_intake_new();
    return request_enter(statement, true, err);
}

/* --- Procedures --- */

/* Of the server's own requests. */
static const struct principal request_server = {.user = {"", 0}, .admin = true};

static enum statement_iceberg request_procedure_iceberg(enum query_procedure_kind kind)
{
    switch (kind) {
    case QUERY_LOCALS:
    case QUERY_SNAPSHOT:
    case QUERY_ANALYSE:
        return STATEMENT_NO_ICEBERG;
    case QUERY_PUBLISH:
    case QUERY_BIND:
    case QUERY_BUILD:
    case QUERY_EXPORT:
        return STATEMENT_ICEBERG_IF_USED;
    case QUERY_INSPECT:
    case QUERY_MIRROR:
    case QUERY_MAINTAIN:
        return STATEMENT_NEEDS_ICEBERG;
    }
    mem_panic("a procedure that nobody knows");
}

struct statement *query_procedure(struct query *query, const struct query_procedure_request *asked,
                                  const struct query_sink *sink, struct err *err)
{
    struct request request = {.query = query,
                              .who = asked->who ? asked->who : &request_server,
                              .tenant = asked->tenant,
                              .deadline_us = asked->deadline_us,
                              .protocol = asked->protocol,
                              .request_id = asked->request_id};
    static const char *const names[] = {"",         "locals",  "inspect", "mirror", "maintain", "publish",
                                        "snapshot", "analyse", "bind",    "build",  "export"};
    struct statement *statement = request_statement(&request, STATEMENT_RUN, ROLE_OWNER, sink, err);
    if (!statement)
        return NULL;
    statement->procedure = (int)asked->kind;
    statement->reserved = asked->kind == QUERY_LOCALS || asked->kind == QUERY_INSPECT;
    statement->iceberg = asked->iceberg ? STATEMENT_NEEDS_ICEBERG : request_procedure_iceberg(asked->kind);
    statement->sql = str_copy(statement->arena, asked->arguments);
    statement->shown = str_format(statement->arena, "-- %s %.*s", names[asked->kind],
                                  STR_ARG(str_slice(asked->arguments, 0, REQUEST_ARGUMENTS_SHOWN)));
    statement->format = asked->format;
    return query_statement_enter(statement, err);
}

/* --- Snapshots: a statement whose sink only waits for the end --- */

struct request_snapshot {
    struct loop_task later; /* a refusal is told later as well */
    struct err error;
    void (*done)(void *owner, const struct err *error);
    void *owner;
};

static void request_snapshot_end(void *owner, const struct query_end *end)
{
    struct request_snapshot *snapshot = owner;
    snapshot->done(snapshot->owner, end->error);
    mem_free(snapshot);
}

static void request_snapshot_refused(struct loop_task *task)
{
    struct request_snapshot *snapshot = task->owner;
    request_snapshot_end(snapshot, &(struct query_end){.error = &snapshot->error});
}

/* The file by its name in the tenant's directory: a path need not be text that JSON can hold. */
static struct str request_snapshot_arguments(const struct query *query, const struct tenant *tenant, struct str path,
                                             struct arena *arena)
{
    struct str directory = tenant_directory(query->tenants, tenant, arena);
    assert(str_starts_with(path, directory));
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "file", str_from_index(path, directory.len + 1));
    json_end_object(&writer);
    return str_copy(arena, buf_str(&arguments));
}

void query_snapshot(struct query *query, struct str tenant_id, struct str path,
                    void (*done)(void *owner, const struct err *error), void *owner)
{
    struct request_snapshot *snapshot = mem_new(struct request_snapshot);
    snapshot->done = done;
    snapshot->owner = owner;
    snapshot->later.run = request_snapshot_refused;
    snapshot->later.owner = snapshot;
    list_init(&snapshot->later.node);
    struct query_sink sink = {.on_end = request_snapshot_end, .owner = snapshot};
    struct tenant *tenant = tenant_find(query->tenants, tenant_id, &snapshot->error);
    struct statement *statement = NULL;
    if (tenant) {
        statement = query_statement_new(query, tenant, STATEMENT_RUN, &sink);
        statement->procedure = QUERY_SNAPSHOT;
        statement->sql = request_snapshot_arguments(query, tenant, path, statement->arena);
        statement->shown = S("-- backup");
        statement->protocol = S("internal");
        statement->role = ROLE_OWNER;
        statement = query_statement_enter(statement, &snapshot->error);
    }
    if (!statement)
        loop_defer(query->loop, &snapshot->later);
}
