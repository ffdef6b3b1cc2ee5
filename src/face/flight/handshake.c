/* Flight.proto: HandshakeRequest and HandshakeResponse have the same fields. */
#include "face/flight/handshake.h"

bool flight_handshake_decode(struct str bytes, struct flight_handshake *handshake_out, struct err *err)
{
    struct flight_handshake handshake = {0};
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_VARINT)
            handshake.version = field.value;
        else if (field.number == 2 && field.wire == FLIGHT_WIRE_BYTES)
            handshake.payload = field.bytes;
    }
    if (reader.failed)
        return flight_proto_err("HandshakeRequest", err);
    *handshake_out = handshake;
    return true;
}

void flight_handshake_encode(struct buf *buf, const struct flight_handshake *handshake)
{
    flight_proto_put_varint(buf, 1, handshake->version);
    flight_proto_put_bytes(buf, 2, handshake->payload);
}
