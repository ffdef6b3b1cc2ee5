/* From accepted sockets to protocols: each peer starts by being sniffed, then its connection is driven by HTTP/1.1 or
 * HTTP/2, which know no sockets. */
#include "platform/rpc/rpc_server.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "platform/http/http1.h"
#include "platform/http/traffic.h"
#include "platform/net/connection.h"
#include "platform/net/sniff.h"
#include "platform/net/tls.h"
#include "platform/rpc/refusal.h"
#include "platform/rpc/session.h"

struct rpc_server {
    struct loop *loop;
    struct listener *listener; /* NULL after rpc_server_stop */
    struct tls *tls;           /* NULL: connections are plain */
    bool proxied;
    struct guard *guard;
    struct http1_host http1;
    struct rpc_host *host;
    struct connection_group connections;
    struct list peers;
    struct loop_task stopped;
    void (*on_stopped)(void *owner);
    void *stop_owner;
    bool stopping;
    struct arena *arena; /* the addresses, which outlive the listener */
    struct str *addresses;
    uint16_t *ports;
    size_t address_count;
};

/* One client. Exactly one of http1 and session is there once its protocol is known. */
struct rpc_peer {
    struct rpc_server *server;
    struct list node;
    struct connection *connection;
    struct http1 *http1;
    struct rpc_session *session;
    struct metric_series *open; /* the gauge that it counts in */
    bool promised_tls;          /* it asked as PostgreSQL does, and the answer was yes */
};

static void rpc_peer_count(struct rpc_peer *peer, const char *protocol)
{
    if (peer->open)
        metric_add(peer->open, -1);
    peer->open = traffic_connections(protocol);
    metric_add(peer->open, 1);
}

static void rpc_peer_free(struct rpc_peer *peer)
{
    metric_add(peer->open, -1);
    list_remove(&peer->node);
    http1_free(&peer->http1);
    rpc_session_free(&peer->session);
    mem_free(peer);
}

static void rpc_peer_on_closed(struct connection *connection, enum connection_end end)
{
    (void)end;
    rpc_peer_free(connection_owner(connection));
}

static void rpc_peer_wake(void *owner)
{
    struct rpc_peer *peer = owner;
    connection_flush(peer->connection);
}

/* HTTP/1.1 */

static void rpc_peer_follow_http1(struct rpc_peer *peer)
{
    struct connection *connection = peer->connection;
    if (http1_is_broken(peer->http1))
        connection_abort(connection);
    else if (http1_is_over(peer->http1))
        connection_close(connection);
    else if (http1_is_busy(peer->http1))
        connection_pause_input(connection);
    else
        connection_resume_input(connection);
    connection_set_deadline(connection, http1_deadline_us(peer->http1));
}

static size_t rpc_http1_on_input(struct connection *connection, struct str bytes)
{
    struct rpc_peer *peer = connection_owner(connection);
    size_t consumed = http1_input(peer->http1, bytes);
    if (outbox_len(connection_outbox(connection)) >= CONNECTION_HIGH_WATER)
        connection_pause_input(connection); /* until the client takes its answers */
    return consumed;                        /* on_writable, which comes next, follows up */
}

static void rpc_http1_on_writable(struct connection *connection)
{
    rpc_peer_follow_http1(connection_owner(connection));
}

static void rpc_http1_on_timeout(struct connection *connection)
{
    struct rpc_peer *peer = connection_owner(connection);
    http1_timeout(peer->http1);
    rpc_peer_follow_http1(peer);
}

static const struct connection_protocol rpc_http1_protocol = {rpc_http1_on_input, rpc_http1_on_writable,
                                                              rpc_http1_on_timeout, rpc_peer_on_closed, NULL};

/* HTTP/2 */

static size_t rpc_http2_on_input(struct connection *connection, struct str bytes)
{
    struct rpc_peer *peer = connection_owner(connection);
    rpc_session_input(peer->session, bytes);
    return bytes.len;
}

static void rpc_http2_on_writable(struct connection *connection)
{
    struct rpc_peer *peer = connection_owner(connection);
    rpc_session_output(peer->session);
    connection_set_deadline(connection, rpc_session_deadline_us(peer->session));
    if (rpc_session_is_over(peer->session))
        connection_close(connection);
}

