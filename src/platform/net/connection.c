/* A socket on the loop. States: open → closing (sends the rest) → lingering (our side is shut, what still comes is
 * thrown away, so that the kernel does not break the connection before the peer has read the answer) → freed. */
#include "platform/net/connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "platform/net/tls_stream.h"

#define CONNECTION_PIECES 64
/* Bytes sent in one go before other connections get their turn. */
#define CONNECTION_SEND_TURN ((uint64_t)16 << 20)
#define CONNECTION_LINGER_US (2 * CLOCK_SECOND)

enum connection_state { CONNECTION_OPEN, CONNECTION_CLOSING, CONNECTION_LINGERING, CONNECTION_DEAD };

struct connection {
    struct loop_watch watch;
    struct loop *loop;
    struct connection_group *group;             /* may be NULL */
    struct list node;                           /* in group */
    const struct connection_protocol *protocol; /* NULL after on_closed */
    void *owner;
    struct outbox outbox;
    struct buf kept; /* input that the protocol did not consume */
    struct loop_timer timer;
    struct loop_task task; /* flush, kept input, close */
    int64_t deadline_us;   /* the protocol's */
    int64_t stalled_us;    /* the socket took nothing from then on; CLOCK_NEVER while nothing waits */
    enum connection_state state;
    enum connection_end end;
    bool paused;
    bool blocked;     /* the socket is full: wait for EPOLLOUT */
    bool has_to_read; /* kept bytes are to be given to on_input again */
    bool busy;        /* inside a callback */
    struct net_peer peer;
    char address[CONNECTION_ADDRESS_SIZE]; /* of the peer */
    struct tls_stream *tls;                /* NULL: plain */
    bool kept_is_cipher;                   /* what is kept has to go through tls first */
};

static void connection_on_ready(struct loop_watch *watch, uint32_t events);
static void connection_on_time(struct loop_timer *timer);
static void connection_on_task(struct loop_task *task);
static void connection_free_now(struct connection *connection);
static void connection_decrypt_kept(struct connection *connection);

void connection_group_init(struct connection_group *group)
{
    list_init(&group->connections);
    group->count = 0;
    group->on_empty = NULL;
    group->owner = NULL;
}

void connection_group_done(struct connection_group *group)
{
    list_each(&group->connections, node) connection_free_now(list_object(node, struct connection, node));
}

