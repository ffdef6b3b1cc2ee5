/* Questions to a tenant's worker. What it answers was made beside foreign SQL, so nothing in it is believed. */
#include "domain/pipeline/pipeline_priv.h"
#include "platform/json/json.h"

struct pipeline_call {
    struct statement *statement; /* NULL: refused, or it has ended */
    size_t answer_max;
    struct buf answer;
    struct err error; /* why it was refused or stopped */
    struct loop_task refused;
    pipeline_call_done *done;
    void *owner;
};

void pipeline_call_free(struct pipeline_call **call)
{
    struct pipeline_call *gone = *call;
    *call = NULL;
    if (!gone)
        return;
    loop_defer_cancel(&gone->refused);
    buf_done(&gone->answer);
    mem_free(gone);
}

static void pipeline_call_end(struct pipeline_call *call, const struct err *error)
{
    call->done(call->owner, buf_str(&call->answer), error);
    pipeline_call_free(&call);
}

static void pipeline_call_on_piece(void *owner, struct query_piece *piece)
{
    struct pipeline_call *call = owner;
    bool fits = buf_len(&call->answer) + piece->body.len <= call->answer_max;
    if (fits && call->error.code == ERR_OK) {
        buf_append(&call->answer, piece->body.ptr, piece->body.len);
    } else if (call->error.code == ERR_OK) {
        err_set(&call->error, ERR_RESOURCE, "the tenant's worker answers with more than %zu bytes", call->answer_max);
        query_cancel(call->statement);
    }
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void pipeline_call_on_end(void *owner, const struct query_end *end)
{
    struct pipeline_call *call = owner;
    call->statement = NULL;
    pipeline_call_end(call, call->error.code != ERR_OK ? &call->error : end->error);
}

static void pipeline_call_on_refused(struct loop_task *task)
{
    struct pipeline_call *call = task->owner;
    pipeline_call_end(call, &call->error);
}

struct pipeline_call *pipeline_call(struct pipeline *pipeline, const struct pipeline_question *question,
                                    pipeline_call_done *done, void *owner)
{
    struct pipeline_call *call = mem_new(struct pipeline_call);
    call->answer_max = question->answer_max;
    call->refused = (struct loop_task){.run = pipeline_call_on_refused, .owner = call};
    list_init(&call->refused.node);
    call->done = done;
    call->owner = owner;
    struct query_procedure_request request = {.tenant = question->tenant,
                                              .kind = question->kind,
                                              .arguments = question->arguments,
                                              .format = QUERY_FORMAT_JSON_LINES,
                                              .iceberg = question->iceberg,
                                              .deadline_us = question->deadline_us,
                                              .protocol = S("pipeline")};
    struct query_sink sink = {.on_piece = pipeline_call_on_piece, .on_end = pipeline_call_on_end, .owner = call};
    call->statement = query_procedure(pipeline->options.query, &request, &sink, &call->error);
    if (!call->statement)
        loop_defer(pipeline->options.loop, &call->refused);
    return call;
}

void pipeline_call_cancel(struct pipeline_call *call)
{
    if (call->statement)
        query_cancel(call->statement);
}

static bool pipeline_call_row(struct str line, const char *member, struct arena *arena, const struct json **row_out,
                              struct err *err)
{
    const struct json *row = json_parse(arena, line, err);
    if (row)
        row = json_parse(arena, json_text(json_get(row, member)), err);
    if (!row)
        return false;
    *row_out = row;
    return true;
}

const struct json **pipeline_call_rows(struct str answer, const char *member, struct arena *arena, size_t *count_out,
                                       struct err *err)
{
    size_t lines = 0, count = 0;
    for (size_t i = 0; i < answer.len; i++)
        lines += answer.ptr[i] == '\n';
    const struct json **rows = arena_array(arena, lines + 1, sizeof(*rows));
    struct str line;
    while (str_split_next(&answer, '\n', &line)) {
        if (line.len == 0)
            continue;
        if (!pipeline_call_row(line, member, arena, &rows[count++], err)) {
            err_wrap(err, "the tenant's worker");
            err->code = ERR_INTERNAL;
            return NULL;
        }
    }
    *count_out = count;
    return rows;
}
