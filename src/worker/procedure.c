/* Procedures: work beside SQL, each in a file of its own. */
#include "worker/procedures.h"

#include "platform/json/json.h"
#include "worker/output.h"
#include "worker/statement.h"

static worker_procedure_run *const worker_procedures[CHANNEL_PROCEDURE_COUNT] = {
    [CHANNEL_LOCALS] = worker_locals,     [CHANNEL_INSPECT] = worker_inspect, [CHANNEL_MIRROR] = worker_mirror,
    [CHANNEL_MAINTAIN] = worker_maintain, [CHANNEL_PUBLISH] = worker_publish, [CHANNEL_SNAPSHOT] = worker_snapshot,
    [CHANNEL_ANALYSE] = worker_analyse,   [CHANNEL_BIND] = worker_bind,       [CHANNEL_BUILD] = worker_build,
    [CHANNEL_EXPORT] = worker_export,
};

bool worker_procedure(struct worker_statement *statement, struct str *answer_out, struct err *err)
{
    worker_procedure_run *run = worker_procedures[statement->run.procedure];
    if (!run)
        return err_set(err, ERR_UNIMPLEMENTED, "this worker does not know procedure %u", statement->run.procedure);
    const struct json *arguments = json_parse(statement->arena, statement->run.sql, err);
    *answer_out = S("");
    return arguments && run(statement, arguments, answer_out, err);
}

void procedure_row(struct buf *lines, const char *name, struct str text)
{
    struct json_writer writer = {.buf = lines};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, name, text);
    json_end_object(&writer);
    buf_append_char(lines, '\n');
}

bool procedure_send(struct worker_statement *statement, struct str lines, uint64_t rows, struct err *err)
{
    struct engine_output output = worker_output(statement);
    uint8_t *memory = lines.len ? output.reserve(output.owner, lines.len, err) : NULL;
    if (!lines.len)
        return true;
    if (!memory)
        return false;
    memcpy(memory, lines.ptr, lines.len);
    return output.send(output.owner, S(""), lines.len, rows, err);
}
