/* Results that wait for their DoGet: those of statements that ran at GetFlightInfo (copied, at most flight.kept_result
 * bytes), of statements that PollFlightInfo started (what fits into the blocks of the statement; then it pauses), and
 * those that several DoGets share. Each DoGet takes what it gets: a result is given out once. A result that nobody
 * fetches is dropped after flight.kept_life. Loop thread only. */
#pragma once
#include "face/flight/call.h"

struct flight_get;
struct flight_held;

/* Told when the first rows are there or the statement has ended, once; then it is no longer watched. */
struct flight_held_watch {
    struct list node;
    void (*on_ready)(struct flight_held_watch *watch);
};

/* Empty, without a statement; named, and bound to the call's user. endpoints: DoGets that will share it. */
struct flight_held *flight_held_new(struct flight_call *call, size_t endpoints);
/* A piece of its result; taken. */
void flight_held_add(struct flight_held *held, struct query_piece *piece);
/* No more pieces. error NULL: success. */
void flight_held_end(struct flight_held *held, const struct err *error);
/* The same two for a statement of its own, started now; it may outlive the call. false: it is gone. */
bool flight_held_run(struct flight_held *held, struct flight_call *call, const struct flight_command *command,
                     struct err *err) MUST_USE;
/* The same when the first DoGet comes, with the command of a ticket (which is told when its session ends). */
void flight_held_run_later(struct flight_held *held, struct str ticket);

/* NULL with ERR_NOT_FOUND: unknown, fetched, dropped or another user's. */
struct flight_held *flight_held_find(struct flight *flight, struct str name, struct str user, struct err *err);
/* The ticket of an endpoint; lives as long as the result. The first is its name. */
struct str flight_held_name(const struct flight_held *held, size_t endpoint);
size_t flight_held_endpoints(const struct flight_held *held);
/* The first message as an encapsulated IPC message, in the arena; empty: not there yet. */
struct str flight_held_schema(const struct flight_held *held, struct arena *arena);
/* Rows are there, or it has ended. */
bool flight_held_is_ready(const struct flight_held *held);
/* NULL while it has not failed. */
const struct err *flight_held_error(const struct flight_held *held);
/* 0 to 1; below 0: not known. */
double flight_held_progress(const struct flight_held *held);
void flight_held_watch(struct flight_held *held, struct flight_held_watch *watch);
/* It lives for another flight.kept_life from now. */
void flight_held_renew(struct flight_held *held);

/* A DoGet reads it, for the ticket in get->ticket: schema first, then rows as they come, then the end of the call. */
bool flight_held_attach(struct flight_held *held, struct flight_get *get, struct err *err) MUST_USE;
/* The DoGet has gone before it had everything: the rest is of no use to anybody. */
void flight_held_detach(struct flight_get *get);
/* Everything that was handed to this DoGet has left: there is room for more. */
void flight_held_on_room(struct flight_get *get);

/* Stops the statement and forgets the result; true when the statement still runs. */
bool flight_held_drop(struct flight_held *held);
/* For flight_free: no calls are open and no statement runs. */
void flight_held_done(struct flight *flight);
