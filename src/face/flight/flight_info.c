/* Flight.proto: FlightInfo {1 schema, 2 flight_descriptor, 3 endpoint: repeated, 4 total_records, 5 total_bytes, 6
 * ordered, 7 app_metadata}; FlightEndpoint {1 ticket, 2 location, 3 expiration_time, 4 app_metadata};
 * PollInfo {1 info, 2 flight_descriptor, 3 progress: double, 4 expiration_time}. */
#include "face/flight/flight_info.h"

#include "base/clock.h"

/* -1 as the varint of an int64. */
#define FLIGHT_UNKNOWN_TOTAL UINT64_MAX

/* Timestamp {1 seconds, 2 nanos}. */
static void flight_timestamp_put(struct buf *buf, uint32_t field, int64_t wall_us)
{
    if (wall_us <= 0)
        return;
    AUTO(buf) struct buf part = {0};
    flight_proto_put_varint(&part, 1, (uint64_t)(wall_us / CLOCK_SECOND));
    flight_proto_put_varint(&part, 2, (uint64_t)(wall_us % CLOCK_SECOND) * 1000);
    flight_proto_put_item(buf, field, buf_str(&part));
}

void flight_endpoint_encode(struct buf *buf, const struct flight_endpoint *endpoint)
{
    AUTO(buf) struct buf part = {0};
    flight_ticket_encode(&part, endpoint->ticket);
    flight_proto_put_item(buf, 1, buf_str(&part));
    flight_timestamp_put(buf, 3, endpoint->expires_us);
}

void flight_info_encode(struct buf *buf, const struct flight_info *info)
{
    AUTO(buf) struct buf part = {0};
    flight_proto_put_bytes(buf, 1, info->schema);
    flight_descriptor_encode(&part, &info->descriptor);
    flight_proto_put_item(buf, 2, buf_str(&part));
    for (size_t i = 0; i < info->endpoint_count; i++) {
        buf_clear(&part);
        flight_endpoint_encode(&part, &info->endpoints[i]);
        flight_proto_put_item(buf, 3, buf_str(&part));
    }
    flight_proto_put_varint(buf, 4, FLIGHT_UNKNOWN_TOTAL);
    flight_proto_put_varint(buf, 5, FLIGHT_UNKNOWN_TOTAL);
    flight_proto_put_varint(buf, 6, info->ordered);
    flight_proto_put_bytes(buf, 7, info->metadata);
}

/* The expiration is the server's to say. */
bool flight_endpoint_decode(struct str bytes, struct flight_endpoint *endpoint_out, struct err *err)
{
    struct flight_endpoint endpoint = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES &&
            !flight_ticket_decode(field.bytes, &endpoint.ticket, err))
            return false;
    }
    if (reader.failed)
        return flight_proto_err("FlightEndpoint", err);
    *endpoint_out = endpoint;
    return true;
}

bool flight_info_decode(struct str bytes, struct flight_info *info_out, struct err *err)
{
    struct flight_info info = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 6 && field.wire == FLIGHT_WIRE_VARINT)
            info.ordered = field.value != 0;
        if (field.wire != FLIGHT_WIRE_BYTES)
            continue;
        if (field.number == 1)
            info.schema = field.bytes;
        if (field.number == 2 && !flight_descriptor_decode(field.bytes, &info.descriptor, err))
            return false;
        if (field.number == 3 && info.endpoint_count < FLIGHT_ENDPOINTS_MAX &&
            !flight_endpoint_decode(field.bytes, &info.endpoints[info.endpoint_count++], err))
            return false;
        if (field.number == 7)
            info.metadata = field.bytes;
    }
    if (reader.failed)
        return flight_proto_err("FlightInfo", err);
    *info_out = info;
    return true;
}

void flight_poll_info_encode(struct buf *buf, const struct flight_poll_info *poll)
{
    AUTO(buf) struct buf part = {0};
    flight_info_encode(&part, poll->info);
    flight_proto_put_item(buf, 1, buf_str(&part));
    if (poll->next) {
        buf_clear(&part);
        flight_descriptor_encode(&part, poll->next);
        flight_proto_put_item(buf, 2, buf_str(&part));
    }
    if (poll->progress >= 0) {
        uint64_t bits;
        memcpy(&bits, &poll->progress, sizeof(bits));
        writer_varint(buf, FLIGHT_TAG(3, FLIGHT_WIRE_I64));
        writer_u64le(buf, bits);
    }
    flight_timestamp_put(buf, 4, poll->expires_us);
}

/* The messages that are one field of bytes with number 1. */
static bool flight_one_field_decode(struct str bytes, const char *name, struct str *value_out, struct err *err)
{
    struct str value = S("");
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES)
            value = field.bytes;
    }
    if (reader.failed)
        return flight_proto_err(name, err);
    *value_out = value;
    return true;
}

bool flight_ticket_decode(struct str bytes, struct str *ticket_out, struct err *err)
{
    return flight_one_field_decode(bytes, "Ticket", ticket_out, err);
}

void flight_ticket_encode(struct buf *buf, struct str ticket)
{
    flight_proto_put_bytes(buf, 1, ticket);
}

bool flight_criteria_decode(struct str bytes, struct str *expression_out, struct err *err)
{
    return flight_one_field_decode(bytes, "Criteria", expression_out, err);
}

void flight_schema_result_encode(struct buf *buf, struct str schema)
{
    flight_proto_put_bytes(buf, 1, schema);
}
