/* The frames of gRPC inside DATA: one byte of flags, four of length, the message. Pure: bytes in, events out. */
#pragma once
#include "base/str.h"

#define FRAMING_PREFIX_SIZE 5

enum framing_event {
    FRAMING_MORE,       /* everything was consumed */
    FRAMING_BEGIN,      /* a message of *size_out bytes begins */
    FRAMING_BYTES,      /* *part_out is the next part of it */
    FRAMING_END,        /* it is whole */
    FRAMING_COMPRESSED, /* a message says that it is compressed, or carries unknown flags */
};

struct framing {
    uint8_t prefix[FRAMING_PREFIX_SIZE];
    uint8_t prefix_len;
    uint32_t left; /* bytes of the message still to come */
};

/* Takes what it reads off *bytes. After FRAMING_COMPRESSED it must not be called again. */
enum framing_event framing_next(struct framing *framing, struct str *bytes, uint32_t *size_out, struct str *part_out);
/* Between two messages: the only place where a stream may end. */
bool framing_is_idle(const struct framing *framing);
/* Writes the prefix of a message. */
void framing_prefix(uint32_t size, uint8_t prefix_out[FRAMING_PREFIX_SIZE]);
