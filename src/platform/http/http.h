/* One request and its answer, whatever carried it: HTTP/1.1 here, HTTP/2 in platform/rpc. A handler gets the request
 * when its headers and its whole (bounded) body are there, and answers at once or later, from the same thread.
 *
 * Life: the request, its arena and everything in it live until the answer has ended or on_gone was called. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/net/peer.h"
#include "platform/net/slice.h"

struct http_field {
    struct str name; /* lower case */
    struct str value;
};

struct http_carrier; /* implementation: HTTP/1.1 or HTTP/2 */

struct http_request {
    struct arena *arena;
    struct str method;   /* "GET" */
    struct str path;     /* percent-decoded, without the query, starts with '/' */
    struct str raw_path; /* the same as it came: where '/' and '%2F' are two things */
    struct str query;    /* raw text behind '?', may be empty */
    struct str host;     /* Host or :authority, may be empty */
    struct str body;
    const struct http_field *fields;
    size_t field_count;
    const struct net_peer *peer; /* the other end; never NULL */
    const char *protocol;        /* "http1" or "http2": a metrics label */
    uint64_t id;                 /* of this process; in every log line */
    int64_t started_us;
    /* Called when the client went away before the answer ended; the request ends with this call. May be NULL. */
    void (*on_gone)(struct http_request *request);
    void *handler_data; /* the handler's own */
    const struct http_carrier *carrier;
    void *carrier_data;
    bool answered; /* headers were sent */
    int status;
    uint64_t bytes_out;
};

/* Value of a field (name in lower case), or an empty str with ptr NULL. */
struct str http_field(const struct http_request *request, struct str name);

/* Decoded value of a query parameter, or ptr NULL. Lives in the request's arena. */
struct str http_parameter(const struct http_request *request, struct str name);

/* The same in the text of a form (application/x-www-form-urlencoded), which a query is too. */
struct str http_form_value(struct arena *arena, struct str form, struct str name);

/* Percent-decodes into the arena; false for bad escapes or NUL bytes. */
bool http_percent_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *text_out) MUST_USE;

/* A whole answer at once. Bytes are copied. Extra fields may be NULL. HEAD sends no body. Ends the request. */
void http_answer(struct http_request *request, int status, struct str content_type, struct str body,
                 const struct http_field *fields, size_t field_count);

/* A streamed answer: begin, any number of write, then end; or abort, which breaks the connection (HTTP/1.1, so that the
 * client sees that the answer is not whole) or resets the stream (HTTP/2). write takes the slice. Fields are copied. */
void http_begin(struct http_request *request, int status, struct str content_type, const struct http_field *fields,
                size_t field_count);
/* The same when it is known how many bytes will be written. */
void http_begin_sized(struct http_request *request, int status, struct str content_type,
                      const struct http_field *fields, size_t field_count, size_t size);
void http_write(struct http_request *request, struct slice slice);
void http_write_copy(struct http_request *request, struct str bytes);
/* Bytes of the answer that were written and have not left yet: what a client that reads slowly costs. */
size_t http_unsent(const struct http_request *request);
void http_end(struct http_request *request);
void http_abort(struct http_request *request);

struct http_carrier {
    void (*begin)(struct http_request *request, int status, const struct http_field *fields, size_t field_count,
                  int64_t content_length /* -1: unknown */);
    void (*write)(struct http_request *request, struct slice slice);
    void (*end)(struct http_request *request);
    void (*abort)(struct http_request *request);
    size_t (*unsent)(const struct http_request *request);
};

/* Where whole requests go; the app wires the faces here. One per server. */
struct http_service {
    void (*on_request)(struct http_service *service, struct http_request *request);
    /* The carrier refuses a request itself (too large, malformed, another site's): answers in the form that the path's
     * clients understand, or returns false and leaves it to the carrier. The path is empty where it is not known. May
     * be NULL. */
    bool (*on_refusal)(struct http_service *service, struct http_request *request, int status, struct str why);
};
