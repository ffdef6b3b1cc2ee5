/* HandshakeRequest and HandshakeResponse: {1 protocol_version, 2 payload}; BasicAuth: {2 username, 3 password}. */
#pragma once
#include "face/flight/proto.h"

struct flight_handshake {
    uint64_t version;
    struct str payload; /* the client's credentials, or the server's token; borrowed */
};

bool flight_handshake_decode(struct str bytes, struct flight_handshake *handshake_out, struct err *err) MUST_USE;
void flight_handshake_encode(struct buf *buf, const struct flight_handshake *handshake);

/* The credentials in a payload. False for bytes that are no BasicAuth with a name; both are UTF-8 without NUL. */
bool flight_basic_auth_decode(struct str payload, struct str *user_out, struct str *password_out);
