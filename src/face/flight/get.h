/* DoGet: a ticket in, Arrow out. */
#pragma once
#include "face/flight/call.h"

struct flight_held;

struct flight_get {
    struct flight_call call;
    struct list node;         /* in flight->gets */
    struct str ticket;        /* the server's ticket it runs for, or empty */
    struct str tenant;        /* named by a header or by what the ticket remembers, or empty */
    struct flight_held *held; /* the result that it reads, which is not its own; NULL: none */
    struct list held_node;    /* in that result's list of readers */
    uint64_t body_left;       /* bytes of the current message's body that have not come yet */
};

void flight_get_start(void *flight, struct rpc_call *rpc);

/* Where a statement's pieces go when this call is their only reader. */
struct query_sink flight_get_sink(struct flight_get *get);
/* A piece of a statement that is not this call's; taken. */
void flight_get_piece(struct flight_get *get, struct query_piece *piece);
/* One Arrow message of the server's own: flatbuffer and body, copied. The call goes on. */
void flight_get_send(struct flight_get *get, struct str header, struct str body);

/* Cancels the DoGets of the user that run for the ticket; how many. */
size_t flight_get_cancel(struct flight *flight, struct str ticket, struct str user);
