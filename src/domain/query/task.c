#include "domain/query/task.h"

#include "base/limits.h"
#include "domain/query/process.h"

/* --- What is asked --- */

#define QUERY_TASK_RESULT (1u << CHANNEL_DATA_RESULT)
#define QUERY_TASK_SCHEMAS (1u << CHANNEL_DATA_RESULT_SCHEMA | 1u << CHANNEL_DATA_PARAMETER_SCHEMA)

/* may_come: the roles of messages that answer this question. */
static void query_task_begin(struct query_task *task, struct query_process *process, unsigned may_come)
{
    task->body_left = task->inline_used = 0;
    task->started = false;
    task->may_come = may_come;
    task->permille = -1;
    query_process_add(process, task);
}

/* Blocks for a result; returns how many. */
static uint32_t query_task_grant(struct query_task *task, uint32_t *blocks)
{
    struct channel_pool *pool = task->process->pool;
    int64_t wanted = limits_get(LIMIT_STREAM_BLOCKS);
    if (wanted > CHANNEL_GRANTS_MAX)
        wanted = CHANNEL_GRANTS_MAX;
    uint32_t count = channel_pool_grant(pool, task->id, (uint32_t)wanted, blocks);
    if (wanted && count == 0)
        channel_pool_want(pool, task->id);
    return count;
}

void query_task_run(struct query_task *task, struct query_process *process, enum channel_type type,
                    struct channel_run *run)
{
    bool runs = type == CHANNEL_RUN || run->run_unless_reads;
    unsigned schemas = type == CHANNEL_DESCRIBE ? QUERY_TASK_SCHEMAS : 0;
    query_task_begin(task, process, schemas | (runs ? QUERY_TASK_RESULT : 0));
    if (runs)
        run->block_count = query_task_grant(task, run->blocks);
    channel_encode_run(channel_out(process->channel), type, task->id, run);
    channel_flush(process->channel);
}

void query_task_metadata(struct query_task *task, struct query_process *process, struct channel_metadata *metadata)
{
    query_task_begin(task, process, QUERY_TASK_RESULT);
    metadata->block_count = query_task_grant(task, metadata->blocks);
    channel_encode_metadata(channel_out(process->channel), task->id, metadata);
    channel_flush(process->channel);
}

void query_task_upload(struct query_task *task, struct query_process *process, const struct channel_upload *upload)
{
    query_task_begin(task, process, 0);
    channel_encode_upload(channel_out(process->channel), task->id, upload);
    channel_flush(process->channel);
}

void query_task_cancel(struct query_task *task)
{
    if (!task->process)
        return;
    channel_encode_empty(channel_out(task->process->channel), CHANNEL_CANCEL, task->id);
    channel_flush(task->process->channel);
}

/* --- What comes back --- */

/* The order of pieces: a message announces its length, and its pieces add up to it. */
static bool query_task_check_piece(struct query_task *task, const struct channel_data *data, struct err *err)
{
    uint64_t left = data->first ? data->body_total : task->body_left;
    bool ok = data->first ? task->body_left == 0 : data->header.len == 0 && data->len > 0;
    if (!ok || data->len > left || data->body_total > (uint64_t)limits_get(LIMIT_MESSAGE))
        return err_set(err, ERR_INTERNAL, "the worker sent a piece of %llu bytes where %llu were left",
                       (unsigned long long)data->len, (unsigned long long)left);
    if (data->header.len > (uint64_t)limits_get(LIMIT_IPC_HEADER))
        return limits_err(LIMIT_IPC_HEADER, err);
    unsigned role = 1u << data->role;
    if (!(task->may_come & role) || (data->role != CHANNEL_DATA_RESULT && data->body_total))
        return err_set(err, ERR_INTERNAL, "the worker sent a message that was not asked for");
    if (data->role != CHANNEL_DATA_RESULT) /* one of each */
        task->may_come &= ~role;
    task->body_left = left - data->len;
    return true;
}

/* A body in a block is forwarded from there; one in the frame is copied, within the same budget that the worker keeps.
 */
