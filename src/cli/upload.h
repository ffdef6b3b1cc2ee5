/* One upload: Arrow messages into a DoPut call of the server, and what the server says about it. Loop thread only. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/rpc/client.h"

struct cli_upload;

struct cli_upload_request {
    struct str tenant;                /* may be empty: the server decides */
    struct str table;                 /* "orders" or "schema.orders" */
    struct str mode;                  /* may be empty: create_append */
    struct str target;                /* may be empty: auto */
    struct str partition_by, sort_by; /* may be empty */
    struct str authorization;         /* may be empty */
};

struct cli_upload_events {
    /* cli_upload_is_full may have turned false. May be NULL. */
    void (*on_drained)(void *owner);
    /* The last event. error NULL: the rows are durable, result is the server's JSON (lives until it returns). */
    void (*on_end)(void *owner, struct str result, const struct err *error);
    void *owner;
};

struct cli_upload *cli_upload_start(struct rpc_client *client, const struct cli_upload_request *request,
                                    const struct cli_upload_events *events, struct err *err);
/* After on_end, or after the client is closed. Accepts NULL inside. */
void cli_upload_free(struct cli_upload **upload);

/* Begins a message: its flatbuffer header (copied) and a body of body_len bytes, which follow by cli_upload_body.
 * ERR_RESOURCE when it is larger than flight.max_message. */
bool cli_upload_message(struct cli_upload *upload, struct str header, uint64_t body_len, struct err *err) MUST_USE;
/* Takes the slice. */
void cli_upload_body(struct cli_upload *upload, struct slice slice);
/* So much waits for the server that the sender should wait for on_drained. */
bool cli_upload_is_full(const struct cli_upload *upload);
/* Everything is sent: commit. */
void cli_upload_finish(struct cli_upload *upload);
/* Nothing shall be stored: on_end follows with ERR_CANCELLED. Harmless after the end. */
void cli_upload_cancel(struct cli_upload *upload);

/* Bytes of Arrow data given so far. */
uint64_t cli_upload_bytes(const struct cli_upload *upload);
