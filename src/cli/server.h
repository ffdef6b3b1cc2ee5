/* Which server a command talks to. --url and EIDER_URL name one. Else the default address is tried, then the address
 * that a server on the data directory has left there. If there is none and the directory is free, a private server runs
 * for the command's own length. */
#pragma once
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
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

/* The data directory: the option, EIDER_DATA, `data` of eider.yaml in the working directory (default: `db` beside
 * it), else the user's data
 * home. */
struct str cli_data_directory(struct arena *arena, struct str option);
/* A running process holds the directory's lock. */
bool cli_data_is_locked(struct arena *arena, struct str data);
/* "http://host:port[/]" or "https://host:port[/]" in parts. */
bool cli_url_parse(struct arena *arena, struct str url, struct cli_server *server_out, struct err *err) MUST_USE;