static bool query_task_take_body(struct query_task *task, const struct channel_data *data, struct slice *body_out,
                                 struct err *err)
{
    if (data->block)
        return channel_pool_hold(task->process->pool, task->id, data->block, data->len, body_out, err);
    if (data->role != CHANNEL_DATA_RESULT)
        return true;
    uint64_t used = task->inline_used + data->header.len + data->body.len;
    if (task->started && used > CHANNEL_INLINE_TOTAL)
        return err_set(err, ERR_INTERNAL, "the worker sent %llu bytes of a result in frames", (unsigned long long)used);
    task->inline_used = used;
    *body_out = data->body.len ? slice_copy(data->body) : (struct slice){0};
    return true;
}

static bool query_task_on_data(struct query_task *task, struct str payload, struct err *err)
{
    struct channel_data data;
    struct query_piece piece = {0};
    if (!channel_decode_data(payload, &data, err) || !query_task_check_piece(task, &data, err) ||
        !query_task_take_body(task, &data, &piece.body, err))
        return false;
    if (data.header.len)
        piece.header = slice_copy(data.header);
    piece.first = data.first;
    piece.body_total = data.first ? data.body_total : 0;
    piece.rows = data.rows;
    piece.role = (enum query_role)data.role;
    task->started = task->started || data.role == CHANNEL_DATA_RESULT;
    task->events->on_piece(task, &piece);
    return true;
}

static void query_task_finish(struct query_task *task, const struct query_task_end *end)
{
    struct query_process *process = task->process;
    query_process_remove(process, task);
    task->events->on_end(task, end);
}

static bool query_task_on_end(struct query_task *task, struct str payload, struct err *err)
{
    struct channel_end end;
    if (!channel_decode_end(payload, &end, err))
        return false;
    if (end.kind > QUERY_KIND_SETTING || end.target > QUERY_TARGET_ICEBERG)
        return err_set(err, ERR_INTERNAL, "the worker ended a statement of kind %u", end.kind);
    if (end.last)
        query_process_stop(task->process); /* what comes next waits for a fresh worker */
    struct query_task_end told = {.is_answered = true,
                                  .kind = (enum query_kind)end.kind,
                                  .ran = end.ran,
                                  .depends = end.depends,
                                  .returns = end.returns,
                                  .in_transaction = end.transaction,
                                  .kept = end.kept,
                                  .rows = end.rows,
                                  .bytes = end.bytes,
                                  .memory_bytes = end.memory_bytes,
                                  .target = end.target,
                                  .reason = end.reason};
    struct err error;
    if (end.code != ERR_OK) {
        err_set(&error, end.code, "%.*s", STR_ARG(str_slice(end.message, 0, sizeof(error.message))));
        err_hint(&error, "%.*s", STR_ARG(str_slice(end.hint, 0, sizeof(error.hint))));
        told.error = &error;
    } else if (task->body_left) {
        return err_set(err, ERR_INTERNAL, "the worker ended a result inside a message");
    } else if (!end.ran && (task->may_come & QUERY_TASK_SCHEMAS)) {
        return err_set(err, ERR_INTERNAL, "the worker ended a description without its schemas");
    }
    query_task_finish(task, &told);
    return true;
}

static bool query_task_on_progress(struct query_task *task, struct str payload, struct err *err)
{
    struct channel_progress progress;
    if (!channel_decode_progress(payload, &progress, err))
        return false;
    task->permille = progress.permille <= 1000 ? (int)progress.permille : -1;
    return true;
}

bool query_task_on_frame(struct query_task *task, const struct channel_frame *frame, struct err *err)
{
    struct channel_put_done done;
    switch ((unsigned)frame->type) {
    case CHANNEL_DATA:
        return query_task_on_data(task, frame->payload, err);
    case CHANNEL_END:
        return query_task_on_end(task, frame->payload, err);
    case CHANNEL_PROGRESS:
        return query_task_on_progress(task, frame->payload, err);
    case CHANNEL_PUT_DONE:
        if (!task->events->on_put_done)
            return err_set(err, ERR_INTERNAL, "the worker confirmed an upload that is none");
        return channel_decode_put_done(frame->payload, &done, err) && task->events->on_put_done(task, &done, err);
    default:
        return err_set(err, ERR_INTERNAL, "the worker sent a %s frame", channel_type_name(frame->type));
    }
}

void query_task_fail(struct query_task *task, const struct err *error)
{
    query_task_finish(task, &(struct query_task_end){.error = error});
}