static void rpc_http2_on_timeout(struct connection *connection)
{
    struct rpc_peer *peer = connection_owner(connection);
    rpc_session_tick(peer->session);
    connection_set_deadline(connection, rpc_session_deadline_us(peer->session));
}

static const struct connection_protocol rpc_http2_protocol = {rpc_http2_on_input, rpc_http2_on_writable,
                                                              rpc_http2_on_timeout, rpc_peer_on_closed, NULL};

/* Not known yet */

static void rpc_peer_become_http1(struct rpc_peer *peer)
{
    struct connection *connection = peer->connection;
    peer->http1 = http1_new(&peer->server->http1, connection_outbox(connection), connection_peer(connection),
                            rpc_peer_wake, peer);
    rpc_peer_count(peer, "http1");
    if (peer->server->stopping)
        http1_stop(peer->http1);
    connection_set_protocol(connection, &rpc_http1_protocol, peer);
}

static void rpc_peer_become_http2(struct rpc_peer *peer)
{
    struct connection *connection = peer->connection;
    peer->session = rpc_session_new(peer->server->host, connection_outbox(connection), connection_peer(connection),
                                    rpc_peer_wake, peer);
    rpc_peer_count(peer, "http2");
    connection_set_protocol(connection, &rpc_http2_protocol, peer);
}

/* SSLRequest and GSSENCRequest are answered with "not willing": the client goes on in plain text or leaves. */
static size_t rpc_sniff_decline(struct connection *connection, struct str bytes)
{
    size_t len = 0;
    for (int i = 0; i < 2; i++) { /* a client asks for each once */
        enum sniff_protocol protocol = sniff_protocol(str_from_index(bytes, len));
        if (protocol != SNIFF_POSTGRES_SSL && protocol != SNIFF_POSTGRES_GSS)
            break;
        outbox_copy_str(connection_outbox(connection), S("N"));
        len += 8;
    }
    return len;
}

/* Inside TLS, or where there is none. */
static size_t rpc_sniff_served(struct rpc_peer *peer, struct str bytes)
{
    struct connection *connection = peer->connection;
    bool is_tls = connection_peer(connection)->tls;
    size_t declined = is_tls ? 0 : rpc_sniff_decline(connection, bytes);
    switch (sniff_protocol(str_from_index(bytes, declined))) {
    case SNIFF_MORE:
        return declined;
    case SNIFF_HTTP2:
        rpc_peer_become_http2(peer);
        return declined;
    case SNIFF_HTTP1:
        rpc_peer_become_http1(peer);
        return declined;
    case SNIFF_TLS:
        if (!is_tls)
            refusal_tls(connection_outbox(connection));
        break;
    case SNIFF_POSTGRES_STARTUP:
        refusal_postgres(connection_outbox(connection), S("0A000"),
                         S("PostgreSQL clients are not served on this port"));
        break;
    case SNIFF_POSTGRES_SSL:
    case SNIFF_POSTGRES_GSS:
    case SNIFF_POSTGRES_CANCEL:
    case SNIFF_UNKNOWN:
        break;
    }
    connection_close(connection);
    return bytes.len;
}

static void rpc_sniff_start_tls(struct rpc_peer *peer)
{
    if (outbox_len(connection_outbox(peer->connection))) { /* the client did not wait for our word */
        connection_close(peer->connection);
        return;
    }
    connection_set_deadline(peer->connection, clock_deadline_us(limits_get(LIMIT_TLS_HANDSHAKE) * CLOCK_SECOND));
    connection_start_tls(peer->connection, peer->server->tls, NULL);
}

/* PostgreSQL's requests for encryption. What lies behind one was not encrypted, but would be taken for it if it were
 * kept (CVE-2021-23214): the connection is closed. */
static size_t rpc_sniff_postgres_asks(struct rpc_peer *peer, struct str bytes, struct str answer)
{
    if (bytes.len > 8 || peer->promised_tls) {
        connection_close(peer->connection);
        return bytes.len;
    }
    peer->promised_tls = str_equal(answer, S("S"));
    outbox_copy_str(connection_outbox(peer->connection), answer);
    return bytes.len;
}

