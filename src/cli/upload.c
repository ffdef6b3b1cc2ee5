/* FlightData and PutResult (Arrow Flight, Flight.proto) over the gRPC client. */
#include "cli/upload.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/reader.h"
#include "base/writer.h"

/* More than this on its way lets the sender wait; enough to keep the connection busy. */
#define UNSENT_MAX ((size_t)8 << 20)

/* Tags: field number << 3 | wire type (0 varint, 2 length-delimited). */
#define TAG_DESCRIPTOR 0x0Au      /* FlightData.flight_descriptor = 1 */
#define TAG_HEADER 0x12u          /* FlightData.data_header = 2 */
#define TAG_BODY 0x1F42u          /* FlightData.data_body = 1000 */
#define TAG_DESCRIPTOR_TYPE 0x08u /* FlightDescriptor.type = 1 */
#define TAG_DESCRIPTOR_PATH 0x1Au /* FlightDescriptor.path = 3 */
#define DESCRIPTOR_PATH 1u
#define TAG_RESULT_METADATA 0x0Au /* PutResult.app_metadata = 1 */

struct cli_upload {
    struct rpc_client_call *call; /* NULL after its end */
    struct cli_upload_events events;
    struct buf descriptor; /* encoded; goes with the first message */
    struct buf result;     /* PutResult.app_metadata of the last one */
    uint64_t bytes;
};

/* PutResult: keeps its app_metadata; other fields are skipped by ending there, as there are none. */
static void on_message(void *owner, struct rpc_client_call *call, struct str message)
{
    (void)call;
    struct cli_upload *upload = owner;
    struct reader reader = reader_from(message);
    if (reader_varint(&reader) != TAG_RESULT_METADATA)
        return;
    struct str metadata = reader_bytes(&reader, (size_t)reader_varint(&reader));
    if (reader.failed)
        return;
    buf_clear(&upload->result);
    buf_append_str(&upload->result, metadata);
}

static void on_drained(void *owner, struct rpc_client_call *call)
{
    (void)call;
    struct cli_upload *upload = owner;
    if (upload->events.on_drained)
        upload->events.on_drained(upload->events.owner);
}

static void on_end(void *owner, struct rpc_client_call *call, const struct err *error)
{
    (void)call;
    struct cli_upload *upload = owner;
    upload->call = NULL;
    upload->events.on_end(upload->events.owner, buf_str(&upload->result), error);
}

static const struct rpc_client_events call_events = {
    .on_message = on_message,
    .on_drained = on_drained,
    .on_end = on_end,
};

static void append_field(struct buf *buf, uint64_t tag, struct str value)
{
    writer_varint(buf, tag);
    writer_varint(buf, value.len);
    buf_append_str(buf, value);
}

static void encode_descriptor(struct str table, struct buf *out)
{
    struct str part;
    writer_varint(out, TAG_DESCRIPTOR_TYPE);
    writer_varint(out, DESCRIPTOR_PATH);
    while (str_split_next(&table, '.', &part))
        append_field(out, TAG_DESCRIPTOR_PATH, part);
}

struct cli_upload *cli_upload_start(struct rpc_client *client, const struct cli_upload_request *request,
                                    const struct cli_upload_events *events, struct err *err)
{
    struct cli_upload *upload = mem_new(struct cli_upload);
    upload->events = *events;
    encode_descriptor(request->table, &upload->descriptor);
    struct rpc_client_field fields[6];
    size_t count = 0;
    if (request->tenant.len > 0)
        fields[count++] = (struct rpc_client_field){S("eider-tenant"), request->tenant};
    if (request->mode.len > 0)
        fields[count++] = (struct rpc_client_field){S("eider-mode"), request->mode};
    if (request->target.len > 0)
        fields[count++] = (struct rpc_client_field){S("eider-target"), request->target};
    if (request->partition_by.len > 0)
        fields[count++] = (struct rpc_client_field){S("eider-partition-by"), request->partition_by};
    if (request->sort_by.len > 0)
        fields[count++] = (struct rpc_client_field){S("eider-sort-by"), request->sort_by};
    if (request->authorization.len > 0)
        fields[count++] = (struct rpc_client_field){S("authorization"), request->authorization};
    const struct rpc_client_request call = {
        .path = S("/arrow.flight.protocol.FlightService/DoPut"),
        .fields = fields,
        .field_count = count,
        .deadline_us = CLOCK_NEVER,
    };
    upload->call = rpc_client_start(client, &call, &call_events, upload, err);
    if (!upload->call)
        cli_upload_free(&upload);
    return upload;
}

void cli_upload_free(struct cli_upload **upload)
{
    if (!*upload)
        return;
    buf_done(&(*upload)->descriptor);
    buf_done(&(*upload)->result);
    mem_free(*upload);
    *upload = NULL;
}

bool cli_upload_message(struct cli_upload *upload, struct str header, uint64_t body_len, struct err *err)
{
    struct buf front = {0};
    if (buf_len(&upload->descriptor) > 0) {
        append_field(&front, TAG_DESCRIPTOR, buf_str(&upload->descriptor));
        buf_clear(&upload->descriptor);
    }
    append_field(&front, TAG_HEADER, header);
    if (body_len > 0) {
        writer_varint(&front, TAG_BODY);
        writer_varint(&front, body_len);
    }
    uint64_t size = buf_len(&front) + body_len;
    bool fits = size <= (uint64_t)limits_get(LIMIT_MESSAGE) && size <= UINT32_MAX;
    if (!fits)
        (void)limits_err(LIMIT_MESSAGE, err);
    if (fits && upload->call) {
        rpc_client_begin_message(upload->call, (uint32_t)size);
        rpc_client_write(upload->call, slice_copy(buf_str(&front)));
        upload->bytes += header.len + body_len;
    }
    buf_done(&front);
    return fits;
}

void cli_upload_body(struct cli_upload *upload, struct slice slice)
{
    if (upload->call)
        rpc_client_write(upload->call, slice);
    else
        slice_release(&slice);
}

bool cli_upload_is_full(const struct cli_upload *upload)
{
    return upload->call && rpc_client_unsent(upload->call) > UNSENT_MAX;
}

void cli_upload_finish(struct cli_upload *upload)
{
    if (upload->call)
        rpc_client_half_close(upload->call);
}

void cli_upload_cancel(struct cli_upload *upload)
{
    if (upload->call)
        rpc_client_cancel(upload->call);
}

uint64_t cli_upload_bytes(const struct cli_upload *upload)
{
    return upload->bytes;
}
