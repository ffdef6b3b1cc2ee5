/* One rpc call in work: what all methods share. It lives until the rpc call has closed and its statement has ended,
 * whichever comes last; each method embeds it as its first member. */
#pragma once
#include "base/list.h"
#include "domain/query/query.h"
#include "face/edge/edge.h"
#include "face/flight/command.h"
#include "face/flight/flight.h"
#include "face/flight/options.h"
#include "face/flight/session.h"
#include "face/flight/ticket.h"
#include "platform/rpc/rpc.h"

struct flight {
    struct loop *loop;
    struct query *query;
    struct tenant_list *tenants;
    struct auth *auth;                /* NULL: everyone is the administrator */
    struct audit *audit;              /* NULL: refusals are not written down */
    const struct flight_guest *guest; /* who the call that starts now comes from; NULL in between, and for Handshake */
    bool guest_session;               /* and its method works in a session */
    struct flight_sessions sessions;
    struct flight_tickets tickets;
    struct list gets;        /* running DoGets (struct flight_get), for CancelFlightInfo */
    struct map held_by_name; /* results that wait for their DoGet; held.c knows them, as the next two */
    struct list held;
    size_t held_bytes;
    struct rpc_service service;
};

struct flight_call {
    struct flight *flight;
    struct rpc_call *rpc;        /* NULL once it is closed */
    struct statement *statement; /* NULL while none runs */
    struct arena *arena;         /* as long as this object */
    struct edge_request edge;
    const struct principal *who;               /* who asks; nobody in a Handshake; in the arena */
    struct query_session *session;             /* NULL: none */
    struct flight_session *entry;              /* what the face knows of the session; NULL: none */
    struct list in_session;                    /* the calls of the entry */
    bool has_message;                          /* the request of a method that takes one message was there */
    bool finished;                             /* our status is on its way: nothing more may be sent */
    const struct err *refusal;                 /* what waits for the audit trail; NULL: nothing. In the arena */
    void (*release)(struct flight_call *call); /* the method's own; may be NULL */
};

/* A zeroed object of size bytes that begins with a flight_call, accepted with these events. From on_start of a method.
 * When there is no session to be had, the call has ended already (finished) and only waits for on_closed. */
void *flight_call_new(struct flight *flight, struct rpc_call *rpc, const struct edge_method *method, size_t size,
                      const struct rpc_events *events);

/* Ends the call, once: status to the client, log line, metrics; a statement that still runs is cancelled. The call may
 * be gone afterwards. NULL: success. */
void flight_call_finish(struct flight_call *call, const struct err *error);

/* For struct rpc_events. */
void flight_call_on_closed(struct rpc_call *rpc, bool finished);
/* Half-close of methods that take exactly one message. */
void flight_call_on_half_close(struct rpc_call *rpc);

/* The only message of a call: counts it, copies it into the arena; false after ending the call when it is a second one.
 */
bool flight_call_take(struct flight_call *call, struct str message, struct str *message_out);

/* Runs what the request says for this call. */
bool flight_call_query(struct flight_call *call, const struct query_request *request, const struct query_sink *sink,
                       struct err *err) MUST_USE;
/* The same for a command. tenant_default is used when the command names none. */
bool flight_call_run(struct flight_call *call, const struct flight_command *command, struct str tenant_default,
                     enum query_format format, enum query_purpose purpose, const struct query_sink *sink,
                     struct err *err) MUST_USE;

/* To be called first in on_end: the statement is gone. false: the call is gone too, or has its status already. */
bool flight_call_statement_ended(struct flight_call *call);

/* Sends one message from a buf, which is emptied. */
void flight_call_send(struct flight_call *call, struct buf *message);