/* Writes the address of one end of a socket; returns whether it is this machine. */
static bool connection_name(const struct sockaddr_storage *address, char text[CONNECTION_ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(text, CONNECTION_ADDRESS_SIZE, "%s:%u", host, ntohs(v4->sin_port));
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(text, CONNECTION_ADDRESS_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

static void connection_name_peer(struct connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getpeername(connection->watch.fd, (struct sockaddr *)&address, &len) == 0)
        connection->peer.loopback = connection_name(&address, connection->address);
    connection->peer.address = str_from(connection->address);
    connection->peer.subject = S("");
}

struct connection *connection_new(struct loop *loop, int fd, struct connection_group *group,
                                  const struct connection_protocol *protocol, void *owner, struct err *err)
{
    assert(fd >= 0 && protocol && protocol->on_input && protocol->on_closed);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        err_errno(err, "make a socket nonblocking");
        close(fd);
        return NULL;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails for Unix sockets, which need no such thing */

    struct connection *connection = mem_new(struct connection);
    *connection = (struct connection){
        .watch = {.fd = fd, .on_ready = connection_on_ready, .owner = connection},
        .timer = {.on_time = connection_on_time, .owner = connection},
        .task = {.run = connection_on_task, .owner = connection},
        .loop = loop,
        .group = group,
        .protocol = protocol,
        .owner = owner,
        .deadline_us = CLOCK_NEVER,
        .stalled_us = CLOCK_NEVER,
    };
    list_init(&connection->node);
    list_init(&connection->task.node);
    if (!loop_watch_add(loop, &connection->watch, EPOLLIN | EPOLLRDHUP, err)) {
        close(fd);
        mem_free(connection);
        return NULL;
    }
    connection_name_peer(connection);
    if (group) {
        list_append(&group->connections, &connection->node);
        group->count++;
    }
    return connection;
}

static void connection_free_now(struct connection *connection)
{
    loop_watch_remove(connection->loop, &connection->watch);
    loop_timer_cancel(connection->loop, &connection->timer);
    loop_defer_cancel(&connection->task);
    close(connection->watch.fd);
    outbox_done(&connection->outbox);
    tls_stream_free(&connection->tls);
    loop_defer_cancel(&connection->task); /* a release may have asked for a flush */
    buf_done(&connection->kept);
    list_remove(&connection->node);
    struct connection_group *group = connection->group;
    mem_free(connection);
    if (!group)
        return;
    group->count--;
    if (group->count == 0 && group->on_empty)
        group->on_empty(group->owner);
}

void connection_free(struct connection **connection)
{
    if (!connection || !*connection)
        return;
    assert(!(*connection)->busy);
    connection_free_now(*connection);
    *connection = NULL;
}

void connection_set_protocol(struct connection *connection, const struct connection_protocol *protocol, void *owner)
{
    connection->protocol = protocol;
    connection->owner = owner;
    connection->has_to_read = true;
    loop_defer(connection->loop, &connection->task);
}

void *connection_owner(const struct connection *connection)
{
    return connection->owner;
}

struct loop *connection_loop(const struct connection *connection)
{
    return connection->loop;
}

const struct net_peer *connection_peer(const struct connection *connection)
{
    return &connection->peer;
}

void connection_set_proxied(struct connection *connection)
{
    connection->peer.loopback = false;
}

void connection_start_tls(struct connection *connection, struct tls *tls, const char *host)
{
    assert(!connection->tls && (host || outbox_len(&connection->outbox) == 0));
    connection->tls = tls_stream_new(tls, host);
    connection->kept_is_cipher = true;
    connection->has_to_read = true;
    loop_defer(connection->loop, &connection->task);
}

struct str connection_alpn(const struct connection *connection)
{
    return connection->tls ? tls_stream_protocol(connection->tls) : S("");
}

struct str connection_tls_error(const struct connection *connection)
{
    return connection->tls ? tls_stream_why(connection->tls) : S("");
}

struct str connection_local_address(const struct connection *connection, char text[CONNECTION_ADDRESS_SIZE])
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    text[0] = '\0';
    if (getsockname(connection->watch.fd, (struct sockaddr *)&address, &len) == 0)
        (void)connection_name(&address, text);
    return str_from(text);
}

struct outbox *connection_outbox(struct connection *connection)
{
    return &connection->outbox;
}

void connection_flush(struct connection *connection)
{
    if (connection->state != CONNECTION_DEAD)
        loop_defer(connection->loop, &connection->task);
}

void connection_write(struct connection *connection, struct slice slice)
{
    outbox_write(&connection->outbox, slice);
    connection_flush(connection);
}

/* Tells the kernel what this connection waits for now. */
static void connection_watch(struct connection *connection)
{
    uint32_t events = connection->blocked ? EPOLLOUT : 0;
    if (connection->state == CONNECTION_OPEN)
        events |= EPOLLRDHUP | (connection->paused ? 0 : EPOLLIN);
    else if (connection->state == CONNECTION_LINGERING)
        events |= EPOLLIN | EPOLLRDHUP;
    loop_watch_change(connection->loop, &connection->watch, events);
}

/* The timer may be early: deadlines move with each request, the heap is touched only when one comes nearer. */
static void connection_arm(struct connection *connection)
{
    int64_t at_us = connection->deadline_us < connection->stalled_us ? connection->deadline_us : connection->stalled_us;
    if (at_us == CLOCK_NEVER || (connection->timer.index && connection->timer.at_us <= at_us))
        return;
    int64_t delay_us = at_us - clock_now_us();
    loop_timer_set(connection->loop, &connection->timer, delay_us > 0 ? delay_us : 0);
}

void connection_pause_input(struct connection *connection)
{
    if (connection->paused)
        return;
    connection->paused = true;
    connection_watch(connection);
}

void connection_resume_input(struct connection *connection)
{
    if (!connection->paused)
        return;
    connection->paused = false;
    if (connection->state != CONNECTION_OPEN)
        return;
    connection_watch(connection);
    connection->has_to_read = true;
    loop_defer(connection->loop, &connection->task);
}

void connection_set_deadline(struct connection *connection, int64_t at_us)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    connection->deadline_us = at_us;
    connection_arm(connection);
}

