/* One statement from its entry to its end: seated, admitted, sent, watched, stopped, remembered. */
#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/state.h"
#include "domain/query/query_priv.h"
#include "domain/query/redact.h"
#include "platform/engine/engine.h"

static const struct state_rule statement_rules[] = {
    [QUERY_QUEUED] = {"queued", STATE_TO(QUERY_RUNNING) | STATE_TO(QUERY_CANCELLING)},
    [QUERY_RUNNING] = {"running", STATE_TO(QUERY_CANCELLING) | STATE_TO(QUERY_ENDED)},
    [QUERY_CANCELLING] = {"cancelling", STATE_TO(QUERY_ENDED)},
    [QUERY_ENDED] = {"ended", 0},
};

static void statement_on_piece(struct query_task *task, struct query_piece *piece);
static bool statement_on_put_done(struct query_task *task, const struct channel_put_done *done, struct err *err);
static void statement_on_end(struct query_task *task, const struct query_task_end *end);
static void statement_on_time(struct loop_timer *timer);
static void statement_on_later(struct loop_task *task);

static const struct query_task_events statement_events = {
    .on_piece = statement_on_piece, .on_put_done = statement_on_put_done, .on_end = statement_on_end};

/* --- Making one --- */

/* Ordered by time and unique over restarts: microseconds since 1970, or one more than the last. */
static struct str statement_new_id(struct query *query, struct arena *arena)
{
    uint64_t id = (uint64_t)clock_wall_us();
    query->last_id = id > query->last_id ? id : query->last_id + 1;
    return str_format(arena, "q%014" PRIx64, query->last_id);
}

struct statement *query_statement_new(struct query *query, struct tenant *tenant, enum statement_kind kind,
                                      const struct query_sink *sink)
{
    struct statement *statement = mem_new(struct statement);
    statement->query = query;
    statement->side = query_side(query, tenant);
    statement->kind = kind;
    statement->arena = arena_new();
    statement->id = statement_new_id(query, statement->arena);
    statement->sink = *sink;
    statement->created_us = clock_now_us();
    statement->started_wall_us = clock_wall_us();
    statement->timer.on_time = statement_on_time;
    statement->timer.owner = statement;
    statement->later.run = statement_on_later;
    statement->later.owner = statement;
    statement->task.owner = statement;
    statement->task.events = &statement_events;
    statement->task.permille = -1;
    statement->deadline_us = CLOCK_NEVER;
    statement->deadline_limit = LIMIT_COUNT;
    list_init(&statement->task.node);
    list_init(&statement->later.node);
    list_init(&statement->node);
    list_init(&statement->place);
    list_init(&statement->session_node);
    return statement;
}

void query_statement_free(struct statement *statement)
{
    loop_timer_cancel(statement->query->loop, &statement->timer);
    loop_defer_cancel(&statement->later);
    query_intake_free(&statement->intake, NULL);
    arena_free(&statement->arena);
    mem_free(statement);
}

/* Refused: nothing is left of it, neither in its session nor in its seat. */
static struct statement *statement_refuse(struct statement *statement)
{
    statement->is_failed = true;
    query_seat_leave(statement);
    query_session_leave(statement);
    query_statement_free(statement);
    return NULL;
}

struct statement *query_statement_enter(struct statement *statement, struct err *err)
{
    struct query *query = statement->query;
    if (query->draining) {
        err_set(err, ERR_UNAVAILABLE, "the server is shutting down");
        return statement_refuse(statement);
    }
    if (statement->shown.len == 0)
        statement->shown = query_redact(statement->arena, statement->sql, QUERY_SQL_SHOWN);
    if (!query_seat_choose(statement, err) || !query_session_enter(statement, err))
        return statement_refuse(statement);
    bool waits = statement->seat && !query_seat_take(statement);
    if (!waits && !query_admit(statement, err))
        return statement_refuse(statement);
    list_append(&query->statements, &statement->node);
    query->statement_count++;
    statement->side->statement_count++;
    return statement;
}

