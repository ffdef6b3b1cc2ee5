/* From a DuckDB result to messages. */
#include "platform/engine/result.h"

#include <string.h>

#include "platform/engine/failure.h"
#include "platform/engine/value.h"

bool engine_result_init(struct engine_result *result, struct engine_session *session, duckdb_result *duckdb,
                        struct err *err)
{
    *result = (struct engine_result){.session = session, .result = *duckdb};
    result->column_count = engine_db.column_count(&result->result);
    result->types = mem_array(result->column_count + 1, sizeof(*result->types));
    result->names = mem_array(result->column_count + 1, sizeof(*result->names));
    for (size_t i = 0; i < result->column_count; i++) {
        result->types[i] = engine_db.column_logical_type(&result->result, i);
        result->names[i] = engine_db.column_name(&result->result, i);
        if (!result->types[i] || !result->names[i])
            return err_set(err, ERR_INTERNAL, "DuckDB gives no type for column %zu", i + 1);
    }
    return true;
}

void engine_result_done(struct engine_result *result)
{
    for (size_t i = 0; result->types && i < result->column_count; i++)
        engine_db.destroy_logical_type(&result->types[i]);
    mem_free(result->types);
    mem_free(result->names);
    engine_db.destroy_result(&result->result);
    *result = (struct engine_result){0};
}

bool engine_result_schema(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                          size_t count, struct ArrowSchema *schema_out, struct err *err)
{
    duckdb_arrow_options options = NULL;
    engine_db.connection_get_arrow_options(session->connection, &options);
    duckdb_error_data error = engine_db.to_arrow_schema(options, types, names, count, schema_out);
    engine_db.destroy_arrow_options(&options);
    return engine_failure_data(session->engine, error, err);
}

duckdb_data_chunk engine_result_fetch(struct engine_result *result, bool *failed_out, struct err *err)
{
    duckdb_data_chunk chunk = engine_db.fetch_chunk(result->result);
    *failed_out = false;
    if (!chunk) {
        const char *message = engine_db.result_error(&result->result);
        *failed_out = message && *message;
        if (*failed_out)
            engine_failure_text(result->session->engine, message, err);
        return NULL;
    }
    if (engine_db.data_chunk_get_size(chunk) == 0)
        engine_db.destroy_data_chunk(&chunk);
    return chunk;
}

static const struct engine_encoder_kind *engine_encoder_for(enum engine_format format)
{
    switch (format) {
    case ENGINE_FORMAT_FLIGHT:
    case ENGINE_FORMAT_ARROW:
        return &engine_encoder_arrow;
    case ENGINE_FORMAT_JSON:
    case ENGINE_FORMAT_JSON_LINES:
    case ENGINE_FORMAT_CSV:
        return &engine_encoder_text;
    case ENGINE_FORMAT_PARQUET:
        break;
    }
    mem_panic("Parquet is written by DuckDB itself");
}

void engine_sender_init(struct engine_sender *sender, struct engine_session *session,
                        const struct engine_request *request, const struct engine_output *output,
                        struct engine_stats *stats)
{
    *sender = (struct engine_sender){.session = session, .request = request, .output = output, .stats = stats};
}

void engine_sender_done(struct engine_sender *sender)
{
    if (sender->encoder)
        sender->kind->free(sender->encoder);
    mem_free(sender->encoder);
    sender->encoder = NULL;
    engine_result_done(&sender->first);
}

static bool engine_sender_start(struct engine_sender *sender, struct err *err)
{
    sender->kind = engine_encoder_for(sender->request->format);
    sender->encoder = mem_alloc(sender->kind->size);
    *sender->encoder = (struct engine_encoder){
        .result = &sender->first, .request = sender->request, .output = sender->output, .stats = sender->stats};
    /* Only executions that follow each other have counts to add up. */
    sender->counts =
        sender->request->binds && engine_db.result_return_type(sender->first.result) == DUCKDB_RESULT_TYPE_CHANGED_ROWS;
    return sender->kind->start(sender->encoder, err);
}

static bool engine_sender_chunks(struct engine_sender *sender, struct engine_result *result, struct err *err)
{
    for (;;) {
        bool failed;
        duckdb_data_chunk chunk = engine_result_fetch(result, &failed, err);
        if (!chunk)
            return !failed;
        if (sender->counts)
            engine_db.destroy_data_chunk(&chunk);
        else if (!sender->kind->chunk(sender->encoder, chunk, err))
            return false;
    }
}

/* Values that were bound may change the types of a result; a stream has one schema. */
static bool engine_sender_fits(const struct engine_sender *sender, const struct engine_result *next, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    bool fits = next->column_count == sender->first.column_count;
    for (size_t i = 0; fits && i < next->column_count; i++) {
        struct engine_value_type first, other;
        const char *name = next->names[i];
        if (!engine_value_type_init(&first, sender->first.types[i], name, arena, err) ||
            !engine_value_type_init(&other, next->types[i], name, arena, err))
            return false;
        if (!str_equal(first.name, other.name))
            return err_set(err, ERR_INVALID, "column %s is %.*s with the first parameters and %.*s with later ones",
                           name, STR_ARG(first.name), STR_ARG(other.name));
    }
    return fits || err_set(err, ERR_INVALID, "the parameters change the columns of the result");
}

bool engine_sender_add(struct engine_sender *sender, duckdb_result *duckdb, struct err *err)
{
    struct engine_result next = {0};
    bool first = !sender->encoder;
    struct engine_result *result = first ? &sender->first : &next;
    bool ok = engine_result_init(result, sender->session, duckdb, err) &&
              (first ? engine_sender_start(sender, err) : engine_sender_fits(sender, result, err)) &&
              (sender->dry || engine_sender_chunks(sender, result, err));
    if (ok && sender->stats->kind == ENGINE_KIND_WRITE)
        sender->changed += engine_db.rows_changed(&result->result);
    engine_result_done(&next);
    return ok;
}

/* The one row of DuckDB's own result, with the sum in it. */
static duckdb_data_chunk engine_sender_count(struct engine_sender *sender)
{
    duckdb_data_chunk chunk = engine_db.create_data_chunk(sender->first.types, 1);
    int64_t sum = (int64_t)sender->changed;
    memcpy(engine_db.vector_get_data(engine_db.data_chunk_get_vector(chunk, 0)), &sum, sizeof(sum));
    engine_db.data_chunk_set_size(chunk, 1);
    return chunk;
}

bool engine_sender_finish(struct engine_sender *sender, struct err *err)
{
    if (!sender->encoder)
        return true;
    if (sender->counts && !sender->kind->chunk(sender->encoder, engine_sender_count(sender), err))
        return false;
    if (!sender->kind->finish(sender->encoder, err))
        return false;
    if (sender->changed > 0 || sender->counts) /* not with RETURNING: then they were sent */
        sender->stats->rows = sender->changed;
    return true;
}
