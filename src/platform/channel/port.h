/* The worker's end of the channel: blocking. One thread at a time reads; any thread writes (a mutex inside).
 * The port trusts its front as far as it must: a broken frame ends the worker. */
#pragma once
#include <pthread.h>

#include "base/buf.h"
#include "base/vec.h"
#include "platform/channel/frame.h"

struct channel_port {
    int fd;
    struct buf in;
    size_t consumed;            /* bytes of the frame handed out last */
    VEC(int) fds;               /* received and not yet taken, oldest first; owned */
    pthread_mutex_t write_lock; /* guards the order of bytes on the socket */
};

enum channel_port_result { CHANNEL_PORT_FRAME, CHANNEL_PORT_TIMEOUT, CHANNEL_PORT_CLOSED };

void channel_port_init(struct channel_port *port, int fd);
void channel_port_done(struct channel_port *port);

/* Waits for the next frame, at most timeout_ms (-1: without end). Its payload is valid until the next read. CLOSED: the
 * front has gone, or sent nonsense (*err says what). */
enum channel_port_result channel_port_read(struct channel_port *port, int timeout_ms, struct channel_frame *frame_out,
                                           struct err *err);
/* The descriptor that came with an ATTACH frame; -1 when there is none. The caller closes it. */
int channel_port_take_fd(struct channel_port *port);
/* Sends all frames in one go; false when the front has gone. */
bool channel_port_write(struct channel_port *port, struct str frames);
