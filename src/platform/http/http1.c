/* Requests from the parser to the service, answers from the carrier to the outbox. The memory of a request (arena,
 * texts, body) is taken from a pool when its first byte arrives, so an idle connection holds none. */
#include "platform/http/http1.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "platform/http/http1_parser.h"
#include "platform/net/connection.h"
#include "platform/http/carrier.h"

#define HTTP1_SPARE_MAX 64
/* A body has to come at this pace at least, after a first grace. */
#define HTTP1_BODY_GRACE_US (30 * CLOCK_SECOND)
#define HTTP1_BODY_BYTES_PER_S 1024

struct http1_exchange {
    struct http1_exchange *next_spare;
    struct http_request request;
    struct http1_message message;
    struct http1 *http1;
    bool is_head;
    bool has_no_body; /* HEAD, 204, 304: what is written is dropped */
    bool chunked;
    bool ended;
};

enum http1_state { HTTP1_READING, HTTP1_RUNNING, HTTP1_OVER, HTTP1_BROKEN };

struct http1 {
    struct http1_host *host;
    struct outbox *outbox;
    const struct net_peer *peer;
    void (*on_wake)(void *owner);
    void *owner;
    struct http1_parser parser;
    struct http1_exchange *exchange; /* NULL while idle */
    enum http1_state state;
    bool inside;      /* http1_input is running: no need to wake */
    bool stopping;    /* the current request is the last */
    int64_t began_us; /* of the current request's header, then of its body; while idle, of idleness */
};

static void http1_begin(struct http_request *request, int status, const struct http_field *fields, size_t field_count,
                        int64_t content_length);
static void http1_write(struct http_request *request, struct slice slice);
static void http1_end(struct http_request *request);
static void http1_abort(struct http_request *request);
static size_t http1_unsent(const struct http_request *request);

static const struct http_carrier http1_carrier = {http1_begin, http1_write, http1_end, http1_abort, http1_unsent};

static void http1_exchange_free(struct http1_exchange *exchange)
{
    http1_message_done(&exchange->message);
    arena_free(&exchange->request.arena);
    mem_free(exchange);
}

void http1_host_done(struct http1_host *host)
{
    while (host->spare) {
        struct http1_exchange *exchange = host->spare;
        host->spare = exchange->next_spare;
        http1_exchange_free(exchange);
    }
    host->spare_count = 0;
}

static struct http1_exchange *http1_take_exchange(struct http1 *http1)
{
    struct http1_host *host = http1->host;
    struct http1_exchange *exchange = host->spare;
    if (exchange) {
        host->spare = exchange->next_spare;
        host->spare_count--;
    } else {
        exchange = mem_new(struct http1_exchange);
        exchange->request.arena = arena_new();
    }
    exchange->http1 = http1;
    return exchange;
}

static void http1_recycle(struct http1 *http1)
{
    struct http1_exchange *exchange = http1->exchange;
    struct http1_host *host = http1->host;
    http1->exchange = NULL;
    if (!exchange)
        return;
    arena_reset(exchange->request.arena);
    if (host->spare_count >= HTTP1_SPARE_MAX) {
        http1_exchange_free(exchange);
        return;
    }
    http1_message_clear(&exchange->message);
    exchange->request = (struct http_request){.arena = exchange->request.arena};
    exchange->is_head = exchange->has_no_body = exchange->chunked = exchange->ended = false;
    exchange->next_spare = host->spare;
    host->spare = exchange;
    host->spare_count++;
}

struct http1 *http1_new(struct http1_host *host, struct outbox *outbox, const struct net_peer *peer,
                        void (*on_wake)(void *owner), void *owner)
{
    struct http1 *http1 = mem_new(struct http1);
    *http1 = (struct http1){.host = host, .outbox = outbox, .peer = peer, .on_wake = on_wake, .owner = owner};
    http1_parser_init(&http1->parser);
    http1->began_us = clock_now_us();
    return http1;
}

void http1_free(struct http1 **http1_ptr)
{
    struct http1 *http1 = http1_ptr ? *http1_ptr : NULL;
    if (!http1)
        return;
    struct http1_exchange *exchange = http1->exchange;
    if (exchange && http1->state == HTTP1_RUNNING && !exchange->ended && exchange->request.on_gone)
        exchange->request.on_gone(&exchange->request);
    http1_recycle(http1);
    mem_free(http1);
    *http1_ptr = NULL;
}

static void http1_wake(struct http1 *http1)
{
    if (!http1->inside)
        http1->on_wake(http1->owner);
}

/* The request's answer is complete: the connection goes on or ends. */
static void http1_finish(struct http1 *http1)
{
    bool last = http1->stopping || !http1->exchange->message.keep_alive;
    http1->state = last ? HTTP1_OVER : HTTP1_READING;
    http1->began_us = clock_now_us();
    http1_recycle(http1);
}

