/* The table of first bytes. A prefix of something known waits for more; everything else is decided at once. */
#include "platform/net/sniff.h"

#include "base/reader.h"

struct sniff_row {
    struct str prefix;
    enum sniff_protocol protocol;
};

/* PostgreSQL's first packet is a length (8 for the special requests, 16 or more for cancel and startup) and a code;
 * lengths stay below 10,000 (PostgreSQL 55.2.1), so byte 0 and 1 are zero and no other protocol begins like that. */
#define SNIFF_POSTGRES_LENGTH_MAX 10000u
#define SNIFF_POSTGRES_CODE_CANCEL 80877102u
#define SNIFF_POSTGRES_CODE_SSL 80877103u
#define SNIFF_POSTGRES_CODE_GSS 80877104u

static const struct sniff_row sniff_rows[] = {
    {{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24}, SNIFF_HTTP2},
    {{"GET ", 4}, SNIFF_HTTP1},
    {{"HEAD ", 5}, SNIFF_HTTP1},
    {{"POST ", 5}, SNIFF_HTTP1},
    {{"PUT ", 4}, SNIFF_HTTP1},
    {{"PATCH ", 6}, SNIFF_HTTP1},
    {{"DELETE ", 7}, SNIFF_HTTP1},
    {{"OPTIONS ", 8}, SNIFF_HTTP1},
    {{"TRACE ", 6}, SNIFF_HTTP1},
    {{"CONNECT ", 8}, SNIFF_HTTP1},
    {{"\r\nGET ", 6}, SNIFF_HTTP1}, /* RFC 9112 2.2: an empty line before the request line is skipped */
    {{"\r\nPOST ", 7}, SNIFF_HTTP1},
    {{"\x16\x03", 2}, SNIFF_TLS},
};

static enum sniff_protocol sniff_postgres(struct str bytes)
{
    if (bytes.len < 8)
        return SNIFF_MORE;
    struct reader reader = reader_from(bytes);
    uint32_t length = reader_u32be(&reader);
    uint32_t code = reader_u32be(&reader);
    if (length < 8 || length > SNIFF_POSTGRES_LENGTH_MAX)
        return SNIFF_UNKNOWN;
    if (code == SNIFF_POSTGRES_CODE_SSL)
        return length == 8 ? SNIFF_POSTGRES_SSL : SNIFF_UNKNOWN;
    if (code == SNIFF_POSTGRES_CODE_GSS)
        return length == 8 ? SNIFF_POSTGRES_GSS : SNIFF_UNKNOWN;
    if (code == SNIFF_POSTGRES_CODE_CANCEL)
        return length >= 16 ? SNIFF_POSTGRES_CANCEL : SNIFF_UNKNOWN;
    return code >> 16 == 3 ? SNIFF_POSTGRES_STARTUP : SNIFF_UNKNOWN;
}

enum sniff_protocol sniff_protocol(struct str bytes)
{
    enum sniff_protocol answer = bytes.len ? SNIFF_UNKNOWN : SNIFF_MORE;
    for (size_t i = 0; i < sizeof(sniff_rows) / sizeof(sniff_rows[0]); i++) {
        const struct sniff_row *row = &sniff_rows[i];
        if (str_starts_with(bytes, row->prefix))
            return row->protocol;
        if (bytes.len && str_starts_with(row->prefix, bytes))
            answer = SNIFF_MORE;
    }
    if (answer == SNIFF_UNKNOWN && bytes.ptr[0] == 0 && (bytes.len < 2 || bytes.ptr[1] == 0))
        return sniff_postgres(bytes);
    return answer;
}
