/* An HTTP request on a stream: gathered, checked by the guard, given to the service, answered through the queue. */
#include "base/limits.h"
#include "platform/http/carrier.h"
#include "platform/rpc/session_priv.h"

static void rpc_carrier_begin(struct http_request *request, int status, const struct http_field *fields,
                              size_t field_count, int64_t content_length)
{
    struct rpc_stream *stream = request->carrier_data;
    struct http_field *head = arena_array(stream->arena, field_count + 2, sizeof(*head));
    size_t count = 0;
    bool bodiless = status == 204 || status == 304;
    head[count++] = (struct http_field){S(":status"), str_format(stream->arena, "%d", status)};
    for (size_t i = 0; i < field_count; i++)
        head[count++] = fields[i];
    if (content_length >= 0 && !bodiless)
        head[count++] =
            (struct http_field){S("content-length"), str_format(stream->arena, "%lld", (long long)content_length)};
    bool with_body = !bodiless && content_length != 0 && !str_equal(request->method, S("HEAD"));
    rpc_stream_respond(stream, head, count, with_body);
    if (!with_body)
        stream->eof = true; /* what is written is dropped */
}

static void rpc_carrier_write(struct http_request *request, struct slice slice)
{
    rpc_stream_push(request->carrier_data, slice);
}

static void rpc_carrier_end(struct http_request *request)
{
    struct rpc_stream *stream = request->carrier_data;
    stream->request_running = false;
    if (!stream->eof)
        rpc_stream_end(stream);
}

static void rpc_carrier_abort(struct http_request *request)
{
    struct rpc_stream *stream = request->carrier_data;
    stream->request_running = false;
    rpc_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static size_t rpc_carrier_unsent(const struct http_request *request)
{
    return rpc_stream_unsent(request->carrier_data);
}

static const struct http_carrier rpc_carrier = {rpc_carrier_begin, rpc_carrier_write, rpc_carrier_end,
                                                rpc_carrier_abort, rpc_carrier_unsent};

static struct http_request *rpc_carrier_fill(struct rpc_stream *stream)
{
    struct http_request *request = &stream->request;
    *request = (struct http_request){
        .arena = stream->arena,
        .method = stream->method,
        .host = stream->authority.ptr ? stream->authority : S(""),
        .body = buf_str(&stream->body),
        .fields = stream->fields.items,
        .field_count = stream->fields.count,
        .peer = stream->session->peer,
        .protocol = "http2",
        .id = http_next_id(),
        .started_us = stream->started_us,
        .carrier = &rpc_carrier,
        .carrier_data = stream,
    };
    stream->request_running = true;
    return request;
}

static bool rpc_carrier_is_fresh(const struct rpc_stream *stream)
{
    return !stream->request.carrier;
}

/* Before the request is whole. */
static void rpc_carrier_refuse(struct rpc_stream *stream, int status, struct str why)
{
    struct http_request *request = rpc_carrier_fill(stream);
    if (!http_set_target(request, stream->path))
        request->path = S("");
    http_refuse(stream->session->host->http, request, status, why);
}

void rpc_carrier_refuse_headers(struct rpc_stream *stream)
{
    rpc_carrier_refuse(stream, 431, S("the header is larger than http.max_header or http.max_fields"));
}

void rpc_carrier_input(struct rpc_stream *stream, struct str bytes)
{
    if (!rpc_carrier_is_fresh(stream)) /* refused already: the rest of the body is dropped */
        return;
    if (buf_len(&stream->body) + bytes.len > (size_t)limits_get(LIMIT_HTTP_BODY))
        rpc_carrier_refuse(stream, 413, S("the body is larger than http.max_body"));
    else if (!rpc_stream_gather(stream, &stream->body, bytes))
        rpc_carrier_refuse(stream, 503, S("the connection's unfinished requests exceed http2.max_gathered"));
}

void rpc_carrier_half_close(struct rpc_stream *stream)
{
    if (!rpc_carrier_is_fresh(stream))
        return;
    struct http_request *request = rpc_carrier_fill(stream);
    const struct rpc_host *host = stream->session->host;
    struct str why = S("the request target is malformed");
    int status = http_set_target(request, stream->path) ? guard_check(host->guard, request, &why) : 400;
    if (status != 0)
        http_refuse(host->http, request, status, why);
    else
        host->http->on_request(host->http, request);
}

void rpc_carrier_closed(struct rpc_stream *stream)
{
    if (!stream->request_running)
        return;
    stream->request_running = false;
    stream->eof = true;
    if (stream->request.on_gone)
        stream->request.on_gone(&stream->request);
}
