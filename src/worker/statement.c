#include "worker/statement.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/output.h"
#include "worker/worker_priv.h"

/* --- Life --- */

static bool worker_statement_decode_run(struct worker_statement *statement, struct str payload, struct err *err)
{
    struct channel_run *run = &statement->run;
    if (!channel_decode_run(payload, run, err))
        return false;
    run->statement_id = str_copy(statement->arena, run->statement_id);
    run->refusal = str_copy(statement->arena, run->refusal);
    run->sql = str_copy(statement->arena, run->sql);
    run->parameters = str_copy(statement->arena, run->parameters);
    for (uint32_t i = 0; i < run->absent_count; i++)
        run->absent[i] = str_copy(statement->arena, run->absent[i]);
    for (uint32_t i = 0; i < run->changed_count; i++)
        run->changed[i] = str_copy(statement->arena, run->changed[i]);
    run->bind_schema = str_copy(statement->arena, run->bind_schema);
    run->bind_header = str_copy(statement->arena, run->bind_header);
    run->bind_body =
        str_bytes(arena_copy(statement->arena, run->bind_body.ptr, run->bind_body.len), run->bind_body.len);
    return true;
}

static bool worker_statement_decode_metadata(struct worker_statement *statement, struct str payload, struct err *err)
{
    struct channel_metadata *metadata = &statement->metadata;
    if (!channel_decode_metadata(payload, metadata, err))
        return false;
    struct str *texts[] = {&metadata->catalog,    &metadata->schema,    &metadata->table,
                           &metadata->fk_catalog, &metadata->fk_schema, &metadata->fk_table};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(statement->arena, *texts[i]);
    for (uint32_t i = 0; i < metadata->type_count; i++)
        metadata->types[i] = str_copy(statement->arena, metadata->types[i]);
    return true;
}

static bool worker_statement_decode(struct worker_statement *statement, struct str payload, struct err *err)
{
    if (statement->type == CHANNEL_RUN || statement->type == CHANNEL_DESCRIBE)
        return worker_statement_decode_run(statement, payload, err);
    if (statement->type == CHANNEL_UPLOAD) {
        struct channel_upload *upload = &statement->upload;
        if (!channel_decode_upload(payload, upload, err))
            return false;
        upload->refusal = str_copy(statement->arena, upload->refusal);
        upload->schema = str_copy(statement->arena, upload->schema);
        upload->table = str_copy(statement->arena, upload->table);
        upload->partition_by = str_copy(statement->arena, upload->partition_by);
        upload->sort_by = str_copy(statement->arena, upload->sort_by);
        return true;
    }
    assert(statement->type == CHANNEL_METADATA);
    return worker_statement_decode_metadata(statement, payload, err);
}

struct worker_statement *worker_statement_new(struct worker *worker, const struct channel_frame *frame, struct err *err)
{
    struct worker_statement *statement = mem_new(struct worker_statement);
    statement->worker = worker;
    statement->arena = arena_new();
    statement->id = frame->statement;
    statement->type = (enum channel_type)frame->type;
    list_init(&statement->node);
    list_init(&statement->puts);
    pthread_mutex_init(&statement->lock, NULL);
    pthread_cond_init(&statement->changed, NULL);
    if (!worker_statement_decode(statement, frame->payload, err))
        worker_statement_free(&statement);
    return statement;
}

void worker_put_free(struct worker_put **put_ptr)
{
    struct worker_put *put = *put_ptr;
    if (!put)
        return;
    *put_ptr = NULL;
    buf_done(&put->header);
    buf_done(&put->memory);
    mem_free(put);
}

void worker_statement_free(struct worker_statement **statement_ptr)
{
    struct worker_statement *statement = *statement_ptr;
    if (!statement)
        return;
    *statement_ptr = NULL;
    list_each(&statement->puts, node)
    {
        struct worker_put *put = list_object(node, struct worker_put, node);
        worker_put_free(&put);
    }
    if (statement->memory)
        munmap(statement->memory, statement->memory_size);
    vec_done(&statement->grants);
    buf_done(&statement->held);
    pthread_mutex_destroy(&statement->lock);
    pthread_cond_destroy(&statement->changed);
    arena_free(&statement->arena);
    mem_free(statement);
}

/* --- What the reading thread brings --- */

