/* What an import worker needs to reach a connection of eider.yaml: the SQL that makes it, the addresses that its texts
 * may name, the port. */
#pragma once
#include "domain/pipeline/settings.h"

/* Texts in the arena. */
struct connection {
    const struct project_connection *settings;
    struct str host; /* without brackets */
    uint32_t port;
    struct str path, query; /* of the address: "/database", "sslmode=require" */
    struct str user;
    bool is_secure;
    struct str place;   /* what addresses in SQL begin with; empty: it names none (PostgreSQL) */
    struct str address; /* connection_resolve: numeric */
};

/* NULL when there is none of that name; the nearest is in *err (ERR_NOT_FOUND). */
const struct project_connection *connection_find(const struct project_settings *settings, struct str name,
                                                 struct err *err);
/* Pure. ERR_INVALID for an address that cannot be understood. */
bool connection_parse(const struct project_connection *settings, struct arena *arena, struct connection *connection_out,
                      struct err *err) MUST_USE;
/* Looks the host up and refuses an address that the server may not connect to (ERR_DENIED). Waits: on a thread of the
 * work pool. */
bool connection_resolve(struct connection *connection, const struct http_outgoing *outgoing, struct arena *arena,
                        struct err *err) MUST_USE;
/* The SQL that an import worker starts with; holds secrets. extensions: directory of DuckDB's. */
struct str connection_setup(const struct connection *connection, struct str extensions, struct arena *arena);
/* Takes the connection's secrets out of an error's text. */
void connection_scrub(const struct connection *connection, struct err *error);