static size_t rpc_refused_http2_on_input(struct connection *connection, struct str bytes)
{
    char text[CONNECTION_ADDRESS_SIZE];
    struct str address = connection_local_address(connection, text);
    size_t consumed;
    if (!refusal_http2(connection_outbox(connection), address, bytes, &consumed))
        return consumed;
    connection_close(connection);
    return bytes.len;
}

static const struct connection_protocol rpc_refused_http2_protocol = {.on_input = rpc_refused_http2_on_input,
                                                                      .on_closed = rpc_peer_on_closed};

/* Where TLS is spoken, and the client has not begun with it. */
static size_t rpc_sniff_plain(struct rpc_peer *peer, struct str bytes)
{
    struct outbox *outbox = connection_outbox(peer->connection);
    char text[CONNECTION_ADDRESS_SIZE];
    struct str address = connection_local_address(peer->connection, text);
    enum sniff_protocol protocol = sniff_protocol(bytes);
    if (peer->promised_tls && protocol != SNIFF_TLS && protocol != SNIFF_MORE)
        protocol = SNIFF_UNKNOWN;
    switch (protocol) {
    case SNIFF_MORE:
        return 0;
    case SNIFF_TLS:
        rpc_sniff_start_tls(peer);
        return 0;
    case SNIFF_POSTGRES_SSL:
        return rpc_sniff_postgres_asks(peer, bytes, S("S"));
    case SNIFF_POSTGRES_GSS:
        return rpc_sniff_postgres_asks(peer, bytes, S("N"));
    case SNIFF_HTTP1:
        refusal_http1(outbox, address);
        break;
    case SNIFF_HTTP2:
        refusal_http2_begin(outbox);
        connection_set_protocol(peer->connection, &rpc_refused_http2_protocol, peer);
        return SNIFF_BYTES_MAX; /* the preface */
    case SNIFF_POSTGRES_STARTUP:
        refusal_postgres(outbox, S("28000"), S("connections without TLS are refused: use sslmode=require"));
        break;
    case SNIFF_POSTGRES_CANCEL:
    case SNIFF_UNKNOWN:
        break;
    }
    connection_close(peer->connection);
    return bytes.len;
}

static size_t rpc_sniff_on_input(struct connection *connection, struct str bytes)
{
    struct rpc_peer *peer = connection_owner(connection);
    if (peer->server->tls && !connection_peer(connection)->tls)
        return rpc_sniff_plain(peer, bytes);
    return rpc_sniff_served(peer, bytes);
}

/* ALPN decides; clients that do not use it are sniffed again. */
static void rpc_sniff_on_secured(struct connection *connection)
{
    struct rpc_peer *peer = connection_owner(connection);
    struct str protocol = connection_alpn(connection);
    connection_set_deadline(connection, clock_deadline_us(limits_get(LIMIT_HEADER_TIMEOUT) * CLOCK_SECOND));
    if (str_equal(protocol, S("h2")))
        rpc_peer_become_http2(peer);
    else if (str_equal(protocol, S("http/1.1")))
        rpc_peer_become_http1(peer);
}

static const struct connection_protocol rpc_sniff_protocol = {
    .on_input = rpc_sniff_on_input, .on_closed = rpc_peer_on_closed, .on_secured = rpc_sniff_on_secured};

static void rpc_server_on_accept(void *owner, int fd)
{
    struct rpc_server *server = owner;
    if (server->connections.count >= (size_t)limits_get(LIMIT_CONNECTIONS)) {
        close(fd);
        return;
    }
    struct rpc_peer *peer = mem_new(struct rpc_peer);
    struct err err = {0};
    list_init(&peer->node);
    peer->server = server;
    peer->connection = connection_new(server->loop, fd, &server->connections, &rpc_sniff_protocol, peer, &err);
    if (!peer->connection) { /* out of memory for watches: the client sees a closed connection */
        mem_free(peer);
        return;
    }
    if (server->proxied)
        connection_set_proxied(peer->connection);
    rpc_peer_count(peer, "new");
    list_append(&server->peers, &peer->node);
    connection_set_deadline(peer->connection, clock_deadline_us(limits_get(LIMIT_HEADER_TIMEOUT) * CLOCK_SECOND));
}