/* --- Running --- */

void query_statement_start(struct statement *statement)
{
    int64_t now_us = clock_now_us();
    statement->started_us = now_us;
    state_move(&statement->state, QUERY_RUNNING, statement_rules);
    if (statement->deadline_us != CLOCK_NEVER)
        loop_timer_set(statement->query->loop, &statement->timer,
                       statement->deadline_us > now_us ? statement->deadline_us - now_us : 0);
    query_need_worker(statement);
}

/* What the role may do, in the engine's words. */
static uint8_t statement_rights(const struct statement *statement)
{
    switch (statement->role) {
    case ROLE_OWNER:
        return ENGINE_MAY_OWN;
    case ROLE_WRITER:
        return ENGINE_MAY_WRITE;
    case ROLE_READER:
    case ROLE_NONE:
        break;
    }
    return ENGINE_MAY_READ;
}

/* Why writes are refused now; empty when they are not. */
static struct str statement_refusal(struct statement *statement)
{
    struct query *query = statement->query;
    struct tenant *tenant = statement->side->tenant;
    const char *refusal = query_disk_free(&query->disk, query->options.data);
    if (!refusal[0]) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str directory = tenant_directory(query->tenants, tenant, arena);
        refusal = query_disk_quota(&statement->side->disk, directory, &tenant->disk_bytes);
    }
    return str_from(refusal);
}

/* The messages of an upload, or of values for parameters. */
static void statement_send_intake(struct statement *statement)
{
    struct query_process *process = statement->side->process;
    query_intake_start(statement->intake, &statement->task);
    if (statement->finish) {
        channel_encode_empty(channel_out(process->channel), CHANNEL_FINISH, statement->task.id);
        channel_flush(process->channel);
    }
    if (statement->on_ready && query_intake_has_room_again(statement->intake))
        statement->on_ready(statement->sink.owner);
}

static void statement_send_run(struct statement *statement)
{
    const struct query_binds *binds = &statement->binds;
    struct channel_run run = {.format = (uint8_t)statement->format,
                              .rights = statement_rights(statement),
                              .binds = CHANNEL_BINDS_JSON,
                              .procedure = (uint8_t)statement->procedure,
                              .progress = statement->progress,
                              .run_unless_reads = statement->run_unless_reads,
                              .connection = statement->connection,
                              .prepared = statement->connection ? statement->prepared : 0,
                              .batch_target = (uint64_t)limits_get(LIMIT_BATCH_TARGET),
                              .statement_id = statement->id,
                              .refusal = statement_refusal(statement),
                              .sql = statement->sql,
                              .parameters = statement->parameters,
                              .bind_schema = binds->schema,
                              .bind_header = binds->header,
                              .bind_body = binds->body,
                              .absent_count = statement->absent_count,
                              .changed_count = statement->changed_count};
    for (uint32_t i = 0; i < statement->changed_count; i++)
        run.changed[i] = statement->changed[i];
    for (uint32_t i = 0; i < statement->absent_count; i++)
        run.absent[i] = statement->absent[i];
    if (statement->intake)
        run.binds = CHANNEL_BINDS_PUT;
    else if (binds->schema.len)
        run.binds = CHANNEL_BINDS_INLINE;
    enum channel_type type = statement->kind == STATEMENT_RUN ? CHANNEL_RUN : CHANNEL_DESCRIBE;
    query_task_run(&statement->task, statement->side->process, type, &run);
    if (statement->intake)
        statement_send_intake(statement);
}

static void statement_send_upload(struct statement *statement)
{
    struct channel_upload upload = {.mode = (uint8_t)statement->mode,
                                    .rights = statement_rights(statement),
                                    .target = (uint8_t)statement->target,
                                    .temporary = statement->temporary,
                                    .connection = statement->connection,
                                    .refusal = statement_refusal(statement),
                                    .schema = statement->schema,
                                    .table = statement->table,
                                    .partition_by = statement->partition_by,
                                    .sort_by = statement->sort_by};
    query_task_upload(&statement->task, statement->side->process, &upload);
    statement_send_intake(statement);
}

