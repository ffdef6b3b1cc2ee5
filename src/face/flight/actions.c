/* One table of actions: what ListActions says is what DoAction does. */
#include "face/flight/actions.h"

#include "face/flight/action.h"

static const struct edge_method flight_actions_do_method = {.name = "DoAction"};
static const struct edge_method flight_actions_list_method = {.name = "ListActions"};

enum flight_actions_session {
    FLIGHT_ACTION_ALONE, /* needs no session */
    FLIGHT_ACTION_FINDS, /* works on the session that is there */
    FLIGHT_ACTION_MAKES, /* or on a new one */
};

static const struct flight_actions_row {
    const char *type;
    const char *description; /* NULL: not listed */
    flight_action_run *run;
    enum flight_actions_session session;
} flight_actions[] = {
    {"CancelFlightInfo",
     "Cancels the query of a FlightInfo; takes CancelFlightInfoRequest, gives CancelFlightInfoResult.",
     flight_cancel_info, FLIGHT_ACTION_ALONE},
    {"CancelQuery", "Older form of CancelFlightInfo; takes ActionCancelQueryRequest, gives ActionCancelQueryResult.",
     flight_cancel_query, FLIGHT_ACTION_ALONE},
    {"RenewFlightEndpoint", "Lets a ticket live longer; takes RenewFlightEndpointRequest, gives FlightEndpoint.",
     flight_renew_endpoint, FLIGHT_ACTION_ALONE},
    {"CreatePreparedStatement",
     "Prepares SQL text; takes ActionCreatePreparedStatementRequest, gives ActionCreatePreparedStatementResult.",
     flight_prepared_create, FLIGHT_ACTION_MAKES},
    {"CreatePreparedSubstraitPlan", NULL, flight_prepared_create, FLIGHT_ACTION_MAKES},
    {"ClosePreparedStatement", "Closes a prepared statement; takes ActionClosePreparedStatementRequest.",
     flight_prepared_close, FLIGHT_ACTION_FINDS},
    {"BeginTransaction",
     "Opens a transaction; takes ActionBeginTransactionRequest, gives ActionBeginTransactionResult.",
     flight_transaction_begin, FLIGHT_ACTION_MAKES},
    {"EndTransaction", "Commits or rolls back a transaction; takes ActionEndTransactionRequest.",
     flight_transaction_end, FLIGHT_ACTION_FINDS},
    {"BeginSavepoint", NULL, flight_transaction_savepoint, FLIGHT_ACTION_ALONE},
    {"EndSavepoint", NULL, flight_transaction_savepoint, FLIGHT_ACTION_ALONE},
    {"SetSessionOptions", "Sets options; takes SetSessionOptionsRequest, gives SetSessionOptionsResult.",
     flight_session_set_options, FLIGHT_ACTION_MAKES},
    {"GetSessionOptions", "Tells the options; takes GetSessionOptionsRequest, gives GetSessionOptionsResult.",
     flight_session_get_options, FLIGHT_ACTION_FINDS},
    {"CloseSession", "Ends the session; takes CloseSessionRequest, gives CloseSessionResult.", flight_session_close,
     FLIGHT_ACTION_FINDS},
};

#define FLIGHT_ACTION_COUNT (sizeof(flight_actions) / sizeof(flight_actions[0]))

void flight_action_answer(struct flight_call *call, const struct buf *body)
{
    if (body) {
        AUTO(buf) struct buf result = {0};
        flight_result_encode(&result, buf_str(body));
        flight_call_send(call, &result);
    }
    flight_call_finish(call, NULL);
}

static bool flight_actions_run(struct flight_call *call, struct str message, struct err *err)
{
    struct flight_action action;
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err) || !flight_action_decode(message, &action, err))
        return false;
    for (size_t i = 0; i < FLIGHT_ACTION_COUNT; i++) {
        const struct flight_actions_row *row = &flight_actions[i];
        if (str_equal(action.type, str_from(row->type)))
            return (row->session == FLIGHT_ACTION_ALONE ||
                    flight_session_join(call, row->session == FLIGHT_ACTION_MAKES, err)) &&
                   row->run(call, action.body, err);
    }
    err_set(err, ERR_UNIMPLEMENTED, "unknown action '%.*s'", STR_ARG(str_slice(action.type, 0, 64)));
    return err_hint(err, "ListActions names the known ones");
}

static void flight_actions_do_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_call *call = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(call, message, &copy) && !flight_actions_run(call, copy, &err))
        flight_call_finish(call, &err);
}

void flight_actions_do_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_actions_do_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed};
    flight_call_new(flight, rpc, &flight_actions_do_method, sizeof(struct flight_call), &events);
}

static void flight_actions_list_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_call *call = rpc_call_owner(rpc);
    struct str copy;
    if (!flight_call_take(call, message, &copy))
        return;
    for (size_t i = 0; i < FLIGHT_ACTION_COUNT; i++) {
        if (!flight_actions[i].description)
            continue;
        AUTO(buf) struct buf type = {0};
        flight_action_type_encode(&type, str_from(flight_actions[i].type), str_from(flight_actions[i].description));
        flight_call_send(call, &type);
    }
    flight_call_finish(call, NULL);
}

void flight_actions_list_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_actions_list_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed};
    flight_call_new(flight, rpc, &flight_actions_list_method, sizeof(struct flight_call), &events);
}
