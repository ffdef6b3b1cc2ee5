/* FlightDescriptor: what a call is about, a path or an opaque command. */
#pragma once
#include "face/flight/proto.h"

/* Parts of a path; longer ones are refused when decoded. A table has at most three: tenant, schema, table. */
#define FLIGHT_PATH_MAX 16

enum flight_descriptor_type { FLIGHT_DESCRIPTOR_UNKNOWN = 0, FLIGHT_DESCRIPTOR_PATH = 1, FLIGHT_DESCRIPTOR_CMD = 2 };

struct flight_descriptor {
    enum flight_descriptor_type type;
    struct str cmd;
    struct str path[FLIGHT_PATH_MAX];
    size_t path_count;
};

/* Texts are borrowed from the bytes. */
bool flight_descriptor_decode(struct str bytes, struct flight_descriptor *descriptor_out, struct err *err) MUST_USE;
void flight_descriptor_encode(struct buf *buf, const struct flight_descriptor *descriptor);
