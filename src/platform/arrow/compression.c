/* LZ4 frames and ZSTD (Arrow format: BodyCompression, method BUFFER). */
#include "platform/arrow/compression.h"

#include <string.h>

#include <lz4frame.h>
#include <zstd.h>

#include "base/limits.h"

/* Zeros compress about 16,000-fold with ZSTD and 250-fold with LZ4; more is a bomb. Small buffers may lie a bit. */
enum { ARROW_RATIO_MAX = 40000, ARROW_RATIO_FREE = 1 << 16 };

bool arrow_compression_size(const uint8_t *data, size_t len, size_t limit, int64_t *size_out, struct err *err)
{
    int64_t size;
    if (len < sizeof(size))
        return err_set(err, ERR_INVALID, "a compressed buffer is shorter than its length");
    memcpy(&size, data, sizeof(size));
    if (size < -1)
        return err_set(err, ERR_INVALID, "a compressed buffer has a negative length");
    if (size > 0 && (uint64_t)size > limit) {
        limits_err(LIMIT_MESSAGE, err);
        return err_wrap(err, "decompressed");
    }
    if (size > ARROW_RATIO_FREE && (uint64_t)size / ARROW_RATIO_MAX > len)
        return err_set(err, ERR_RESOURCE, "a compressed buffer grows more than %d-fold", ARROW_RATIO_MAX);
    *size_out = size;
    return true;
}

static bool arrow_compression_lz4(const uint8_t *data, size_t len, uint8_t *out, size_t size)
{
    LZ4F_dctx *context = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return false;
    size_t read = 0, written = 0, hint = 1;
    while (hint != 0 && (read < len || written < size)) {
        size_t in = len - read, room = size - written;
        hint = LZ4F_decompress(context, out + written, &room, data + read, &in, NULL);
        if (LZ4F_isError(hint) || (in == 0 && room == 0))
            break;
        read += in;
        written += room;
    }
    LZ4F_freeDecompressionContext(context);
    return hint == 0 && written == size;
}

bool arrow_compression_read(enum arrow_codec codec, const uint8_t *data, size_t len, uint8_t *out, size_t size,
                            struct err *err)
{
    bool ok = codec == ARROW_CODEC_ZSTD ? ZSTD_decompress(out, size, data, len) == size
                                        : arrow_compression_lz4(data, len, out, size);
    return ok || err_set(err, ERR_INVALID, "a compressed buffer cannot be decompressed");
}
