/* llhttp without any of its lenient flags, plus what it leaves open: limits, Host, chunk extensions, upgrades. */
#include "platform/http/http1_parser.h"

#include "base/limits.h"

/* Chunk extensions have no use here; a few bytes of them are put up with. */
#define HTTP1_EXTENSIONS_MAX 256
/* A buffer that a large request left behind is not kept for the next. */
#define HTTP1_KEPT_BUFFER 8192u

void http1_message_clear(struct http1_message *message)
{
    if (message->text.capacity > HTTP1_KEPT_BUFFER)
        buf_done(&message->text);
    if (message->body.capacity > HTTP1_KEPT_BUFFER)
        buf_done(&message->body);
    buf_clear(&message->text);
    buf_clear(&message->body);
    vec_clear(&message->spans);
    message->target_len = 0;
    message->http10 = message->keep_alive = false;
}

void http1_message_done(struct http1_message *message)
{
    buf_done(&message->text);
    buf_done(&message->body);
    vec_done(&message->spans);
}

static int http1_refuse(struct http1_parser *parser, int status, const char *why)
{
    parser->status = status;
    parser->why = why;
    return HPE_USER;
}

/* Counts bytes of the target, the fields and the trailers against one limit. */
static int http1_count(struct http1_parser *parser, size_t len)
{
    parser->header_bytes += len;
    if (parser->header_bytes > (size_t)limits_get(LIMIT_HTTP_HEADER))
        return http1_refuse(parser, 431, "the header is larger than http.max_header");
    return 0;
}

static int http1_on_begin(llhttp_t *llhttp)
{
    struct http1_parser *parser = llhttp->data;
    parser->begun = true;
    parser->in_body = parser->wants_continue = parser->in_value = false;
    parser->header_bytes = parser->field_count = parser->extension_bytes = parser->protocol_bytes = 0;
    return 0;
}

/* llhttp takes RTSP and ICE as well. */
static int http1_on_protocol(llhttp_t *llhttp, const char *at, size_t len)
{
    static const char name[] = "HTTP";
    struct http1_parser *parser = llhttp->data;
    for (size_t i = 0; i < len; i++) {
        if (parser->protocol_bytes == sizeof(name) - 1 || at[i] != name[parser->protocol_bytes])
            return http1_refuse(parser, 400, "the protocol is not HTTP");
        parser->protocol_bytes++;
    }
    return 0;
}

static int http1_on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_parser *parser = llhttp->data;
    buf_append(&parser->message->text, at, len);
    parser->message->target_len += len;
    return http1_count(parser, len);
}

static struct http1_span *http1_last_span(struct http1_parser *parser)
{
    return &parser->message->spans.items[parser->message->spans.count - 1];
}

static int http1_on_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_parser *parser = llhttp->data;
    struct http1_message *message = parser->message;
    int status = http1_count(parser, len);
    if (status != 0)
        return status;
    if (parser->in_value || parser->field_count == 0) {
        parser->in_value = false;
        if (++parser->field_count > (size_t)limits_get(LIMIT_HTTP_FIELDS))
            return http1_refuse(parser, 431, "more fields than http.max_fields");
        if (!parser->in_body)
            vec_push(&message->spans, ((struct http1_span){.name_start = message->text.end}));
    }
    if (parser->in_body)
        return 0; /* a trailer: counted, not kept */
    uint8_t *to = buf_reserve(&message->text, len);
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]);
    buf_commit(&message->text, len);
    http1_last_span(parser)->name_len += len;
    return 0;
}

static int http1_on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_parser *parser = llhttp->data;
    int status = http1_count(parser, len);
    if (status != 0)
        return status;
    bool first = !parser->in_value;
    parser->in_value = true;
    if (parser->in_body)
        return 0;
    struct http1_span *span = http1_last_span(parser);
    if (first)
        span->value_start = parser->message->text.end;
    buf_append(&parser->message->text, at, len);
    span->value_len += len;
    return 0;
}

static struct str http1_span_name(const struct http1_message *message, const struct http1_span *span)
{
    return str_bytes(message->text.ptr + span->name_start, span->name_len);
}

static struct str http1_span_value(const struct http1_message *message, const struct http1_span *span)
{
    return str_trim(str_bytes(message->text.ptr + span->value_start, span->value_len));
}

