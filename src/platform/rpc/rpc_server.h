/* The front's door: listens, finds out what each client speaks, and carries HTTP/1.1 requests, HTTP/2 requests and
 * gRPC calls to the two services. One loop, no threads. */
#pragma once
#include "platform/http/http.h"
#include "platform/net/listener.h"
#include "platform/rpc/rpc.h"

struct rpc_server;
struct tls;

struct rpc_server_options {
    struct listener_options listen;
    const struct str *hosts; /* names that a Host header may carry besides localhost and the listen addresses */
    size_t host_count;
    struct tls *tls;      /* taken, also when rpc_server_new fails; NULL: connections are plain */
    struct str form_path; /* see guard_allow_form; empty: none */
    bool proxied;         /* TLS ends at a proxy in front, so that no client counts as being on this machine */
};

/* The services must outlive the server; rpc may be NULL (then gRPC calls are answered with UNIMPLEMENTED). */
struct rpc_server *rpc_server_new(struct loop *loop, const struct rpc_server_options *options,
                                  struct http_service *http, const struct rpc_service *rpc, struct err *err) MUST_USE;
/* Drops every connection at once (running requests and calls get on_gone and on_closed). Accepts NULL inside. */
void rpc_server_free(struct rpc_server **server);

/* For connections from now on; the server must have been made with one. Taken. */
void rpc_server_set_tls(struct rpc_server *server, struct tls *tls);

/* What was bound. */
size_t rpc_server_address_count(const struct rpc_server *server);
struct str rpc_server_address(const struct rpc_server *server, size_t index);
uint16_t rpc_server_port(const struct rpc_server *server, size_t index);

/* Open connections. */
size_t rpc_server_connections(const struct rpc_server *server);

/* Stops accepting, tells HTTP/2 clients to go away, closes idle connections, and calls on_stopped (later, once) when
 * the last running request and call have ended and their answers have left. */
void rpc_server_stop(struct rpc_server *server, void (*on_stopped)(void *owner), void *owner);