void worker_statement_grant(struct worker_statement *statement, struct worker_grant grant)
{
    pthread_mutex_lock(&statement->lock);
    vec_push(&statement->grants, grant);
    pthread_cond_signal(&statement->changed);
    pthread_mutex_unlock(&statement->lock);
}

void worker_statement_put(struct worker_statement *statement, struct worker_put *put)
{
    pthread_mutex_lock(&statement->lock);
    list_append(&statement->puts, &put->node);
    pthread_cond_signal(&statement->changed);
    pthread_mutex_unlock(&statement->lock);
}

void worker_statement_finish(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    statement->finish = true;
    pthread_cond_signal(&statement->changed);
    pthread_mutex_unlock(&statement->lock);
}

void worker_statement_cancel(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    statement->cancelled = true;
    pthread_cond_signal(&statement->changed);
    pthread_mutex_unlock(&statement->lock);
    worker_statement_interrupt(statement);
}

bool worker_statement_interrupt(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    bool cancelled = statement->cancelled;
    if (cancelled && statement->session)
        engine_session_interrupt(statement->session);
    pthread_mutex_unlock(&statement->lock);
    return cancelled;
}

bool worker_statement_is_cancelled(struct worker_statement *statement)
{
    pthread_mutex_lock(&statement->lock);
    bool cancelled = statement->cancelled;
    pthread_mutex_unlock(&statement->lock);
    return cancelled;
}

void worker_statement_look(struct worker_statement *statement, uint64_t memory_bytes)
{
    AUTO(buf) struct buf frame = {0};
    pthread_mutex_lock(&statement->lock);
    if (memory_bytes > statement->memory_bytes)
        statement->memory_bytes = memory_bytes;
    if (statement->run.progress && statement->session) {
        struct channel_progress progress = {.permille = engine_session_progress(statement->session),
                                            .rows = statement->rows};
        channel_encode_progress(&frame, statement->id, &progress);
        channel_port_write(&statement->worker->port, buf_str(&frame)); /* a front that has gone is seen by the read */
    }
    pthread_mutex_unlock(&statement->lock);
}

/* --- Execution --- */

struct engine_policy worker_policy(uint8_t rights, struct str refusal, bool files_allowed)
{
    return (struct engine_policy){.rights = rights <= ENGINE_MAY_READ ? (enum engine_rights)rights : ENGINE_MAY_READ,
                                  .writes_refused = refusal.len > 0,
                                  .refusal = refusal,
                                  .files_allowed = files_allowed};
}

void worker_put_release(void *owner)
{
    struct worker_put *put = owner;
    AUTO(buf) struct buf frame = {0};
    struct channel_put_done done = {.block = put->block, .len = put->len};
    channel_encode_put_done(&frame, put->statement, &done);
    channel_port_write(&put->worker->port, buf_str(&frame)); /* a front that has gone ends the process elsewhere */
    worker_put_free(&put);
}

struct worker_put *worker_statement_next_put(struct worker_statement *statement, struct err *err)
{
    struct worker_put *put = NULL;
    err->code = ERR_OK;
    pthread_mutex_lock(&statement->lock);
    while (list_is_empty(&statement->puts) && !statement->finish && !statement->cancelled)
        pthread_cond_wait(&statement->changed, &statement->lock);
    struct list *first = list_first(&statement->puts);
    if (statement->cancelled)
        err_set(err, ERR_CANCELLED, "the statement was cancelled");
    else if (first) {
        list_remove(first);
        put = list_object(first, struct worker_put, node);
    }
    pthread_mutex_unlock(&statement->lock);
    return put;
}

static bool worker_upload_is_cancelled(void *owner)
{
    return worker_statement_is_cancelled(owner);
}

