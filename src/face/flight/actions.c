/* One table of actions: what ListActions says is what DoAction does. */
#include "face/flight/actions.h"

#include "face/flight/action.h"
#include "face/flight/get.h"

static const struct edge_method flight_actions_do_method = {.name = "DoAction"};
static const struct edge_method flight_actions_list_method = {.name = "ListActions"};

/* Cancels what runs for the info's ticket, and forgets the ticket. */
static bool flight_actions_cancel(struct flight_call *call, struct str body, struct buf *result, struct err *err)
{
    struct flight_info info;
    if (!flight_cancel_request_decode(body, &info, err))
        return false;
    bool known = flight_tickets_remove(&call->flight->tickets, info.ticket, call->who->user);
    /* A ticket that was forgotten by age may still be at work. */
    size_t running = flight_ticket_is_name(info.ticket) ? flight_get_cancel(call->flight, info.ticket) : 0;
    flight_cancel_result_encode(result, running > 0 ? FLIGHT_CANCEL_CANCELLING
                                        : known     ? FLIGHT_CANCEL_CANCELLED
                                                    : FLIGHT_CANCEL_NOT_CANCELLABLE);
    return true;
}

static const struct flight_actions_row {
    const char *type;
    const char *description;
    bool (*run)(struct flight_call *call, struct str body, struct buf *result, struct err *err);
} flight_actions[] = {
    {"CancelFlightInfo",
     "Cancels the query of a FlightInfo; takes CancelFlightInfoRequest, gives CancelFlightInfoResult.",
     flight_actions_cancel},
};

#define FLIGHT_ACTION_COUNT (sizeof(flight_actions) / sizeof(flight_actions[0]))

static bool flight_actions_run(struct flight_call *call, struct str message, struct err *err)
{
    struct flight_action action;
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err) || !flight_action_decode(message, &action, err))
        return false;
    for (size_t i = 0; i < FLIGHT_ACTION_COUNT; i++) {
        if (!str_equal(action.type, str_from(flight_actions[i].type)))
            continue;
        AUTO(buf) struct buf body = {0};
        AUTO(buf) struct buf result = {0};
        if (!flight_actions[i].run(call, action.body, &body, err))
            return false;
        flight_result_encode(&result, buf_str(&body));
        flight_call_send(call, &result);
        return true;
    }
    err_set(err, ERR_UNIMPLEMENTED, "unknown action '%.*s'", STR_ARG(str_slice(action.type, 0, 64)));
    return err_hint(err, "ListActions names the known ones");
}

static void flight_actions_do_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_call *call = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(call, message, &copy))
        flight_call_finish(call, flight_actions_run(call, copy, &err) ? NULL : &err);
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
