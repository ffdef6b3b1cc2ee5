/* Flight.proto: Action {1 type: string, 2 body: bytes}, Result {1 body}, ActionType {1 type, 2 description},
 * CancelFlightInfoRequest {1 info}, CancelFlightInfoResult {1 status: enum}. */
#include "face/flight/action.h"

bool flight_action_decode(struct str bytes, struct flight_action *action_out, struct err *err)
{
    struct flight_action action = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES)
            action.type = field.bytes;
        else if (field.number == 2 && field.wire == FLIGHT_WIRE_BYTES)
            action.body = field.bytes;
    }
    if (reader.failed || !str_is_utf8(action.type.ptr, action.type.len))
        return flight_proto_err("Action", err);
    *action_out = action;
    return true;
}

void flight_action_encode(struct buf *buf, const struct flight_action *action)
{
    flight_proto_put_bytes(buf, 1, action->type);
    flight_proto_put_bytes(buf, 2, action->body);
}

void flight_action_type_encode(struct buf *buf, struct str type, struct str description)
{
    flight_proto_put_bytes(buf, 1, type);
    flight_proto_put_bytes(buf, 2, description);
}

void flight_result_encode(struct buf *buf, struct str body)
{
    flight_proto_put_bytes(buf, 1, body);
}

bool flight_cancel_request_decode(struct str bytes, struct flight_info *info_out, struct err *err)
{
    struct flight_info info = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES && !flight_info_decode(field.bytes, &info, err))
            return false;
    }
    if (reader.failed)
        return flight_proto_err("CancelFlightInfoRequest", err);
    *info_out = info;
    return true;
}

bool flight_renew_request_decode(struct str bytes, struct flight_endpoint *endpoint_out, struct err *err)
{
    struct flight_endpoint endpoint = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES &&
            !flight_endpoint_decode(field.bytes, &endpoint, err))
            return false;
    }
    if (reader.failed)
        return flight_proto_err("RenewFlightEndpointRequest", err);
    *endpoint_out = endpoint;
    return true;
}

void flight_cancel_result_encode(struct buf *buf, enum flight_cancel_status status)
{
    flight_proto_put_varint(buf, 1, status);
}
