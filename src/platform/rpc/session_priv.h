/* Shared by session.c (HTTP/2), stream.c (one stream's queue), call.c (gRPC) and carrier.c (HTTP requests). */
#pragma once
#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metric.h"
#include "base/vec.h"
#include "platform/rpc/framing.h"
#include "platform/rpc/session.h"

#define RPC_CODES 17

/* A method of a service and its numbers. */
struct rpc_entry {
    const struct rpc_method *method;         /* NULL for unknown ones */
    const struct rpc_service *service;       /* whose method it is */
    struct str name;                         /* last part of its path, or "other" */
    struct metric_series *counts[RPC_CODES]; /* NULL until the first of its kind */
    struct metric_series *seconds;
};

struct rpc_host {
    struct http_service *http;
    const struct guard *guard;
    const struct rpc_service *service; /* the first; may be NULL */
    struct rpc_entry *entries;         /* every service's methods, and one for unknown methods; owned */
    size_t entry_count;                /* without the unknown one */
    struct map by_path;                /* path → struct rpc_entry */
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    uint64_t last_session;
};

/* How often something happened in the current ten seconds. */
struct rpc_budget {
    int64_t began_us;
    int64_t count;
};

struct rpc_session {
    struct rpc_host *host;
    struct outbox *outbox;
    const struct net_peer *peer;
    void (*on_wake)(void *owner);
    void *owner;
    nghttp2_session *http2;
    uint64_t id;
    struct list streams;  /* every struct rpc_stream of this session */
    struct list draining; /* those that wait for their bytes to leave, by rpc_stream.draining */
    size_t stream_count;
    size_t gathered; /* bytes of bodies and messages that are not whole yet */
    struct rpc_budget resets;
    struct rpc_budget control;
    int64_t control_credit; /* control frames that answer what we sent, and so are free */
    int64_t active_us;      /* last input */
    int64_t tick_us;        /* last look at the streams */
    int32_t last_id;        /* highest stream id seen */
    int32_t gap_begin;      /* ids from here to gap_end, exclusive, were skipped by last_id */
    int32_t gap_end;
    bool bulk;   /* large frames are allowed */
    bool inside; /* input or output runs: no need to wake */
    bool over;
};

enum rpc_stream_kind {
    RPC_STREAM_HEADERS, /* its header block is not whole */
    RPC_STREAM_HTTP,
    RPC_STREAM_CALL,
};

struct rpc_call {
    struct rpc_entry *entry;
    const struct rpc_events *events; /* NULL before rpc_call_accept */
    void *owner;
    struct framing framing;
    uint64_t id;
    struct buf message; /* of methods that collect */
    struct buf held;    /* what came while the call was held */
    uint64_t part_left; /* of the message that is being sent */
    int64_t deadline_us;
    VEC(struct http_field) headers; /* texts in the arena */
    VEC(struct http_field) trailers;
    enum err_code code;
    bool is_held;   /* by rpc_call_hold */
    bool responded; /* initial headers were submitted */
    bool finished;  /* rpc_finish was called */
    bool refused;   /* the transport ended it: the application hears that it failed */
    bool trailed;   /* the trailers left completely */
};

struct rpc_stream {
    struct rpc_session *session;
    struct list node;     /* in session->streams */
    struct list draining; /* in session->draining */
    int32_t id;
    enum rpc_stream_kind kind;
    struct arena *arena; /* owned */

    VEC(struct http_field) fields; /* of the request, pseudo-headers left out; texts in the arena */
    struct str method, path, authority, content_type;
    size_t header_bytes; /* with 32 for each field, as RFC 9113 counts */
    size_t header_count;
    bool too_large;
    bool half_closed; /* the client has sent everything */
    int64_t started_us;

    VEC(struct slice) out; /* from out_first on */
    size_t out_first;
    size_t queued;       /* bytes in out */
    uint64_t position;   /* outbox->written when the last of our bytes went there */
    int64_t progress_us; /* bytes moved, or began to wait */
    bool eof;            /* nothing will be added to out */
    bool deferred;       /* nghttp2 waits for resume */

    bool paused;
    size_t unconsumed; /* bytes received while paused */

    struct rpc_call call;
    struct http_request request;
    struct buf body;
    bool request_running;
};

/* host.c */
struct rpc_entry *rpc_host_find(struct rpc_host *host, struct str path);
void rpc_entry_count(struct rpc_entry *entry, enum err_code code, int64_t started_us);

/* session.c */
nghttp2_session_callbacks *rpc_session_callbacks(void);
nghttp2_option *rpc_session_option(void);
/* We sent something that the client answers with control frames: those are free. */
void rpc_session_allow_control(struct rpc_session *session);
void rpc_session_wake(struct rpc_session *session);
/* A large message is on its way: allows large frames, which cost less. Until then headers cannot come in frames that
 * are larger than the standard's 16 KiB. */
void rpc_session_expect_bulk(struct rpc_session *session);
/* Ends the connection with GOAWAY. */
void rpc_session_terminate(struct rpc_session *session, uint32_t error_code);

/* stream.c: what a stream sends. */
struct rpc_stream *rpc_stream_new(struct rpc_session *session, int32_t id);
void rpc_stream_free(struct rpc_stream *stream);
/* Appends to one of the stream's buffers; false beyond http2.max_gathered. */
bool rpc_stream_gather(struct rpc_stream *stream, struct buf *buf, struct str bytes) MUST_USE;
/* Empties it. */
void rpc_stream_forget(struct rpc_stream *stream, struct buf *buf);
nghttp2_nv rpc_stream_nv(struct http_field field);
/* Submits the answer's headers; with_body: what rpc_stream_push queues follows them. */
void rpc_stream_respond(struct rpc_stream *stream, const struct http_field *fields, size_t count, bool with_body);
/* Takes the slice. */
void rpc_stream_push(struct rpc_stream *stream, struct slice slice);
/* Nothing more will be pushed. */
void rpc_stream_end(struct rpc_stream *stream);
void rpc_stream_reset(struct rpc_stream *stream, uint32_t error_code);
/* Bytes handed over that have not left. */
size_t rpc_stream_unsent(const struct rpc_stream *stream);
/* Gives credit for received bytes, now or after the pause. */
void rpc_stream_consume(struct rpc_stream *stream, size_t len);
void rpc_stream_resume(struct rpc_stream *stream);
struct str rpc_stream_field(const struct rpc_stream *stream, struct str name);
int rpc_stream_send_data(nghttp2_session *http2, nghttp2_frame *frame, const uint8_t *header, size_t len,
                         nghttp2_data_source *source, void *user_data);

/* call.c: gRPC on a stream. */
void rpc_call_start(struct rpc_stream *stream);
void rpc_call_input(struct rpc_stream *stream, struct str bytes);
void rpc_call_half_close(struct rpc_stream *stream);
void rpc_call_closed(struct rpc_stream *stream);
/* The last byte of the body is on its way: adds the trailers. */
void rpc_call_trailers(struct rpc_stream *stream);
void rpc_call_drained(struct rpc_stream *stream);

/* carrier.c: an HTTP request on a stream. */
void rpc_carrier_refuse_headers(struct rpc_stream *stream);
void rpc_carrier_input(struct rpc_stream *stream, struct str bytes);
void rpc_carrier_half_close(struct rpc_stream *stream);
void rpc_carrier_closed(struct rpc_stream *stream);
