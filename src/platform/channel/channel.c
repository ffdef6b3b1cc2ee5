#include "platform/channel/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/vec.h"

#define CHANNEL_READ 65536
/* Reads per turn of the loop, so that one worker cannot keep the others waiting. */
#define CHANNEL_READS_PER_TURN 8
#define CHANNEL_SEND_FDS 16

struct channel {
    struct loop *loop;
    struct loop_watch watch;
    struct channel_handler handler;
    struct buf in;
    struct buf out;
    VEC(int) fds; /* descriptors that belong to ATTACH frames in out, oldest first; owned */
    uint32_t next_block;
    bool closed;
    bool wants_out; /* POLLOUT is registered */
};

static void channel_on_ready(struct loop_watch *watch, uint32_t events);

struct channel *channel_open(struct loop *loop, int fd, const struct channel_handler *handler, struct err *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        err_errno(err, "prepare the worker's socket");
        close(fd);
        return NULL;
    }
    struct channel *channel = mem_new(struct channel);
    channel->loop = loop;
    channel->handler = *handler;
    channel->watch = (struct loop_watch){.fd = fd, .on_ready = channel_on_ready, .owner = channel};
    if (!loop_watch_add(loop, &channel->watch, POLLIN, err)) {
        close(fd);
        mem_free(channel);
        return NULL;
    }
    return channel;
}

void channel_close(struct channel **channel_ptr)
{
    struct channel *channel = *channel_ptr;
    if (!channel)
        return;
    *channel_ptr = NULL;
    if (!channel->closed)
        loop_watch_remove(channel->loop, &channel->watch);
    close(channel->watch.fd);
    for (size_t i = 0; i < channel->fds.count; i++)
        close(channel->fds.items[i]);
    vec_done(&channel->fds);
    buf_done(&channel->in);
    buf_done(&channel->out);
    mem_free(channel);
}

/* --- Reading --- */

static void channel_fail(struct channel *channel, const struct err *error)
{
    if (channel->closed)
        return;
    channel->closed = true;
    loop_watch_remove(channel->loop, &channel->watch);
    channel->handler.on_closed(channel->handler.owner, error);
}

/* Hands out every whole frame. */
static bool channel_dispatch(struct channel *channel, struct err *err)
{
    for (;;) {
        struct channel_frame frame;
        int have = channel_frame_next(buf_str(&channel->in), &frame, err);
        if (have <= 0)
            return have == 0;
        if (!channel->handler.on_frame(channel->handler.owner, &frame, err))
            return false;
        buf_consume(&channel->in, CHANNEL_HEADER_SIZE + frame.payload.len);
    }
}

/* Reads once; false when there is nothing more to read now. */
static bool channel_receive(struct channel *channel)
{
    struct err error;
    ssize_t len = recv(channel->watch.fd, buf_reserve(&channel->in, CHANNEL_READ), CHANNEL_READ, MSG_DONTWAIT);
    if (len < 0 && errno == EINTR)
        return true;
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (len <= 0) {
        err_set(&error, ERR_UNAVAILABLE, "the worker closed its channel");
        channel_fail(channel, &error);
        return false;
    }
    buf_commit(&channel->in, (size_t)len);
    if (!channel_dispatch(channel, &error)) {
        channel_fail(channel, &error);
        return false;
    }
    return len == CHANNEL_READ;
}

void channel_drain(struct channel *channel)
{
    struct err error;
    while (!channel->closed) {
        ssize_t len = recv(channel->watch.fd, buf_reserve(&channel->in, CHANNEL_READ), CHANNEL_READ, MSG_DONTWAIT);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return;
        buf_commit(&channel->in, (size_t)len);
        if (!channel_dispatch(channel, &error))
            return;
    }
}

static void channel_on_ready(struct loop_watch *watch, uint32_t events)
{
    struct channel *channel = watch->owner;
    if (events & POLLOUT)
        channel_flush(channel);
    if (!(events & (POLLIN | POLLHUP | POLLERR)))
        return;
    for (int i = 0; i < CHANNEL_READS_PER_TURN && !channel->closed; i++)
        if (!channel_receive(channel))
            return;
}

/* --- Writing --- */

struct buf *channel_out(struct channel *channel)
{
    return &channel->out;
}

void channel_attach(struct channel *channel, struct channel_block *block)
{
    block->id = ++channel->next_block;
    vec_push(&channel->fds, block->fd);
    block->fd = -1;
    channel_encode_attach(&channel->out, &(struct channel_attach){.block = block->id, .size = block->size});
}

/* Sends once. Descriptors go with the first byte after them or earlier: the worker takes them in order, one per ATTACH.
 */
static ssize_t channel_send(struct channel *channel)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_SEND_FDS)];
        struct cmsghdr align;
    } control = {0};
    struct str out = buf_str(&channel->out);
    struct iovec part = {channel->out.ptr + channel->out.start, out.len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    size_t count = channel->fds.count < CHANNEL_SEND_FDS ? channel->fds.count : CHANNEL_SEND_FDS;
    if (count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(rights), channel->fds.items, sizeof(int) * count);
        if (channel->fds.count > count) /* the rest needs another message: stop behind the first ATTACH frames */
            part.iov_len = CHANNEL_HEADER_SIZE;
    }
    ssize_t sent = sendmsg(channel->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 && count) {
        for (size_t i = 0; i < count; i++)
            close(channel->fds.items[i]);
        channel->fds.count -= count;
        memmove(channel->fds.items, channel->fds.items + count, channel->fds.count * sizeof(int));
    }
    return sent;
}

void channel_flush(struct channel *channel)
{
    while (!channel->closed && buf_len(&channel->out)) {
        ssize_t sent = channel_send(channel);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            break; /* full, or gone: reading tells which */
        buf_consume(&channel->out, (size_t)sent);
    }
    bool wants_out = buf_len(&channel->out) > 0;
    if (wants_out != channel->wants_out && !channel->closed) {
        channel->wants_out = wants_out;
        loop_watch_change(channel->loop, &channel->watch, wants_out ? POLLIN | POLLOUT : POLLIN);
    }
}
