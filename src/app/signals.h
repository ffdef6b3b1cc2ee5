/* Signals as events of the loop. */
#pragma once
#include "platform/net/loop.h"

struct signals {
    struct loop *loop;
    struct loop_watch watch; /* fd -1: not open */
    void (*on_signal)(void *owner, int signal);
    void *owner;
};

/* From now on SIGTERM, SIGINT and SIGHUP come as on_signal, and SIGPIPE does not come at all. Before any thread starts,
 * because threads inherit the mask. */
bool signals_open(struct signals *signals, struct loop *loop, void (*on_signal)(void *owner, int signal), void *owner,
                  struct err *err) MUST_USE;
void signals_close(struct signals *signals);
