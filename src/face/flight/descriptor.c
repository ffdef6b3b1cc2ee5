/* Flight.proto: FlightDescriptor {1 type: enum, 2 cmd: bytes, 3 path: repeated string}. */
#include "face/flight/descriptor.h"

bool flight_descriptor_decode(struct str bytes, struct flight_descriptor *descriptor_out, struct err *err)
{
    struct flight_descriptor descriptor = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_VARINT) {
            descriptor.type = field.value == 1   ? FLIGHT_DESCRIPTOR_PATH
                              : field.value == 2 ? FLIGHT_DESCRIPTOR_CMD
                                                 : FLIGHT_DESCRIPTOR_UNKNOWN;
        } else if (field.number == 2 && field.wire == FLIGHT_WIRE_BYTES) {
            descriptor.cmd = field.bytes;
        } else if (field.number == 3 && field.wire == FLIGHT_WIRE_BYTES) {
            if (descriptor.path_count == FLIGHT_PATH_MAX)
                return err_set(err, ERR_INVALID, "the descriptor's path has more than %d parts", FLIGHT_PATH_MAX);
            if (!str_is_utf8(field.bytes.ptr, field.bytes.len))
                return err_set(err, ERR_INVALID, "the descriptor's path is not valid UTF-8");
            descriptor.path[descriptor.path_count++] = field.bytes;
        }
    }
    if (reader.failed)
        return flight_proto_err("FlightDescriptor", err);
    *descriptor_out = descriptor;
    return true;
}

void flight_descriptor_encode(struct buf *buf, const struct flight_descriptor *descriptor)
{
    flight_proto_put_varint(buf, 1, descriptor->type);
    flight_proto_put_bytes(buf, 2, descriptor->cmd);
    for (size_t i = 0; i < descriptor->path_count; i++)
        flight_proto_put_item(buf, 3, descriptor->path[i]);
}