static void statement_send_metadata(struct statement *statement)
{
    const struct query_metadata_request *asked = &statement->metadata;
    struct channel_metadata metadata = {.kind = (uint8_t)asked->kind,
                                        .include_schema = asked->include_schema,
                                        .has_catalog = asked->catalog.ptr != NULL,
                                        .has_schema = asked->schema.ptr != NULL,
                                        .has_table = asked->table.ptr != NULL,
                                        .has_fk_catalog = asked->fk_catalog.ptr != NULL,
                                        .has_fk_schema = asked->fk_schema.ptr != NULL,
                                        .connection = statement->connection,
                                        .catalog = asked->catalog,
                                        .schema = asked->schema,
                                        .table = asked->table,
                                        .fk_catalog = asked->fk_catalog,
                                        .fk_schema = asked->fk_schema,
                                        .fk_table = asked->fk_table,
                                        .type_count = (uint32_t)asked->type_count};
    for (size_t i = 0; i < asked->type_count; i++)
        metadata.types[i] = asked->types[i];
    query_task_metadata(&statement->task, statement->side->process, &metadata);
}

void query_statement_send(struct statement *statement)
{
    assert(statement->state == QUERY_RUNNING);
    statement->is_sent = true;
    switch (statement->kind) {
    case STATEMENT_RUN:
    case STATEMENT_DESCRIBE:
        statement_send_run(statement);
        return;
    case STATEMENT_UPLOAD:
        statement_send_upload(statement);
        return;
    case STATEMENT_METADATA:
        statement_send_metadata(statement);
        return;
    }
}

static void statement_on_piece(struct query_task *task, struct query_piece *piece)
{
    struct statement *statement = task->owner;
    bool wanted = statement->state == QUERY_RUNNING && statement->sink.on_piece;
    statement->is_cut = statement->is_cut || !wanted;
    if (!wanted) { /* nobody takes it: the worker gets its block back and comes to its end */
        slice_release(&piece->header);
        slice_release(&piece->body);
        return;
    }
    statement->rows += piece->rows;
    statement->bytes += piece->header.len + piece->body.len;
    statement->sink.on_piece(statement->sink.owner, piece);
}

/* --- Uploads --- */

static bool statement_on_put_done(struct query_task *task, const struct channel_put_done *done, struct err *err)
{
    struct statement *statement = task->owner;
    if (!statement->intake)
        return err_set(err, ERR_INTERNAL, "the worker confirmed an upload that is none");
    if (!query_intake_done(statement->intake, done, err))
        return false;
    if (statement->state == QUERY_RUNNING && statement->on_ready && query_intake_has_room_again(statement->intake))
        statement->on_ready(statement->sink.owner);
    return true;
}

uint8_t *query_upload_body(struct statement *statement, size_t size, struct err *err)
{
    assert(statement->intake);
    return query_intake_body(statement->intake, size, statement->task.process, err);
}

void query_upload_message(struct statement *statement, struct str header)
{
    assert(statement->intake && !statement->finish);
    query_intake_message(statement->intake, header, &statement->task);
}

bool query_upload_is_full(const struct statement *statement)
{
    return query_intake_is_full(statement->intake);
}

void query_upload_finish(struct statement *statement)
{
    assert(statement->intake && !statement->finish);
    statement->finish = true;
    struct query_process *process = statement->task.process;
    if (!process)
        return; /* statement_send says it */
    channel_encode_empty(channel_out(process->channel), CHANNEL_FINISH, statement->task.id);
    channel_flush(process->channel);
}

/* --- Stopping --- */

