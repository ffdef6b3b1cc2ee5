/* Flight.proto: HandshakeRequest and HandshakeResponse have the same fields; BasicAuth travels in their payload. */
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

static bool flight_basic_auth_is_text(struct str text)
{
    return str_is_utf8(text.ptr, text.len) && str_find_char(text, '\0') < 0;
}

bool flight_basic_auth_decode(struct str payload, struct str *user_out, struct str *password_out)
{
    struct str user = S(""), password = S("");
    struct reader reader = reader_from(payload);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 2 && field.wire == FLIGHT_WIRE_BYTES)
            user = field.bytes;
        else if (field.number == 3 && field.wire == FLIGHT_WIRE_BYTES)
            password = field.bytes;
    }
    if (reader.failed || user.len == 0 || !flight_basic_auth_is_text(user) || !flight_basic_auth_is_text(password))
        return false;
    *user_out = user;
    *password_out = password;
    return true;
}
