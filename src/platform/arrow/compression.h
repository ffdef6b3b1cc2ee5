/* Compressed buffers of incoming batches. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum arrow_codec { ARROW_CODEC_LZ4 = 0, ARROW_CODEC_ZSTD = 1, ARROW_CODEC_NONE = 255 };

/* Bytes that a buffer has when decompressed, from its first 8 bytes; -1: stored as it is behind them. A size that no
 * honest encoder would write, or beyond the limit, is ERR_RESOURCE. */
bool arrow_compression_size(const uint8_t *data, size_t len, size_t limit, int64_t *size_out, struct err *err) MUST_USE;
/* Decompresses (what follows those 8 bytes) into exactly size bytes. */
bool arrow_compression_read(enum arrow_codec codec, const uint8_t *data, size_t len, uint8_t *out, size_t size,
                            struct err *err) MUST_USE;
