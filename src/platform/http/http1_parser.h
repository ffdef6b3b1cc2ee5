/* Bytes of HTTP/1.x in, one request at a time out. Strict: whatever two parsers could read in two ways is refused
 * (RFC 9112 11.2). Knows no socket and no handler. */
#pragma once
#include <llhttp.h>

#include "base/buf.h"
#include "base/vec.h"
#include "platform/http/http.h"

/* Where a field's name and value are in http1_message.text. */
struct http1_span {
    size_t name_start, name_len, value_start, value_len;
};

/* What a request consists of; reused from request to request. */
struct http1_message {
    struct buf text; /* target and fields, one after the other */
    size_t target_len;
    VEC(struct http1_span) spans;
    struct buf body;
    struct str method; /* static memory */
    bool http10;
    bool keep_alive;
};
void http1_message_clear(struct http1_message *message);
void http1_message_done(struct http1_message *message);

enum http1_progress {
    HTTP1_MORE,    /* everything was consumed and the request is not whole */
    HTTP1_REQUEST, /* a whole request; bytes behind it were not consumed */
    HTTP1_BAD,     /* status and why say it; nothing more can be read from this peer */
};

struct http1_parser {
    llhttp_t llhttp;
    struct http1_message *message; /* where the current request goes; set before each input */
    size_t header_bytes;
    size_t field_count;
    size_t extension_bytes; /* of chunk sizes */
    size_t protocol_bytes;  /* of the word before the version */
    bool begun;             /* the first byte of a request was seen */
    bool in_body;           /* its headers are whole */
    bool wants_continue;    /* Expect: 100-continue, and the body has not begun */
    bool in_value;          /* the last span belongs to a value */
    int status;             /* for HTTP1_BAD */
    const char *why;
};

void http1_parser_init(struct http1_parser *parser);
enum http1_progress http1_parser_input(struct http1_parser *parser, struct str bytes, size_t *consumed_out);

/* The fields of a whole request, in the arena, names in lower case; they point into message->text. */
const struct http_field *http1_message_fields(const struct http1_message *message, struct arena *arena);
