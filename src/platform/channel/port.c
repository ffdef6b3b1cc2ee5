#include "platform/channel/port.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_PORT_READ 65536
/* Most descriptors in one message; the front sends fewer. */
#define CHANNEL_PORT_FDS 32

void channel_port_init(struct channel_port *port, int fd)
{
    *port = (struct channel_port){.fd = fd};
    pthread_mutex_init(&port->write_lock, NULL);
}

void channel_port_done(struct channel_port *port)
{
    for (size_t i = 0; i < port->fds.count; i++)
        close(port->fds.items[i]);
    vec_done(&port->fds);
    buf_done(&port->in);
    pthread_mutex_destroy(&port->write_lock);
    close(port->fd);
}

/* Keeps the descriptors of one received message. */
static void channel_port_keep_fds(struct channel_port *port, struct msghdr *message)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
            vec_push(&port->fds, fd);
        }
    }
}

/* Reads what is there; false at the end of the stream. */
static bool channel_port_receive(struct channel_port *port, int flags, bool *again_out)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_PORT_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec part = {buf_reserve(&port->in, CHANNEL_PORT_READ), CHANNEL_PORT_READ};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t len;
    do {
        len = recvmsg(port->fd, &message, MSG_CMSG_CLOEXEC | flags);
    } while (len < 0 && errno == EINTR);
    *again_out = len < 0 && errno == EAGAIN;
    if (*again_out)
        return true;
    if (len <= 0)
        return false;
    channel_port_keep_fds(port, &message);
    buf_commit(&port->in, (size_t)len);
    return true;
}

enum channel_port_result channel_port_read(struct channel_port *port, int timeout_ms, struct channel_frame *frame_out,
                                           struct err *err)
{
    buf_consume(&port->in, port->consumed);
    port->consumed = 0;
    for (;;) {
        int have = channel_frame_next(buf_str(&port->in), frame_out, err);
        if (have < 0)
            return CHANNEL_PORT_CLOSED;
        if (have > 0) {
            port->consumed = CHANNEL_HEADER_SIZE + frame_out->payload.len;
            return CHANNEL_PORT_FRAME;
        }
        if (timeout_ms >= 0) {
            struct pollfd ready = {.fd = port->fd, .events = POLLIN};
            int count = poll(&ready, 1, timeout_ms);
            if (count == 0 || (count < 0 && errno == EINTR))
                return CHANNEL_PORT_TIMEOUT;
        }
        bool again;
        if (!channel_port_receive(port, timeout_ms >= 0 ? MSG_DONTWAIT : 0, &again)) {
            err_set(err, ERR_UNAVAILABLE, "the front closed the channel");
            return CHANNEL_PORT_CLOSED;
        }
        if (again)
            return CHANNEL_PORT_TIMEOUT;
    }
}

int channel_port_take_fd(struct channel_port *port)
{
    if (port->fds.count == 0)
        return -1;
    int fd = port->fds.items[0];
    memmove(port->fds.items, port->fds.items + 1, --port->fds.count * sizeof(int));
    return fd;
}

bool channel_port_write(struct channel_port *port, struct str frames)
{
    bool ok = true;
    pthread_mutex_lock(&port->write_lock);
    while (frames.len && ok) {
        ssize_t sent = send(port->fd, frames.ptr, frames.len, MSG_NOSIGNAL);
        if (sent > 0)
            frames = str_from_index(frames, (size_t)sent);
        else if (sent == 0 || errno != EINTR)
            ok = false;
    }
    pthread_mutex_unlock(&port->write_lock);
    return ok;
}