static void connection_end(struct connection *connection, enum connection_state state, enum connection_end end)
{
    if (connection->state >= state)
        return;
    if (connection->state == CONNECTION_OPEN)
        connection->end = end;
    connection->state = state;
    connection->deadline_us = CLOCK_NEVER;
    connection_watch(connection);
    loop_defer(connection->loop, &connection->task);
}

void connection_close(struct connection *connection)
{
    connection_end(connection, CONNECTION_CLOSING, CONNECTION_END_LOCAL);
}

void connection_abort(struct connection *connection)
{
    connection_end(connection, CONNECTION_DEAD, CONNECTION_END_LOCAL);
}

/* Hands bytes to the protocol; returns how many it consumed. */
static size_t connection_give(struct connection *connection, struct str bytes)
{
    connection->busy = true;
    size_t consumed = connection->protocol->on_input(connection, bytes);
    connection->busy = false;
    assert(consumed <= bytes.len);
    return consumed;
}

static void connection_give_kept(struct connection *connection)
{
    connection->has_to_read = false;
    if (connection->kept_is_cipher) {
        connection_decrypt_kept(connection);
        return;
    }
    if (connection->state != CONNECTION_OPEN || connection->paused || buf_len(&connection->kept) == 0)
        return;
    buf_consume(&connection->kept, connection_give(connection, buf_str(&connection->kept)));
    if (buf_len(&connection->kept) == 0)
        buf_done(&connection->kept);
}

/* Fresh bytes go to the protocol from the loop's memory; only what it leaves is kept here. */
static void connection_receive(struct connection *connection, struct str bytes)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    if (connection->paused || buf_len(&connection->kept)) {
        buf_append_str(&connection->kept, bytes);
        connection_give_kept(connection);
        return;
    }
    size_t consumed = connection_give(connection, bytes);
    if (connection->state == CONNECTION_OPEN)
        buf_append_str(&connection->kept, str_from_index(bytes, consumed));
}

/* At most TLS_STREAM_INPUT_MAX bytes that may lie at the start of the loop's memory. */
static void connection_decrypt(struct connection *connection, struct str bytes)
{
    size_t size;
    uint8_t *plain = loop_scratch(connection->loop, &size) + TLS_STREAM_INPUT_MAX;
    assert(size >= TLS_STREAM_INPUT_MAX + TLS_STREAM_PLAIN_MAX);
    size_t len = tls_stream_input(connection->tls, bytes, plain);
    enum tls_state state = tls_stream_state(connection->tls);
    if (state != TLS_SHAKING && !connection->peer.tls && (state != TLS_BROKEN || len)) {
        connection->peer.tls = true;
        connection->peer.subject = tls_stream_subject(connection->tls);
        connection->busy = true;
        if (connection->protocol->on_secured)
            connection->protocol->on_secured(connection);
        connection->busy = false;
    }
    if (len)
        connection_receive(connection, str_bytes(plain, len));
    if (state == TLS_ENDED || state == TLS_BROKEN)
        connection_end(connection, CONNECTION_CLOSING, CONNECTION_END_PEER);
}

