/* DoPut: Arrow in. The first message says what for: a table (PATH or CommandStatementIngest), an update, values for a
 * prepared statement. */
#pragma once
#include "face/flight/call.h"
#include "face/flight/flight_data.h"
#include "face/flight/sql.h"

struct flight_put;

/* What an upload is for. */
struct flight_put_way {
    /* The client's first message was there, and now its first batch or its end: starts call.statement, which takes the
     * messages. NULL: values are gathered in put->binds, or (with binds NULL) there is nothing to take. */
    bool (*open)(struct flight_put *put, struct err *err);
    /* The client has sent everything; messages were passed on. NULL: the end of the statement is waited for. */
    bool (*end)(struct flight_put *put, struct err *err);
    void (*answer)(struct flight_put *put, const struct query_end *end);
};

struct flight_put {
    struct flight_call call;
    struct flight_data_parser parser;
    const struct flight_put_way *way; /* NULL until the first message is whole */
    bool in_message;
    bool metadata_taken;       /* the current message's app_metadata was read */
    bool has_json;             /* app_metadata has options (PATH) */
    struct flight_sql sql;     /* texts in the call's arena, as the next three */
    struct flight_table table; /* PATH and ingest */
    struct flight_options_of_call options;
    struct str schema_header;   /* flatbuffer of the Schema message; empty: none came */
    struct flight_binds *binds; /* that are gathered */
};

void flight_put_start(void *flight, struct rpc_call *rpc);

/* Where the statement of a put ends, for those that start one. */
struct query_sink flight_put_sink(struct flight_put *put);
void flight_put_on_ready(void *owner);
/* Starts the statement by way->open and gives it the schema, unless it has them. */
bool flight_put_open(struct flight_put *put, struct err *err) MUST_USE;
/* The one PutResult, and the end of the call. */
void flight_put_answer(struct flight_put *put, struct str metadata);

/* For put.c: chosen by the descriptor, with what it says checked and stored in put. NULL with *err. */
const struct flight_put_way *flight_put_table(struct flight_put *put, const struct flight_descriptor *descriptor,
                                              struct err *err);                          /* put_table.c */
const struct flight_put_way *flight_put_ingest(struct flight_put *put, struct err *err); /* put_table.c */
const struct flight_put_way *flight_put_update(struct flight_put *put, struct err *err); /* put_update.c */
/* DoPutUpdateResult. */
void flight_put_answer_count(struct flight_put *put, const struct query_end *end);
