/* The front's end of the channel to one worker: non-blocking, on the loop, with a queue of bytes to send. Every frame
 * from the worker is hostile until checked: the handler returns false for one that cannot be right, and the channel is
 * closed. */
#pragma once
#include "platform/channel/block.h"
#include "platform/channel/frame.h"
#include "platform/net/loop.h"

struct channel;

struct channel_handler {
    /* One frame; payload valid during the call. False with *err: the worker is not to be trusted any more. */
    bool (*on_frame)(void *owner, const struct channel_frame *frame, struct err *err);
    /* Once: end of stream (*error says so) or a broken frame. Nothing is read after it. */
    void (*on_closed)(void *owner, const struct err *error);
    void *owner;
};

/* Takes fd (a connected stream socket, made non-blocking), also on error. */
struct channel *channel_open(struct loop *loop, int fd, const struct channel_handler *handler, struct err *err);
/* No calls after it. Not from inside the handler. Accepts NULL inside. */
void channel_close(struct channel **channel);

/* Where the next frames are encoded, followed by channel_flush. */
struct buf *channel_out(struct channel *channel);
/* Sends what the socket takes now and the rest when it can. */
void channel_flush(struct channel *channel);
/* Queues ATTACH with the block's descriptor, which moves into the channel; gives the block its id. */
void channel_attach(struct channel *channel, struct channel_block *block);
/* Reads what a worker that has ended left in the socket, with calls to the handler. */
void channel_drain(struct channel *channel);
