/* SQL: texts that run, with values for their parameters, and texts that are described. */
#include "worker/output.h"
#include "worker/worker_priv.h"

/* Rows of values: one batch in the frame, or PUT frames. */
struct worker_binds {
    struct worker_statement *statement;
    struct worker_put *put; /* whose body the engine reads */
    bool sent;              /* the batch of the frame was given out */
};

static int worker_binds_next(void *owner, struct engine_message *message_out, struct err *err)
{
    struct worker_binds *binds = owner;
    const struct channel_run *run = &binds->statement->run;
    if (run->binds == CHANNEL_BINDS_INLINE) {
        bool more = !binds->sent && run->bind_header.len > 0;
        binds->sent = true;
        *message_out = (struct engine_message){
            .header = run->bind_header, .body = (const uint8_t *)run->bind_body.ptr, .len = run->bind_body.len};
        return more;
    }
    if (binds->put)
        worker_put_release(binds->put);
    binds->put = worker_statement_next_put(binds->statement, err);
    if (!binds->put)
        return err->code == ERR_OK ? 0 : -1;
    *message_out = (struct engine_message){
        .header = buf_str(&binds->put->header), .body = binds->put->body, .len = (size_t)binds->put->len};
    return 1;
}

/* The first PUT is the schema. */
static bool worker_binds_schema(struct worker_statement *statement, struct str *schema_out, struct err *err)
{
    struct worker_put *put = worker_statement_next_put(statement, err);
    if (!put)
        return err->code != ERR_OK ? false : err_set(err, ERR_INVALID, "the parameters have no schema message");
    *schema_out = str_copy(statement->arena, buf_str(&put->header));
    worker_put_release(put);
    return true;
}

static bool worker_binds_open(struct worker_statement *statement, struct worker_binds *owner,
                              struct engine_binds *binds, struct err *err)
{
    bool streams = statement->run.binds == CHANNEL_BINDS_PUT;
    *owner = (struct worker_binds){.statement = statement};
    *binds = (struct engine_binds){
        .schema = statement->run.bind_schema, .streams = streams, .owner = owner, .next = worker_binds_next};
    return !streams || worker_binds_schema(statement, &binds->schema, err);
}

static struct engine_request worker_request(const struct channel_run *run)
{
    return (struct engine_request){.sql = run->sql,
                                   .parameters = run->parameters,
                                   .prepared = run->connection ? run->prepared : 0,
                                   .format = (enum engine_format)run->format,
                                   .policy = worker_policy(run->rights, run->refusal, run->files_allowed),
                                   .statement_id = run->statement_id,
                                   .absent = run->absent,
                                   .absent_count = run->absent_count,
                                   .changed = run->changed,
                                   .changed_count = run->changed_count,
                                   .batch_target = (size_t)run->batch_target};
}

bool worker_run(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    struct engine_request request = worker_request(&statement->run);
    end->ran = true;
    if (statement->run.procedure && !worker_procedure(statement, &request.sql, err))
        return false;
    if (statement->run.procedure && !request.sql.len)
        return true; /* it has answered itself */
    struct engine_output output = worker_output(statement);
    struct engine_stats stats = {0};
    struct engine_binds binds;
    struct worker_binds owner = {0};
    bool ok = true;
    if (statement->run.binds != CHANNEL_BINDS_JSON) {
        request.binds = &binds;
        ok = worker_binds_open(statement, &owner, &binds, err);
    }
    ok = ok && engine_run(statement->session, &request, &output, &stats, err);
    if (owner.put)
        worker_put_release(owner.put);
    end->rows = stats.rows;
    end->bytes = stats.bytes;
    end->kind = (uint8_t)stats.kind;
    return ok;
}

static bool worker_describe_send(struct worker_statement *statement, const struct engine_description *description,
                                 struct err *err)
{
    uint64_t most = (uint64_t)limits_get(LIMIT_IPC_HEADER);
    if (buf_len(&description->result) > most || buf_len(&description->parameters) > most)
        return limits_err(LIMIT_IPC_HEADER, err);
    worker_output_schema(statement, CHANNEL_DATA_RESULT_SCHEMA, buf_str(&description->result));
    worker_output_schema(statement, CHANNEL_DATA_PARAMETER_SCHEMA, buf_str(&description->parameters));
    return true;
}

bool worker_describe(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    const struct channel_run *run = &statement->run;
    struct engine_request request = worker_request(run);
    struct engine_description description = {0};
    struct engine_binds binds;
    struct worker_binds owner = {0};
    if (run->binds == CHANNEL_BINDS_PUT)
        return err_set(err, ERR_INTERNAL, "DESCRIBE takes its parameters in its frame");
    if (run->binds == CHANNEL_BINDS_INLINE) {
        request.binds = &binds;
        if (!worker_binds_open(statement, &owner, &binds, err))
            return false;
    }
    if (!engine_describe(statement->session, &request, &description, err))
        return false;
    bool runs = run->run_unless_reads && description.kind != ENGINE_KIND_READ;
    bool ok = runs || worker_describe_send(statement, &description, err);
    end->kind = (uint8_t)description.kind;
    end->depends = description.depends;
    end->returns = description.returns;
    engine_description_done(&description);
    return runs ? worker_run(statement, end, err) : ok;
}
