/* Bytes are kept as they came: the worker checks them. */
#include "face/flight/binds.h"

#include "base/limits.h"

struct flight_binds *flight_binds_new(void)
{
    struct flight_binds *binds = mem_new(struct flight_binds);
    binds->refs = 1;
    binds->arena = arena_new_small();
    return binds;
}

struct flight_binds *flight_binds_ref(struct flight_binds *binds)
{
    if (binds)
        binds->refs++;
    return binds;
}

void flight_binds_unref(struct flight_binds **binds_ptr)
{
    struct flight_binds *binds = *binds_ptr;
    *binds_ptr = NULL;
    if (!binds || --binds->refs > 0)
        return;
    vec_done(&binds->batches);
    arena_free(&binds->arena);
    mem_free(binds);
}

static bool flight_binds_grow(struct flight_binds *binds, size_t size, struct err *err)
{
    if (size > (size_t)limits_get(LIMIT_BINDS) - binds->bytes)
        return limits_err(LIMIT_BINDS, err);
    binds->bytes += size;
    return true;
}

uint8_t *flight_binds_body(struct flight_binds *binds, size_t size, struct err *err)
{
    if (!flight_binds_grow(binds, size, err))
        return NULL;
    uint8_t *body = arena_alloc(binds->arena, size);
    vec_push(&binds->batches, ((struct flight_binds_batch){.body = str_bytes(body, size)}));
    return body;
}

bool flight_binds_add(struct flight_binds *binds, struct str header, struct err *err)
{
    if (!flight_binds_grow(binds, header.len, err))
        return false;
    struct str copy = str_copy(binds->arena, header);
    if (binds->schema.len == 0) {
        binds->schema = copy;
        return true;
    }
    size_t count = binds->batches.count;
    if (count > 0 && binds->batches.items[count - 1].header.len == 0)
        binds->batches.items[count - 1].header = copy;
    else
        vec_push(&binds->batches, ((struct flight_binds_batch){.header = copy}));
    return true;
}

void flight_binds_request(const struct flight_binds *binds, struct query_request *request,
                          struct query_binds *batch_out)
{
    if (!binds || binds->schema.len == 0)
        return;
    if (binds->batches.count != 1) {
        request->binds_follow = true;
        return;
    }
    const struct flight_binds_batch *batch = &binds->batches.items[0];
    *batch_out = (struct query_binds){.schema = binds->schema, .header = batch->header, .body = batch->body};
    request->binds = batch_out;
}

bool flight_binds_follow(const struct flight_binds *binds, const struct query_request *request,
                         struct statement *statement)
{
    struct err err;
    if (!request->binds_follow)
        return true;
    if (!query_upload_body(statement, 0, &err))
        return false;
    query_upload_message(statement, binds->schema);
    for (size_t i = 0; i < binds->batches.count; i++) {
        const struct flight_binds_batch *batch = &binds->batches.items[i];
        uint8_t *body = query_upload_body(statement, batch->body.len, &err);
        if (!body)
            return false;
        memcpy(body, batch->body.ptr ? batch->body.ptr : "", batch->body.len);
        query_upload_message(statement, batch->header);
    }
    query_upload_finish(statement);
    return true;
}