/* Fields that decide where a request ends or whom it is for. */
static int http1_check_fields(struct http1_parser *parser)
{
    struct http1_message *message = parser->message;
    size_t hosts = 0, codings = 0;
    for (size_t i = 0; i < message->spans.count; i++) {
        struct str name = http1_span_name(message, &message->spans.items[i]);
        struct str value = http1_span_value(message, &message->spans.items[i]);
        if (str_equal(name, S("host")) && ++hosts > 1)
            return http1_refuse(parser, 400, "more than one host");
        if (str_equal(name, S("transfer-encoding")) && (++codings > 1 || !str_equal_nocase(value, S("chunked"))))
            return http1_refuse(parser, 400, "transfer-encoding must be chunked");
        if (str_equal(name, S("expect"))) {
            if (!str_equal_nocase(value, S("100-continue")))
                return http1_refuse(parser, 417, "expect must be 100-continue");
            parser->wants_continue = !message->http10;
        }
    }
    if (codings && (message->http10 || (parser->llhttp.flags & F_CONTENT_LENGTH)))
        return http1_refuse(parser, 400, "transfer-encoding beside content-length or in HTTP/1.0");
    if (hosts == 0 && !message->http10)
        return http1_refuse(parser, 400, "host is missing");
    return 0;
}

static int http1_on_headers(llhttp_t *llhttp)
{
    struct http1_parser *parser = llhttp->data;
    struct http1_message *message = parser->message;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return http1_refuse(parser, 505, "HTTP/1.1 or HTTP/1.0 is spoken here");
    if (llhttp->method == HTTP_CONNECT)
        return http1_refuse(parser, 405, "CONNECT is not served");
    message->method = str_from(llhttp_method_name((llhttp_method_t)llhttp->method));
    message->http10 = llhttp->http_minor == 0;
    message->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    llhttp->upgrade = 0; /* upgrades, h2c among them, are ignored (RFC 9110 7.8) */
    int status = http1_check_fields(parser);
    if (status != 0)
        return status;
    bool has_body = (llhttp->flags & F_CHUNKED) || llhttp->content_length > 0;
    if ((llhttp->flags & F_CONTENT_LENGTH) && llhttp->content_length > (uint64_t)limits_get(LIMIT_HTTP_BODY))
        return http1_refuse(parser, 413, "the body is larger than http.max_body");
    parser->wants_continue = parser->wants_continue && has_body;
    parser->in_body = true;
    parser->field_count = 0;
    return 0;
}

static int http1_on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_parser *parser = llhttp->data;
    parser->wants_continue = false;
    if (buf_len(&parser->message->body) + len > (size_t)limits_get(LIMIT_HTTP_BODY))
        return http1_refuse(parser, 413, "the body is larger than http.max_body");
    buf_append(&parser->message->body, at, len);
    return 0;
}

static int http1_on_extension(llhttp_t *llhttp, const char *at, size_t len)
{
    (void)at;
    struct http1_parser *parser = llhttp->data;
    parser->extension_bytes += len + 1;
    if (parser->extension_bytes > HTTP1_EXTENSIONS_MAX)
        return http1_refuse(parser, 400, "too many chunk extensions");
    return 0;
}

static int http1_on_complete(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t http1_settings = {
    .on_message_begin = http1_on_begin,
    .on_url = http1_on_url,
    .on_protocol = http1_on_protocol,
    .on_header_field = http1_on_field,
    .on_header_value = http1_on_value,
    .on_headers_complete = http1_on_headers,
    .on_body = http1_on_body,
    .on_chunk_extension_name = http1_on_extension,
    .on_chunk_extension_value = http1_on_extension,
    .on_message_complete = http1_on_complete,
};

void http1_parser_init(struct http1_parser *parser)
{
    *parser = (struct http1_parser){0};
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &http1_settings);
    parser->llhttp.data = parser;
}

enum http1_progress http1_parser_input(struct http1_parser *parser, struct str bytes, size_t *consumed_out)
{
    parser->llhttp.data = parser;
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    *consumed_out = bytes.len;
    if (error == HPE_OK)
        return HTTP1_MORE;
    if (error == HPE_PAUSED) {
        *consumed_out = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.ptr);
        llhttp_resume(&parser->llhttp);
        parser->begun = parser->in_body = parser->wants_continue = false;
        return HTTP1_REQUEST;
    }
    if (parser->status == 0) {
        parser->status = 400;
        parser->why = "the request is malformed";
    }
    return HTTP1_BAD;
}

const struct http_field *http1_message_fields(const struct http1_message *message, struct arena *arena)
{
    struct http_field *fields = arena_array(arena, message->spans.count, sizeof(*fields));
    for (size_t i = 0; i < message->spans.count; i++) {
        fields[i].name = http1_span_name(message, &message->spans.items[i]);
        fields[i].value = http1_span_value(message, &message->spans.items[i]);
    }
    return fields;
}
