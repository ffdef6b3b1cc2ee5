/* Starts the eider program again as a worker: a clean environment, the channel as descriptor 3, /dev/null and a log
 * pipe as standard streams. */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct query_launched {
    pid_t pid;
    int pidfd;      /* readable when the process has ended */
    int channel_fd; /* the front's end */
    int log_fd;     /* what the worker writes to stdout and stderr; non-blocking */
};

/* name: shown by ps. The worker's standard input is /dev/null. */
bool query_launch(struct str program, struct str name, struct query_launched *launched_out, struct err *err) MUST_USE;