void query_statement_stop(struct statement *statement, const struct err *reason)
{
    if (statement->state == QUERY_CANCELLING || statement->state == QUERY_ENDED)
        return;
    struct loop *loop = statement->query->loop;
    statement->reason = *reason;
    state_move(&statement->state, QUERY_CANCELLING, statement_rules);
    if (!statement->task.process) { /* the worker has not heard of it */
        loop_timer_cancel(loop, &statement->timer);
        loop_defer(loop, &statement->later);
        return;
    }
    query_task_cancel(&statement->task);
    loop_timer_set(loop, &statement->timer, limits_get(LIMIT_KILL_GRACE) * CLOCK_MILLISECOND);
}

void query_cancel(struct statement *statement)
{
    struct err reason;
    err_set(&reason, ERR_CANCELLED, "the statement was cancelled");
    query_statement_stop(statement, &reason);
}

/* One's own, and all of a tenant for its owners. */
static bool statement_is_visible(const struct statement *statement, const struct principal *who)
{
    return str_equal(statement->user, who->user) || principal_role(who, statement->side->tenant->id) == ROLE_OWNER;
}

bool query_cancel_id(struct query *query, const struct principal *who, struct str id, struct query_info *info_out,
                     struct err *err)
{
    list_each(&query->statements, node)
    {
        struct statement *statement = list_object(node, struct statement, node);
        if (!str_equal(statement->id, id) || !statement_is_visible(statement, who))
            continue;
        query_statement_info(statement, info_out);
        query_cancel(statement);
        return true;
    }
    return err_set(err, ERR_NOT_FOUND, "no statement '%.*s' is running", (int)(id.len < 40 ? id.len : 40), id.ptr);
}

static void statement_deadline_err(const struct statement *statement, struct err *error)
{
    if (statement->deadline_limit == LIMIT_COUNT) {
        err_set(error, ERR_DEADLINE, "the request's deadline passed before the statement ended");
        return;
    }
    limits_err(statement->deadline_limit, error);
    error->code = ERR_DEADLINE;
}

/* It did not let itself be interrupted: only killing its worker ends it. */
static void statement_kill(struct statement *statement)
{
    struct err why;
    err_set(&why, ERR_UNAVAILABLE, "the tenant's worker was ended because statement %.*s did not stop",
            STR_ARG(statement->id));
    err_hint(&why, "run the statement again");
    query_process_kill(statement->task.process, &why);
}

static void statement_on_time(struct loop_timer *timer)
{
    struct statement *statement = timer->owner;
    struct err reason;
    if (statement->state == QUERY_CANCELLING) {
        statement_kill(statement);
        return;
    }
    if (clock_now_us() >= statement->deadline_us)
        statement_deadline_err(statement, &reason);
    else if (statement->seat && statement->seat->busy != statement)
        query_seat_busy_err(statement, &reason);
    else
        limits_err(LIMIT_QUEUE_WAIT, &reason);
    query_statement_stop(statement, &reason);
}

/* --- The end --- */

static enum query_outcome statement_outcome(const struct err *error, bool stopped)
{
    if (!error)
        return QUERY_DONE;
    if (stopped && error->code == ERR_CANCELLED)
        return QUERY_CANCELLED;
    return stopped && error->code == ERR_DEADLINE ? QUERY_TIMEOUT : QUERY_FAILED;
}

void query_statement_info(const struct statement *statement, struct query_info *info_out)
{
    int64_t now_us = clock_now_us();
    int64_t started_us = statement->started_us ? statement->started_us : now_us;
    *info_out = (struct query_info){.id = statement->id,
                                    .tenant = statement->side->tenant->id,
                                    .user = statement->user,
                                    .protocol = statement->protocol,
                                    .sql = statement->shown,
                                    .state = statement->state,
                                    .started_wall_us = statement->started_wall_us,
                                    .queued_us = started_us - statement->created_us,
                                    .run_us = now_us - started_us,
                                    .rows = statement->rows,
                                    .bytes = statement->bytes,
                                    .memory_bytes = statement->answer.memory_bytes,
                                    .session = statement->session_id,
                                    .role = str_from(role_name(statement->role))};
}

