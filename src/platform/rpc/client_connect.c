/* Connecting, and the connection's events. */
#include "platform/rpc/client_connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/net/connection.h"
#include "platform/rpc/client_priv.h"

struct rpc_client_transport {
    struct connection *connection; /* NULL once it is closed */
    struct rpc_client *client;     /* NULL until it is started */
    struct tls *tls;               /* NULL: plain */
    char host[256];                /* whose certificate is expected */
};

static size_t on_input(struct connection *connection, struct str bytes)
{
    struct rpc_client_transport *transport = connection_owner(connection);
    struct err error;
    if (!rpc_client_input(transport->client, bytes, &error)) {
        rpc_client_fail(transport->client, &error);
        connection_abort(connection);
    }
    return bytes.len;
}

static void on_writable(struct connection *connection)
{
    struct rpc_client_transport *transport = connection_owner(connection);
    if (transport->client)
        rpc_client_output(transport->client, CONNECTION_HIGH_WATER);
}

static void on_closed(struct connection *connection, enum connection_end end)
{
    struct rpc_client_transport *transport = connection_owner(connection);
    transport->connection = NULL;
    struct err error;
    struct str why = connection_tls_error(connection);
    if (transport->tls && !connection_peer(connection)->tls) {
        (void)err_set(&error, ERR_UNAUTHENTICATED, "no trusted TLS connection to %s: %.*s", transport->host,
                      STR_ARG(why.len ? why : S("the server does not go on")));
        (void)err_hint(&error, "name its CA by EIDER_CA=FILE, or the certificate by EIDER_FINGERPRINT=SHA256");
    } else if (end == CONNECTION_END_TIMEOUT)
        (void)err_set(&error, ERR_UNAVAILABLE, "the server took no data for too long");
    else
        (void)err_set(&error, ERR_UNAVAILABLE, "the connection to the server was lost");
    rpc_client_fail(transport->client, &error);
}

static void on_secured(struct connection *connection)
{
    connection_set_deadline(connection, CLOCK_NEVER);
}

static const struct connection_protocol protocol = {
    .on_secured = on_secured,
    .on_input = on_input,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* One address; -1 with errno set. */
static int connect_address(const struct addrinfo *address, int64_t deadline_us)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        int64_t left_ms = (deadline_us - clock_now_us()) / CLOCK_MILLISECOND;
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof(error);
        if (poll(&ready, 1, left_ms > 0 ? (int)left_ms : 0) <= 0)
            error = ETIMEDOUT;
        else
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    if (error == 0)
        return fd;
    (void)close(fd);
    errno = error;
    return -1;
}

static int connect_any(const char *host, uint16_t port, int64_t timeout_us, struct err *err)
{
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *addresses;
    int error = getaddrinfo(host, service, &hints, &addresses);
    if (error != 0) {
        (void)err_set(err, ERR_UNAVAILABLE, "cannot find host %s: %s", host, gai_strerror(error));
        return -1;
    }
    int fd = -1;
    int64_t deadline_us = clock_deadline_us(timeout_us);
    for (const struct addrinfo *address = addresses; address && fd < 0; address = address->ai_next)
        fd = connect_address(address, deadline_us);
    if (fd < 0)
        (void)err_set(err, ERR_UNAVAILABLE, "cannot connect to %s port %u: %s", host, port, strerror(errno));
    freeaddrinfo(addresses);
    return fd;
}

struct rpc_client_transport *rpc_client_transport_open(struct loop *loop, const char *host, uint16_t port,
                                                       int64_t timeout_us, const struct tls_trust *trust,
                                                       struct err *err)
{
    int fd = connect_any(host, port, timeout_us, err);
    if (fd < 0)
        return NULL;
    struct rpc_client_transport *transport = mem_new(struct rpc_client_transport);
    transport->connection = connection_new(loop, fd, NULL, &protocol, transport, err);
    if (transport->connection && trust && (transport->tls = tls_new_client(trust, err))) {
        (void)snprintf(transport->host, sizeof(transport->host), "%s", host);
        connection_set_deadline(transport->connection, clock_deadline_us(timeout_us));
        connection_start_tls(transport->connection, transport->tls, transport->host);
    }
    if (!transport->connection || (trust && !transport->tls))
        rpc_client_transport_close(&transport);
    return transport;
}

struct outbox *rpc_client_transport_outbox(struct rpc_client_transport *transport)
{
    return connection_outbox(transport->connection);
}

void rpc_client_transport_start(struct rpc_client_transport *transport, struct rpc_client *client)
{
    transport->client = client;
    connection_flush(transport->connection);
}

void rpc_client_transport_flush(void *owner)
{
    struct rpc_client_transport *transport = owner;
    if (transport->connection)
        connection_flush(transport->connection);
}

void rpc_client_transport_close(struct rpc_client_transport **transport)
{
    if (!*transport)
        return;
    connection_free(&(*transport)->connection);
    tls_free(&(*transport)->tls);
    mem_free(*transport);
    *transport = NULL;
}
