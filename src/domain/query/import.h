/* An import: a short-lived worker with DuckDB in memory that reads what lies outside (files that `eider ingest` was
 * given, databases, other servers) and streams the result of one SELECT as Arrow. It may read the named paths, connect
 * to the named ports, and nothing else. Runs on any loop; the command line uses it without a server. Callbacks always
 * come later, from the loop. */
#pragma once
#include "domain/query/query.h"

struct query_import;

struct query_import_options {
    struct str program;        /* the eider program */
    struct str library;        /* libduckdb.so */
    struct str temp_directory; /* for spilling; exists; may be empty */
    const struct str *paths;   /* files and directories that the SQL reads */
    size_t path_count;
    struct str extensions; /* directory of DuckDB's extensions; empty: none are loaded */
    struct str setup;      /* SQL that runs first: extensions, connections; may hold secrets; may be empty */
    const uint32_t *ports; /* TCP ports that it may connect to, CHANNEL_PORTS_MAX at most */
    uint32_t port_count;
};

/* sql: one SELECT, statements for their effect before it. The sink gets QUERY_FORMAT_FLIGHT pieces; holding them holds
 * the worker. */
struct query_import *query_import_start(struct loop *loop, const struct query_import_options *options, struct str sql,
                                        const struct query_sink *sink, struct err *err);
/* on_end follows with ERR_CANCELLED (or with what happened first). */
void query_import_cancel(struct query_import *import);
/* Ends the worker, without a callback if on_end has not come. Not from inside on_piece; from on_end it may be called.
 * Accepts NULL inside. */
void query_import_free(struct query_import **import);