/* The first message opens the upload with its schema; the others are batches. */
static bool worker_upload_message(struct worker_statement *statement, struct engine_upload **upload,
                                  struct worker_put *put, struct err *err)
{
    struct str header = buf_str(&put->header);
    if (*upload) {
        uint8_t *body = put->body;
        return engine_upload_batch(*upload, header, body, (size_t)put->len, worker_put_release, put, err);
    }
    const struct channel_upload *asked = &statement->upload;
    struct engine_upload_request request = {
        .schema = asked->schema,
        .table = asked->table,
        .mode = (enum engine_upload_mode)asked->mode,
        .target = asked->target <= ENGINE_TARGET_STAY ? (enum engine_target)asked->target : ENGINE_TARGET_DUCKDB,
        .auto_rows = (uint64_t)limits_get(LIMIT_UPLOAD_AUTO),
        .partition_by = asked->partition_by,
        .sort_by = asked->sort_by,
        .is_cancelled = worker_upload_is_cancelled,
        .owner = statement,
        .temporary = asked->temporary,
        .policy = worker_policy(asked->rights, asked->refusal, false)};
    *upload = engine_upload_open(statement->session, &request, header, err);
    worker_put_release(put);
    return *upload != NULL;
}

static bool worker_upload(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    struct engine_upload *upload = NULL;
    struct worker_put *put;
    bool ok = true;
    while (ok && (put = worker_statement_next_put(statement, err)))
        ok = worker_upload_message(statement, &upload, put, err);
    if (ok)
        ok = err->code == ERR_OK;
    if (ok && !upload)
        ok = err_set(err, ERR_INVALID, "the upload has no schema message");
    ok = ok && engine_upload_commit(upload, &end->rows, err);
    if (ok) {
        end->target = (uint8_t)engine_upload_where(upload, &end->reason);
        end->reason = str_copy(statement->arena, end->reason);
    }
    engine_upload_close(&upload); /* releases all bodies: the front takes its blocks back after END */
    end->kind = ENGINE_KIND_WRITE;
    return ok;
}

static bool worker_work(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    switch ((unsigned)statement->type) {
    case CHANNEL_RUN:
        return worker_run(statement, end, err);
    case CHANNEL_DESCRIBE:
        return worker_describe(statement, end, err);
    case CHANNEL_UPLOAD:
        return worker_upload(statement, end, err);
    default:
        return worker_metadata(statement, end, err);
    }
}

/* DuckDB refuses everything after a FATAL error: only a fresh process helps. */
static bool worker_is_fatal(const struct err *err)
{
    struct str message = err_message(err);
    return str_find(message, S("FATAL")) >= 0 || str_find(message, S("database has been invalidated")) >= 0;
}

static void worker_set_session(struct worker_statement *statement, struct engine_session *session)
{
    pthread_mutex_lock(&statement->lock);
    statement->session = session;
    pthread_mutex_unlock(&statement->lock);
}

static uint64_t worker_statement_connection(const struct worker_statement *statement)
{
    switch ((unsigned)statement->type) {
    case CHANNEL_UPLOAD:
        return statement->upload.connection;
    case CHANNEL_METADATA:
        return statement->metadata.connection;
    default:
        return statement->run.connection;
    }
}

/* DuckDB stops the other threads of a statement that failed in one, and sometimes tells of this instead of the reason.
 * A client must not take it for its own cancel. */
static void worker_not_cancelled(struct err *error)
{
    err_set(error, ERR_UNKNOWN, "the statement failed in one of DuckDB's threads, which did not say why");
    err_hint(error, "run it again: usually the reason is told then");
}

void worker_statement_execute(struct worker_statement *statement)
{
    struct worker *worker = statement->worker;
    struct channel_end end = {0};
    struct err error = {0};
    uint64_t connection = worker_statement_connection(statement);
    struct engine_session *session = worker_connection_take(worker, connection, &error);
    bool ok = session != NULL;
    if (ok) {
        if (statement->run.progress)
            engine_session_watch(session);
        worker_set_session(statement, session);
        ok = worker_work(statement, &end, &error);
        worker_set_session(statement, NULL);
        end.kept = connection && !engine_session_is_clean(session);
        end.transaction = connection && engine_session_in_transaction(session);
        worker_connection_give(worker, connection, &session, !worker_statement_is_cancelled(statement));
    }
    if (!ok && error.code == ERR_CANCELLED && !worker_statement_is_cancelled(statement))
        worker_not_cancelled(&error);
    if (!ok) {
        end.code = error.code == ERR_OK ? ERR_INTERNAL : error.code;
        end.message = err_message(&error);
        end.hint = str_from(error.hint);
        end.last = worker_is_fatal(&error);
    }
    worker_forget(worker, statement);
    end.memory_bytes = statement->memory_bytes;
    worker_output_end(statement, &end);
    worker_statement_free(&statement);
    if (end.last)
        _exit(70);
}