static void http1_fill_request(struct http1 *http1, struct http1_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http1_message *message = &exchange->message;
    struct arena *arena = request->arena;
    *request = (struct http_request){
        .arena = arena,
        .method = message->method,
        .body = buf_str(&message->body),
        .fields = http1_message_fields(message, arena),
        .field_count = message->spans.count,
        .peer = http1->peer,
        .protocol = "http1",
        .id = http_next_id(),
        .started_us = http1->began_us,
        .carrier = &http1_carrier,
        .carrier_data = exchange,
    };
    request->host = http_field(request, S("host"));
    if (!request->host.ptr)
        request->host = S("");
    exchange->is_head = str_equal(message->method, S("HEAD"));
}

static void http1_dispatch(struct http1 *http1)
{
    struct http1_exchange *exchange = http1->exchange;
    struct http_request *request = &exchange->request;
    http1->state = HTTP1_RUNNING;
    http1_fill_request(http1, exchange);
    struct str why = S("the request target is malformed");
    struct str target = str_bytes(exchange->message.text.ptr, exchange->message.target_len);
    int status = http_set_target(request, target) ? guard_check(http1->host->guard, request, &why) : 400;
    if (status != 0)
        http_refuse(http1->host->service, request, status, why);
    else
        http1->host->service->on_request(http1->host->service, request);
    if (http1->state == HTTP1_RUNNING && exchange->ended)
        http1_finish(http1);
}

/* The parser gave up: answer, then end. What the client sent behind it is not looked at. */
static void http1_reject(struct http1 *http1, int status, const char *why)
{
    struct http1_exchange *exchange = http1->exchange;
    http1->state = HTTP1_RUNNING;
    exchange->message.keep_alive = false;
    http1_fill_request(http1, exchange);
    struct str target = str_bytes(exchange->message.text.ptr, exchange->message.target_len);
    if (!http_set_target(&exchange->request, target))
        exchange->request.path = S("");
    http_refuse(http1->host->service, &exchange->request, status, str_from(why));
    http1_finish(http1);
}

