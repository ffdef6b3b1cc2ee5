/* Flight.proto: FlightInfo {1 schema, 2 flight_descriptor, 3 endpoint: repeated, 4 total_records, 5 total_bytes, 6
 * ordered, 7 app_metadata}; FlightEndpoint {1 ticket, 2 location, 3 expiration_time, 4 app_metadata}. */
#include "face/flight/flight_info.h"

/* -1 as the varint of an int64. */
#define FLIGHT_UNKNOWN_TOTAL UINT64_MAX

void flight_info_encode(struct buf *buf, const struct flight_info *info)
{
    AUTO(buf) struct buf part = {0};
    AUTO(buf) struct buf endpoint = {0};

    flight_proto_put_bytes(buf, 1, info->schema);
    flight_descriptor_encode(&part, &info->descriptor);
    flight_proto_put_item(buf, 2, buf_str(&part));

    buf_clear(&part);
    flight_ticket_encode(&part, info->ticket);
    flight_proto_put_item(&endpoint, 1, buf_str(&part));
    flight_proto_put_item(buf, 3, buf_str(&endpoint));

    flight_proto_put_varint(buf, 4, FLIGHT_UNKNOWN_TOTAL);
    flight_proto_put_varint(buf, 5, FLIGHT_UNKNOWN_TOTAL);
    flight_proto_put_varint(buf, 6, 1); /* one endpoint: its order is the result's order */
}

static bool flight_endpoint_decode(struct str bytes, struct str *ticket_out, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES && !flight_ticket_decode(field.bytes, ticket_out, err))
            return false;
    }
    return !reader.failed || flight_proto_err("FlightEndpoint", err);
}

bool flight_info_decode(struct str bytes, struct flight_info *info_out, struct err *err)
{
    struct flight_info info = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    bool has_endpoint = false;
    while (flight_proto_next(&reader, &field)) {
        if (field.wire != FLIGHT_WIRE_BYTES)
            continue;
        if (field.number == 1)
            info.schema = field.bytes;
        if (field.number == 2 && !flight_descriptor_decode(field.bytes, &info.descriptor, err))
            return false;
        if (field.number == 3 && !has_endpoint) {
            has_endpoint = true;
            if (!flight_endpoint_decode(field.bytes, &info.ticket, err))
                return false;
        }
    }
    if (reader.failed)
        return flight_proto_err("FlightInfo", err);
    *info_out = info;
    return true;
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
