/* Which server a command talks to. --url and EIDER_URL name one. Else, but not in a project, the default address is
 * tried, then the address that a server on the data directory has left there. If there is none and the directory is
 * free, a private server runs for the command's own length. */
#pragma once
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/process.h"
#include "platform/net/tls.h"

#define CLI_DEFAULT_URL "http://127.0.0.1:8815"

struct cli_server {
    struct str url;  /* without a slash at the end */
    struct str host; /* without brackets */
    uint16_t port;
    bool is_secure;         /* https:// */
    struct tls_trust trust; /* EIDER_CA and EIDER_FINGERPRINT, else what a server on this machine says of itself */
    pid_t pid;              /* the private server, or 0 */
    struct str token; /* the private server's own: whoever may read the data directory administers it; else empty */
};

/* url, data: the options, may be empty. may_start: a private server may be started. */
bool cli_server_find(struct arena *arena, struct str url, struct str data, bool may_start,
                     struct cli_server *server_out, struct err *err) MUST_USE;
/* Stops the private server, if there is one, and waits until it has ended. */
void cli_server_leave(struct cli_server *server);

/* What a server that did not start wrote from this offset of its log on: the error that it ended with and its hint, or
 * else its last line. */
struct str cli_server_last_words(struct arena *arena, int log_fd, int64_t from, struct str *hint_out);

/* The data directory: the option, EIDER_DATA, `data` of eider.yaml (EIDER_CONFIG, else in the working directory;
 * default: `db` beside it), else the user's data home. */
struct str cli_data_directory(struct arena *arena, struct str option);
/* Who holds the directory's lock; false: nobody. */
bool cli_data_holder(struct arena *arena, struct str data, struct process *process_out);
/* What a server has left in its data directory: its address, and with TLS its certificate's fingerprint in a second
 * line; empty when there is none (yet). */
struct str cli_data_address(struct arena *arena, struct str data);
/* A running process holds the directory's lock. */
bool cli_data_is_locked(struct arena *arena, struct str data);
/* "http://host:port[/]" or "https://host:port[/]" in parts. */
bool cli_url_parse(struct arena *arena, struct str url, struct cli_server *server_out, struct err *err) MUST_USE;