static void http1_continue(struct http1 *http1, bool was_in_body)
{
    if (http1->parser.in_body && !was_in_body)
        http1->began_us = clock_now_us();
    if (http1->parser.wants_continue) {
        http1->parser.wants_continue = false;
        outbox_copy_str(http1->outbox, S("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

size_t http1_input(struct http1 *http1, struct str bytes)
{
    size_t total = 0;
    http1->inside = true;
    while (http1->state == HTTP1_READING && total < bytes.len && outbox_len(http1->outbox) < CONNECTION_HIGH_WATER) {
        if (!http1->exchange)
            http1->exchange = http1_take_exchange(http1);
        bool was_begun = http1->parser.begun, was_in_body = http1->parser.in_body;
        if (!was_begun)
            http1->began_us = clock_now_us();
        http1->parser.message = &http1->exchange->message;
        size_t consumed;
        enum http1_progress progress = http1_parser_input(&http1->parser, str_from_index(bytes, total), &consumed);
        total += consumed;
        if (progress == HTTP1_REQUEST)
            http1_dispatch(http1);
        else if (progress == HTTP1_BAD)
            http1_reject(http1, http1->parser.status, http1->parser.why);
        else if (http1->parser.begun)
            http1_continue(http1, was_in_body);
        else
            http1_recycle(http1); /* only empty lines so far */
    }
    if (http1->state == HTTP1_OVER)
        total = bytes.len;
    http1->inside = false;
    return total;
}

bool http1_is_busy(const struct http1 *http1)
{
    return http1->state == HTTP1_RUNNING;
}

bool http1_is_idle(const struct http1 *http1)
{
    return http1->state == HTTP1_READING && !http1->parser.begun;
}

bool http1_is_over(const struct http1 *http1)
{
    return http1->state == HTTP1_OVER;
}

bool http1_is_broken(const struct http1 *http1)
{
    return http1->state == HTTP1_BROKEN;
}

int64_t http1_deadline_us(const struct http1 *http1)
{
    if (http1->state != HTTP1_READING)
        return CLOCK_NEVER;
    if (!http1->parser.begun)
        return http1->began_us + limits_get(LIMIT_IDLE_TIMEOUT) * CLOCK_SECOND;
    if (!http1->parser.in_body)
        return http1->began_us + limits_get(LIMIT_HEADER_TIMEOUT) * CLOCK_SECOND;
    int64_t earned_s = (int64_t)(buf_len(&http1->exchange->message.body) / HTTP1_BODY_BYTES_PER_S);
    return http1->began_us + HTTP1_BODY_GRACE_US + earned_s * CLOCK_SECOND;
}

void http1_timeout(struct http1 *http1)
{
    if (http1->state != HTTP1_READING)
        return;
    if (!http1->parser.begun) {
        http1->state = HTTP1_OVER;
        return;
    }
    http1->inside = true;
    http1_reject(http1, 408, "the request did not arrive in time");
    http1->inside = false;
}

void http1_stop(struct http1 *http1)
{
    http1->stopping = true;
    if (http1_is_idle(http1))
        http1->state = HTTP1_OVER;
}

static struct str http1_reason(int status)
{
    switch (status) {
    case 200:
        return S("OK");
    case 201:
        return S("Created");
    case 202:
        return S("Accepted");
    case 204:
        return S("No Content");
    case 304:
        return S("Not Modified");
    case 400:
        return S("Bad Request");
    case 401:
        return S("Unauthorized");
    case 403:
        return S("Forbidden");
    case 404:
        return S("Not Found");
    case 405:
        return S("Method Not Allowed");
    case 406:
        return S("Not Acceptable");
    case 408:
        return S("Request Timeout");
    case 409:
        return S("Conflict");
    case 413:
        return S("Content Too Large");
    case 415:
        return S("Unsupported Media Type");
    case 417:
        return S("Expectation Failed");
    case 421:
        return S("Misdirected Request");
    case 422:
        return S("Unprocessable Content");
    case 429:
        return S("Too Many Requests");
    case 431:
        return S("Request Header Fields Too Large");
    case 500:
        return S("Internal Server Error");
    case 501:
        return S("Not Implemented");
    case 503:
        return S("Service Unavailable");
    case 504:
        return S("Gateway Timeout");
    case 505:
        return S("HTTP Version Not Supported");
    default:
        return S("Other"); /* the number is what counts (RFC 9112 4) */
    }
}

static void http1_copy_number(struct outbox *outbox, uint64_t number, unsigned base)
{
    char digits[24];
    size_t start = sizeof(digits);
    do {
        digits[--start] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    outbox_copy(outbox, digits + start, sizeof(digits) - start);
}

static void http1_begin(struct http_request *request, int status, const struct http_field *fields, size_t field_count,
                        int64_t content_length)
{
    struct http1_exchange *exchange = request->carrier_data;
    struct http1 *http1 = exchange->http1;
    struct outbox *outbox = http1->outbox;
    bool bodiless = status == 204 || status == 304 || status < 200;
    exchange->has_no_body = exchange->is_head || bodiless;
    exchange->chunked = content_length < 0 && !exchange->message.http10;
    if (content_length < 0 && exchange->message.http10)
        exchange->message.keep_alive = false; /* the end of the connection is the end of the answer */

    outbox_copy_str(outbox, S("HTTP/1.1 "));
    http1_copy_number(outbox, (uint64_t)status, 10);
    outbox_copy_str(outbox, S(" "));
    outbox_copy_str(outbox, http1_reason(status));
    outbox_copy_str(outbox, S("\r\n"));
    for (size_t i = 0; i < field_count; i++) {
        outbox_copy_str(outbox, fields[i].name);
        outbox_copy_str(outbox, S(": "));
        outbox_copy_str(outbox, fields[i].value);
        outbox_copy_str(outbox, S("\r\n"));
    }
    if (content_length >= 0 && !bodiless) {
        outbox_copy_str(outbox, S("content-length: "));
        http1_copy_number(outbox, (uint64_t)content_length, 10);
        outbox_copy_str(outbox, S("\r\n"));
    } else if (exchange->chunked && !bodiless) {
        outbox_copy_str(outbox, S("transfer-encoding: chunked\r\n"));
    }
    if (http1->stopping || !exchange->message.keep_alive)
        outbox_copy_str(outbox, S("connection: close\r\n"));
    else if (exchange->message.http10)
        outbox_copy_str(outbox, S("connection: keep-alive\r\n"));
    outbox_copy_str(outbox, S("\r\n"));
    http1_wake(http1);
}

static void http1_write(struct http_request *request, struct slice slice)
{
    struct http1_exchange *exchange = request->carrier_data;
    struct outbox *outbox = exchange->http1->outbox;
    if (slice.len == 0 || exchange->has_no_body) { /* an empty chunk would end the answer */
        slice_release(&slice);
        return;
    }
    if (exchange->chunked) {
        http1_copy_number(outbox, slice.len, 16);
        outbox_copy_str(outbox, S("\r\n"));
    }
    outbox_write(outbox, slice);
    if (exchange->chunked)
        outbox_copy_str(outbox, S("\r\n"));
    http1_wake(exchange->http1);
}

static void http1_end(struct http_request *request)
{
    struct http1_exchange *exchange = request->carrier_data;
    struct http1 *http1 = exchange->http1;
    assert(!exchange->ended);
    if (exchange->chunked && !exchange->has_no_body)
        outbox_copy_str(http1->outbox, S("0\r\n\r\n"));
    exchange->ended = true;
    if (http1->inside)
        return; /* http1_dispatch goes on */
    http1_finish(http1);
    http1->on_wake(http1->owner);
}

static void http1_abort(struct http_request *request)
{
    struct http1_exchange *exchange = request->carrier_data;
    exchange->ended = true;
    exchange->http1->state = HTTP1_BROKEN;
    http1_wake(exchange->http1);
}

static size_t http1_unsent(const struct http_request *request)
{
    const struct http1_exchange *exchange = request->carrier_data;
    return outbox_len(exchange->http1->outbox);
}
