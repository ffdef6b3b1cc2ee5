/* HTTP/1.1 requests, one at a time, waiting for the answer: of the command line, and of threads that may wait.
 * Redirects are not followed. A body may be streamed to the caller as it comes, so an answer of any length takes
 * bounded memory. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/http/http.h"
#include "platform/net/tls.h"
#include "platform/http/outgoing.h"

struct http_client; /* one connection that is kept between requests */

struct http_client *http_client_open(struct err *err);
void http_client_close(struct http_client **client);
/* Whom to trust at https:// addresses; until then the system's CAs. The path of a CA must outlive the client. */
bool http_client_trust(struct http_client *client, const struct tls_trust *trust, struct err *err) MUST_USE;
static inline void http_client_cleanup(struct http_client **client)
{
    http_client_close(client);
}

struct http_client_request {
    struct str method;       /* "GET" */
    struct str url;          /* http://host:port/path?query, or https:// */
    struct str accept;       /* may be empty */
    struct str content_type; /* of the body; empty without one */
    struct str body;
    const struct http_field *fields; /* further ones */
    size_t field_count;
    size_t body_max;    /* of a gathered answer; 0: 64 MiB. ERR_RESOURCE beyond it */
    int64_t timeout_us; /* for the whole answer; 0: as long as it takes. Connecting takes 5 s at most */
    const struct http_outgoing *outgoing; /* which addresses may be connected to; NULL: all. Then no proxy is used */
    /* Asked several times a second and after each signal; true ends the request with ERR_CANCELLED. May be NULL. */
    bool (*is_cancelled)(void);
    /* Takes the body of an answer with status 2xx as it comes; false with *err set ends the request. NULL: the body is
     * gathered. */
    bool (*on_body)(void *owner, struct str bytes, struct err *err);
    void *owner;
};

struct http_client_answer {
    int status;
    struct str content_type; /* in the arena, as body */
    struct str body;         /* empty when on_body took it */
    int64_t size;            /* Content-Length; -1: not said */
    int64_t modified_us;     /* Last-Modified, wall clock; -1: not said */
};

/* True for every whole answer, whatever its status. ERR_UNAVAILABLE when nobody listens or the connection breaks, also
 * in the middle of a body. */
bool http_client_run(struct http_client *client, struct arena *arena, const struct http_client_request *request,
                     struct http_client_answer *answer_out, struct err *err) MUST_USE;
