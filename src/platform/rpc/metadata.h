/* The text forms of gRPC (PROTOCOL-HTTP2): timeouts, binary metadata, status messages. Pure functions. */
#pragma once
#include "base/str.h"

/* "5S", "100m": at most eight digits and a unit (H M S m u n), as microseconds, rounded up; CLOCK_NEVER-sized values
 * are clamped. False when malformed. */
bool metadata_timeout_us(struct str text, int64_t *delay_us_out) MUST_USE;

/* Base64 with or without padding, standard alphabet. */
bool metadata_decode_binary(struct arena *arena, struct str text, struct str *bytes_out) MUST_USE;
struct str metadata_encode_binary(struct arena *arena, struct str bytes);

/* grpc-message: percent-encoded UTF-8. */
struct str metadata_encode_message(struct arena *arena, struct str text);
