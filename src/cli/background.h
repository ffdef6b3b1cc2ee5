/* The server of a project in the background: started, stopped. */
#pragma once
#include "cli/project.h"
#include "cli/tree.h"

#define CLI_WAIT_OPTION                                                                                         \
    {                                                                                                           \
        .name = "wait", .value = "TIME", .help = "kill it when it has not ended by then (default 70s), 5s, 10m" \
    }

/* Starts it, waits until it is ready, and says where it is. ERR_EXISTS when one is running; ERR_UNAVAILABLE with what
 * the server said when it did not start. */
bool cli_background_start(struct cli *cli, const struct cli_project *project, struct err *err) MUST_USE;
/* Ends it and everything that it started, and checks that all of it is gone; says so. server: who holds the lock of the
 * data directory. */
bool cli_background_stop(struct cli *cli, const struct cli_project *project, const struct process *server,
                         struct err *err) MUST_USE;