/* What came before connection_start_tls. */
static void connection_decrypt_kept(struct connection *connection)
{
    AUTO(buf) struct buf kept = connection->kept;
    connection->kept = (struct buf){0};
    connection->kept_is_cipher = false;
    while (buf_len(&kept) && connection->state == CONNECTION_OPEN) {
        struct str part = str_slice(buf_str(&kept), 0, TLS_STREAM_INPUT_MAX);
        connection_decrypt(connection, part);
        buf_consume(&kept, part.len);
    }
}

static void connection_read(struct connection *connection)
{
    size_t size;
    uint8_t *scratch = loop_scratch(connection->loop, &size);
    if (connection->kept_is_cipher)
        connection_decrypt_kept(connection);
    ssize_t got = recv(connection->watch.fd, scratch, connection->tls ? TLS_STREAM_INPUT_MAX : size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        connection_end(connection, got == 0 ? CONNECTION_CLOSING : CONNECTION_DEAD, CONNECTION_END_PEER);
    else if (connection->tls)
        connection_decrypt(connection, str_bytes(scratch, (size_t)got));
    else
        connection_receive(connection, str_bytes(scratch, (size_t)got));
}

/* Bytes that can leave now or when the socket takes them: until TLS is there, those of the handshake only. */
static size_t connection_unsent(const struct connection *connection)
{
    if (!connection->tls)
        return outbox_len(&connection->outbox);
    enum tls_state state = tls_stream_state(connection->tls);
    bool open = state == TLS_OPEN || state == TLS_ENDED;
    return tls_stream_unsent(connection->tls).len + (open ? outbox_len(&connection->outbox) : 0);
}

/* The result of one system call. */
static ssize_t connection_send_plain(struct connection *connection)
{
    struct iovec pieces[CONNECTION_PIECES];
    struct msghdr message = {.msg_iov = pieces,
                             .msg_iovlen = outbox_peek(&connection->outbox, pieces, CONNECTION_PIECES)};
    ssize_t sent = sendmsg(connection->watch.fd, &message, MSG_NOSIGNAL);
    if (sent > 0)
        outbox_consume(&connection->outbox, (size_t)sent);
    return sent;
}

static ssize_t connection_send_tls(struct connection *connection)
{
    tls_stream_encrypt(connection->tls, &connection->outbox);
    struct str cipher = tls_stream_unsent(connection->tls);
    ssize_t sent = send(connection->watch.fd, cipher.ptr, cipher.len, MSG_NOSIGNAL);
    if (sent > 0)
        tls_stream_sent(connection->tls, (size_t)sent, outbox_len(&connection->outbox) > 0);
    return sent;
}

/* False when the socket takes no more for now, or is broken. */
static bool connection_send(struct connection *connection)
{
    connection->busy = true; /* slices are released */
    ssize_t sent = connection->tls ? connection_send_tls(connection) : connection_send_plain(connection);
    connection->busy = false;
    if (connection->tls && tls_stream_state(connection->tls) == TLS_BROKEN)
        connection_end(connection, CONNECTION_CLOSING, CONNECTION_END_PEER);
    if (sent >= 0) {
        connection->stalled_us = CLOCK_NEVER;
        return true;
    }
    if (errno == EAGAIN || errno == EINTR)
        connection->blocked = true;
    else
        connection_end(connection, CONNECTION_DEAD, CONNECTION_END_PEER);
    return false;
}

static void connection_refill(struct connection *connection)
{
    if (connection->state != CONNECTION_OPEN || !connection->protocol->on_writable ||
        outbox_len(&connection->outbox) >= CONNECTION_HIGH_WATER)
        return;
    connection->busy = true;
    connection->protocol->on_writable(connection);
    connection->busy = false;
}

static void connection_send_all(struct connection *connection)
{
    uint64_t turn_end = connection->outbox.sent + CONNECTION_SEND_TURN;
    connection_refill(connection);
    while (!connection->blocked && connection->state < CONNECTION_LINGERING && connection_unsent(connection)) {
        if (connection->outbox.sent >= turn_end)
            connection->blocked = true; /* not full, but the loop comes back at once */
        else if (connection_send(connection))
            connection_refill(connection);
    }
    if (connection_unsent(connection) == 0)
        connection->stalled_us = CLOCK_NEVER;
    else if (connection->stalled_us == CLOCK_NEVER)
        connection->stalled_us = clock_deadline_us(limits_get(LIMIT_WRITE_TIMEOUT) * CLOCK_SECOND);
    if (connection->state == CONNECTION_OPEN)
        connection_watch(connection);
    connection_arm(connection);
}

/* Goes on with closing; frees the connection at its end. */
static void connection_wind_up(struct connection *connection)
{
    if (connection->protocol) {
        const struct connection_protocol *protocol = connection->protocol;
        connection->busy = true;
        protocol->on_closed(connection, connection->end);
        connection->busy = false;
        connection->protocol = NULL;
    }
    if (connection->state == CONNECTION_CLOSING) {
        connection_send_all(connection);
        if (connection->tls && connection_unsent(connection) == 0 && tls_stream_close(connection->tls))
            connection_send_all(connection);
        if (connection->state == CONNECTION_CLOSING && connection_unsent(connection) == 0) {
            connection->state = connection->end == CONNECTION_END_PEER ? CONNECTION_DEAD : CONNECTION_LINGERING;
            connection->stalled_us = clock_deadline_us(CONNECTION_LINGER_US);
            connection->blocked = false;
            shutdown(connection->watch.fd, SHUT_WR);
            connection_arm(connection);
        }
    }
    if (connection->state == CONNECTION_DEAD)
        connection_free_now(connection);
    else
        connection_watch(connection);
}

static void connection_discard(struct connection *connection)
{
    size_t size;
    uint8_t *scratch = loop_scratch(connection->loop, &size);
    ssize_t got = recv(connection->watch.fd, scratch, size, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection->state = CONNECTION_DEAD;
}

static void connection_on_ready(struct loop_watch *watch, uint32_t events)
{
    struct connection *connection = watch->owner;
    if (events & EPOLLOUT)
        connection->blocked = false;
    if (connection->state == CONNECTION_OPEN) {
        if (connection->paused && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
            connection_end(connection, CONNECTION_CLOSING, CONNECTION_END_PEER);
        else if (events & ~(uint32_t)EPOLLOUT)
            connection_read(connection);
    } else if (connection->state == CONNECTION_LINGERING) {
        connection_discard(connection);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        connection->state = CONNECTION_DEAD;
    }
    if (connection->state == CONNECTION_OPEN)
        connection_send_all(connection);
    if (connection->state != CONNECTION_OPEN)
        loop_defer(connection->loop, &connection->task); /* callbacks of others may still refer to it in this turn */
}

static void connection_on_task(struct loop_task *task)
{
    struct connection *connection = task->owner;
    if (connection->has_to_read)
        connection_give_kept(connection);
    if (connection->state == CONNECTION_OPEN)
        connection_send_all(connection);
    if (connection->state != CONNECTION_OPEN)
        connection_wind_up(connection);
}

static void connection_on_time(struct loop_timer *timer)
{
    struct connection *connection = timer->owner;
    int64_t now_us = clock_now_us();
    if (connection->stalled_us <= now_us) {
        connection->stalled_us = CLOCK_NEVER;
        connection_end(connection, CONNECTION_DEAD, CONNECTION_END_TIMEOUT);
        return;
    }
    if (connection->deadline_us <= now_us) {
        connection->deadline_us = CLOCK_NEVER;
        if (!connection->protocol->on_timeout) {
            connection_end(connection, CONNECTION_CLOSING, CONNECTION_END_TIMEOUT);
            return;
        }
        connection->busy = true;
        connection->protocol->on_timeout(connection);
        connection->busy = false;
        connection_flush(connection);
    }
    connection_arm(connection);
}
