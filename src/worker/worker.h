/* A worker process: one tenant's DuckDB (or an import's), served over the channel on descriptor 3. Started by the front
 * as `eider worker`; not for people. */
#pragma once

#define WORKER_CHANNEL_FD 3

/* Does not return while the front lives; the result is the exit code. */
int worker_main(int argc, char **argv);
