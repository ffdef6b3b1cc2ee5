/* Accepting. When the process or the system is out of descriptors, accept keeps failing while the socket stays ready:
 * the listener then looks away for a moment instead of spinning. */
#include "platform/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/vec.h"

#define LISTENER_BACKLOG 1024
#define LISTENER_PAUSE_US (100 * CLOCK_MILLISECOND)
/* Connections accepted in one turn before the others get theirs. */
#define LISTENER_BATCH 64

struct listener_socket {
    struct loop_watch watch;
    struct listener *listener;
    uint16_t port;
    char address[64];
};

struct listener {
    struct loop *loop;
    VEC(struct listener_socket *) sockets; /* owned */
    listener_accept *on_accept;
    void *owner;
    struct loop_timer resume;
};

static void listener_on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct listener_socket *sock = watch->owner;
    struct listener *listener = sock->listener;
    for (int i = 0; i < LISTENER_BATCH; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->on_accept(listener->owner, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            for (size_t s = 0; s < listener->sockets.count; s++)
                loop_watch_change(listener->loop, &listener->sockets.items[s]->watch, 0);
            loop_timer_set(listener->loop, &listener->resume, LISTENER_PAUSE_US);
            return;
        }
        if (errno == EAGAIN)
            return;
        /* the others concern one connection that is gone already: take the next */
    }
}

static void listener_on_resume(struct loop_timer *timer)
{
    struct listener *listener = timer->owner;
    for (size_t i = 0; i < listener->sockets.count; i++)
        loop_watch_change(listener->loop, &listener->sockets.items[i]->watch, EPOLLIN);
}

static void listener_name(struct listener_socket *sock)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound);
    char host[INET6_ADDRSTRLEN] = "";
    getsockname(sock->watch.fd, (struct sockaddr *)&bound, &len);
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
        sock->port = ntohs(v6->sin6_port);
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(sock->address, sizeof(sock->address), "[%s]:%u", host, sock->port);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
        sock->port = ntohs(v4->sin_port);
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(sock->address, sizeof(sock->address), "%s:%u", host, sock->port);
    }
}

static bool listener_open(struct listener *listener, const struct addrinfo *info, int backlog, struct err *err)
{
    struct listener_socket *sock = mem_new(struct listener_socket);
    sock->listener = listener;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sock->watch = (struct loop_watch){.fd = fd, .on_ready = listener_on_ready, .owner = sock};
    int one = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (info->ai_family == AF_INET6) /* the same port may be asked for in both families */
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    bool ok = fd >= 0 && bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, backlog) == 0;
    if (!ok)
        err_errno(err, "listen");
    else
        ok = loop_watch_add(listener->loop, &sock->watch, EPOLLIN, err);
    if (!ok) {
        if (fd >= 0)
            close(fd);
        mem_free(sock);
        return false;
    }
    listener_name(sock);
    vec_push(&listener->sockets, sock);
    return true;
}

/* "[::1]:80" → "::1", "80". */
static bool listener_split(struct str address, struct str *host_out, struct str *port_out)
{
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < address.len; i++) {
        if (address.ptr[i] == ':')
            colon = (ptrdiff_t)i;
    }
    if (colon <= 0 || (size_t)colon + 1 == address.len)
        return false;
    struct str host = str_slice(address, 0, (size_t)colon);
    bool bracketed = str_starts_with(host, S("[")) && str_ends_with(host, S("]"));
    if (bracketed)
        host = str_slice(host, 1, host.len - 2);
    else if (str_find_char(host, ':') >= 0)
        return false;
    *host_out = host;
    *port_out = str_from_index(address, (size_t)colon + 1);
    return host.len > 0;
}

static bool listener_open_address(struct listener *listener, struct str address, int backlog, struct err *err)
{
    struct str host, port;
    uint64_t number;
    if (!listener_split(address, &host, &port) || !str_to_u64(port, &number) || number > UINT16_MAX) {
        err_set(err, ERR_INVALID, "'%.*s' is not an address to listen on", STR_ARG(address));
        return err_hint(err, "write host:port, for example 127.0.0.1:8815 or [::1]:8815");
    }
    char host_text[256], port_text[8];
    snprintf(host_text, sizeof(host_text), "%.*s", STR_ARG(host));
    snprintf(port_text, sizeof(port_text), "%u", (unsigned)number);
    bool any = str_equal(host, S("*"));
    struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(any ? NULL : host_text, port_text, &hints, &found);
    if (status != 0)
        return err_set(err, ERR_UNAVAILABLE, "listen on %.*s: %s", STR_ARG(address), gai_strerror(status));

    /* A name like localhost often has an IPv6 address on machines without IPv6: one that works is enough. */
    size_t before = listener->sockets.count;
    struct err first = {0};
    for (const struct addrinfo *info = found; info; info = info->ai_next) {
        struct err failure = {0};
        if (!listener_open(listener, info, backlog, &failure) && !first.code)
            first = failure;
    }
    freeaddrinfo(found);
    if (listener->sockets.count > before)
        return true;
    *err = first;
    return err_wrap(err, "%.*s", STR_ARG(address));
}

struct listener *listener_new(struct loop *loop, const struct listener_options *options, listener_accept *on_accept,
                              void *owner, struct err *err)
{
    struct listener *listener = mem_new(struct listener);
    listener->loop = loop;
    listener->on_accept = on_accept;
    listener->owner = owner;
    listener->resume = (struct loop_timer){.on_time = listener_on_resume, .owner = listener};
    int backlog = options->backlog > 0 ? options->backlog : LISTENER_BACKLOG;
    for (size_t i = 0; i < options->address_count; i++) {
        if (!listener_open_address(listener, options->addresses[i], backlog, err)) {
            listener_free(&listener);
            return NULL;
        }
    }
    return listener;
}

void listener_free(struct listener **listener_ptr)
{
    struct listener *listener = listener_ptr ? *listener_ptr : NULL;
    if (!listener)
        return;
    for (size_t i = 0; i < listener->sockets.count; i++) {
        struct listener_socket *sock = listener->sockets.items[i];
        loop_watch_remove(listener->loop, &sock->watch);
        close(sock->watch.fd);
        mem_free(sock);
    }
    vec_done(&listener->sockets);
    loop_timer_cancel(listener->loop, &listener->resume);
    mem_free(listener);
    *listener_ptr = NULL;
}

size_t listener_count(const struct listener *listener)
{
    return listener->sockets.count;
}

uint16_t listener_port(const struct listener *listener, size_t index)
{
    return listener->sockets.items[index]->port;
}

struct str listener_address(const struct listener *listener, size_t index)
{
    return str_from(listener->sockets.items[index]->address);
}
