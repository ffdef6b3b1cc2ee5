/* HandshakeRequest and HandshakeResponse: {1 protocol_version, 2 payload}. */
#pragma once
#include "face/flight/proto.h"

struct flight_handshake {
    uint64_t version;
    struct str payload; /* the client's credentials, or the server's token; borrowed */
};

bool flight_handshake_decode(struct str bytes, struct flight_handshake *handshake_out, struct err *err) MUST_USE;
void flight_handshake_encode(struct buf *buf, const struct flight_handshake *handshake);