/* Ends the statement: remembers it, frees its slot, tells the sink. error NULL: success. */
static void statement_finish(struct statement *statement, const struct err *error)
{
    struct query *query = statement->query;
    bool stopped = statement->reason.code != ERR_OK && error == &statement->reason;
    enum query_outcome outcome = statement_outcome(error, stopped);
    struct query_info info;
    query_statement_info(statement, &info);
    info.state = QUERY_ENDED;
    info.outcome = (int)outcome;
    info.error = error ? err_message(error) : S("");
    if (!statement->reserved) /* the server's own housekeeping */
        query_journal_add(&query->journal, &info);
    query_count(statement, outcome, info.run_us);
    statement->is_failed = error != NULL;
    query_leave(statement);
    query_seat_leave(statement);
    query_session_leave(statement);
    query_iceberg_restart(statement->side);
    state_move(&statement->state, QUERY_ENDED, statement_rules);
    list_remove(&statement->node);
    query->statement_count--;
    statement->side->statement_count--;
    struct query_end end = {.error = error,
                            .rows = statement->rows,
                            .bytes = statement->bytes,
                            .queued_us = info.queued_us,
                            .run_us = info.run_us,
                            .kind = statement->answer.kind,
                            .ran = statement->answer.ran,
                            .depends = statement->answer.depends,
                            .returns = statement->answer.returns,
                            .target = statement->answer.target,
                            .reason = statement->answer.reason};
    struct query_tenant *side = statement->side;
    statement->sink.on_end(statement->sink.owner, &end);
    query_statement_free(statement);
    query_check_deleted(side);
    query_check_drained(query);
}

/* It ended without a worker. */
static void statement_on_later(struct loop_task *task)
{
    struct statement *statement = task->owner;
    statement_finish(statement, &statement->reason);
}

/* It was to be stopped, and has ended. A commit that was faster than the request to stop it is a fact, which nobody may
 * be told otherwise; a result with pieces thrown away is none. */
static void statement_stopped(struct statement *statement, bool ok)
{
    struct err *reason = &statement->reason;
    bool changed = ok && (statement->kind == STATEMENT_UPLOAD || statement->answer.kind != QUERY_KIND_READ);
    if (changed && !statement->is_cut) {
        statement_finish(statement, NULL);
        return;
    }
    if (changed)
        err_hint(reason, "what it changes had been done already");
    else if (!statement->answer.is_answered && statement->may_write)
        err_hint(reason, "its worker was ended: look whether its change was committed before");
    statement_finish(statement, reason);
}

static void statement_on_end(struct query_task *task, const struct query_task_end *end)
{
    struct statement *statement = task->owner;
    struct query_process *process = statement->side->process;
    bool is_upload = statement->kind == STATEMENT_UPLOAD;
    statement->answer = *end;
    statement->answer.error = NULL;
    statement->answer.reason = str_copy(statement->arena, end->reason);
    if (is_upload)
        statement->bytes = query_intake_bytes(statement->intake);
    query_intake_free(&statement->intake, process && process->state != QUERY_PROCESS_GONE ? process : NULL);
    if (!end->error)
        statement->rows = end->rows; /* sent, stored, or changed by DML */
    if (statement->state == QUERY_CANCELLING) {
        statement_stopped(statement, !end->error);
        return;
    }
    if (!end->error) {
        statement_finish(statement, NULL);
        return;
    }
    struct err error = *end->error;
    query_scrub(statement->query, &error);
    if (statement->gate)
        gate_map_error(statement->gate, statement->written, &error);
    statement_finish(statement, &error);
}

struct str query_statement_transaction(const struct statement *statement)
{
    return statement->transaction;
}

double query_statement_progress(const struct statement *statement)
{
    return statement->task.permille < 0 ? -1 : statement->task.permille / 1000.0;
}

struct str query_statement_id(const struct statement *statement)
{
    return statement->id;
}

struct str query_statement_tenant(const struct statement *statement)
{
    return statement->side->tenant->id;
}
