/* Questions about the catalog. */
#include "platform/engine/metadata.h"

#include "worker/output.h"
#include "worker/worker_priv.h"

static struct str worker_filter(bool has, struct str text)
{
    return has ? str_bytes(text.ptr ? text.ptr : "", text.len) : (struct str){0};
}

bool worker_metadata(struct worker_statement *statement, struct channel_end *end, struct err *err)
{
    const struct channel_metadata *asked = &statement->metadata;
    struct engine_metadata_request request = {.kind = (enum engine_metadata_kind)asked->kind,
                                              .catalog = worker_filter(asked->has_catalog, asked->catalog),
                                              .schema = worker_filter(asked->has_schema, asked->schema),
                                              .table = worker_filter(asked->has_table, asked->table),
                                              .fk_catalog = worker_filter(asked->has_fk_catalog, asked->fk_catalog),
                                              .fk_schema = worker_filter(asked->has_fk_schema, asked->fk_schema),
                                              .fk_table = asked->fk_table,
                                              .types = asked->types,
                                              .type_count = asked->type_count,
                                              .include_schema = asked->include_schema,
                                              .batch_target = (size_t)limits_get(LIMIT_BATCH_TARGET)};
    struct engine_output output = worker_output(statement);
    struct engine_stats stats = {0};
    if (asked->kind > ENGINE_METADATA_CROSS_REFERENCE)
        return err_set(err, ERR_INTERNAL, "a question about the catalog of kind %u", asked->kind);
    if (!engine_metadata(statement->session, &request, &output, &stats, err))
        return false;
    end->rows = stats.rows;
    end->bytes = stats.bytes;
    end->kind = (uint8_t)stats.kind;
    return true;
}