static void rpc_server_on_stopped(struct loop_task *task)
{
    struct rpc_server *server = task->owner;
    void (*on_stopped)(void *owner) = server->on_stopped;
    server->on_stopped = NULL;
    if (on_stopped)
        on_stopped(server->stop_owner);
}

static void rpc_server_on_empty(void *owner)
{
    struct rpc_server *server = owner;
    if (server->stopping)
        loop_defer(server->loop, &server->stopped);
}

/* The addresses are remembered: they stay askable after the listener is gone. */
static void rpc_server_note_addresses(struct rpc_server *server)
{
    server->address_count = listener_count(server->listener);
    server->addresses = arena_array(server->arena, server->address_count, sizeof(*server->addresses));
    server->ports = arena_array(server->arena, server->address_count, sizeof(*server->ports));
    for (size_t i = 0; i < server->address_count; i++) {
        server->addresses[i] = str_copy(server->arena, listener_address(server->listener, i));
        server->ports[i] = listener_port(server->listener, i);
    }
}

struct rpc_server *rpc_server_new(struct loop *loop, const struct rpc_server_options *options,
                                  struct http_service *http, const struct rpc_service *rpc, struct err *err)
{
    struct rpc_server *server = mem_new(struct rpc_server);
    server->loop = loop;
    server->arena = arena_new();
    server->tls = options->tls;
    server->proxied = options->proxied;
    list_init(&server->peers);
    server->stopped = (struct loop_task){.run = rpc_server_on_stopped, .owner = server};
    list_init(&server->stopped.node);
    connection_group_init(&server->connections);
    server->connections.on_empty = rpc_server_on_empty;
    server->connections.owner = server;
    server->guard =
        guard_new(options->listen.addresses, options->listen.address_count, options->hosts, options->host_count);
    guard_allow_form(server->guard, options->form_path);
    server->http1 = (struct http1_host){.service = http, .guard = server->guard};
    server->host = rpc_host_new(http, server->guard, rpc);
    server->listener = listener_new(loop, &options->listen, rpc_server_on_accept, server, err);
    if (!server->listener) {
        rpc_server_free(&server);
        return NULL;
    }
    rpc_server_note_addresses(server);
    return server;
}

void rpc_server_free(struct rpc_server **server_ptr)
{
    struct rpc_server *server = server_ptr ? *server_ptr : NULL;
    if (!server)
        return;
    listener_free(&server->listener);
    server->connections.on_empty = NULL;
    for (struct list *node = list_first(&server->peers); node; node = list_first(&server->peers))
        rpc_peer_free(list_object(node, struct rpc_peer, node));
    connection_group_done(&server->connections);
    loop_defer_cancel(&server->stopped);
    http1_host_done(&server->http1);
    rpc_host_free(&server->host);
    guard_free(&server->guard);
    tls_free(&server->tls);
    arena_free(&server->arena);
    mem_free(server);
    *server_ptr = NULL;
}

void rpc_server_set_tls(struct rpc_server *server, struct tls *tls)
{
    assert(server->tls && tls);
    tls_free(&server->tls);
    server->tls = tls;
}

size_t rpc_server_address_count(const struct rpc_server *server)
{
    return server->address_count;
}

struct str rpc_server_address(const struct rpc_server *server, size_t index)
{
    return server->addresses[index];
}

uint16_t rpc_server_port(const struct rpc_server *server, size_t index)
{
    return server->ports[index];
}

size_t rpc_server_connections(const struct rpc_server *server)
{
    return server->connections.count;
}

void rpc_server_stop(struct rpc_server *server, void (*on_stopped)(void *owner), void *owner)
{
    server->stopping = true;
    server->on_stopped = on_stopped;
    server->stop_owner = owner;
    listener_free(&server->listener);
    list_each(&server->peers, node)
    {
        struct rpc_peer *peer = list_object(node, struct rpc_peer, node);
        if (peer->http1) {
            http1_stop(peer->http1);
            rpc_peer_follow_http1(peer);
        } else if (peer->session) {
            rpc_session_stop(peer->session);
        } else {
            connection_close(peer->connection);
        }
    }
    if (server->connections.count == 0)
        rpc_server_on_empty(server);
}
