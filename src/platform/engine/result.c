/* From a DuckDB result to messages. */
#include "platform/engine/result.h"

#include "platform/engine/failure.h"

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

bool engine_result_send(struct engine_result *result, const struct engine_request *request,
                        const struct engine_output *output, struct engine_stats *stats, struct err *err)
{
    const struct engine_encoder_kind *kind = engine_encoder_for(request->format);
    struct engine_encoder *encoder = mem_alloc(kind->size);
    *encoder = (struct engine_encoder){.result = result, .request = request, .output = output, .stats = stats};
    bool ok = kind->start(encoder, err);
    while (ok) {
        bool failed;
        duckdb_data_chunk chunk = engine_result_fetch(result, &failed, err);
        if (!chunk) {
            ok = !failed && kind->finish(encoder, err);
            break;
        }
        ok = kind->chunk(encoder, chunk, err);
    }
    kind->free(encoder);
    mem_free(encoder);
    return ok;
}
