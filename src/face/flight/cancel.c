/* Cancelling and renewing what a FlightInfo or an endpoint names. Flight's own messages come raw, that of the older
 * CancelQuery as Any around a serialized FlightInfo. */
#include "base/clock.h"
#include "base/limits.h"
#include "face/flight/action.h"
#include "face/flight/actions.h"
#include "face/flight/get.h"
#include "face/flight/held.h"
#include "face/flight/sql.h"

/* What one ticket stands for. Running before forgotten before unknown. */
static enum flight_cancel_status flight_cancel_ticket(struct flight_call *call, struct str ticket)
{
    struct err unknown;
    if (!flight_ticket_is_name(ticket))
        return FLIGHT_CANCEL_NOT_CANCELLABLE;
    struct flight_held *held = flight_held_find(call->flight, ticket, call->who->user, &unknown);
    if (held)
        return flight_held_drop(held) ? FLIGHT_CANCEL_CANCELLING : FLIGHT_CANCEL_CANCELLED;
    bool known = flight_tickets_remove(&call->flight->tickets, ticket, call->who->user);
    /* A ticket that was forgotten by age may still be at work. */
    if (flight_get_cancel(call->flight, ticket, call->who->user) > 0)
        return FLIGHT_CANCEL_CANCELLING;
    return known ? FLIGHT_CANCEL_CANCELLED : FLIGHT_CANCEL_NOT_CANCELLABLE;
}

/* Every ticket in it, and the name that an info of PollFlightInfo carries before it has one. */
static enum flight_cancel_status flight_cancel_all(struct flight_call *call, const struct flight_info *info)
{
    bool seen[FLIGHT_CANCEL_NOT_CANCELLABLE + 1] = {0};
    seen[flight_cancel_ticket(call, info->metadata)] = true;
    for (size_t i = 0; i < info->endpoint_count; i++)
        seen[flight_cancel_ticket(call, info->endpoints[i].ticket)] = true;
    return seen[FLIGHT_CANCEL_CANCELLING]  ? FLIGHT_CANCEL_CANCELLING
           : seen[FLIGHT_CANCEL_CANCELLED] ? FLIGHT_CANCEL_CANCELLED
                                           : FLIGHT_CANCEL_NOT_CANCELLABLE;
}

bool flight_cancel_info(struct flight_call *call, struct str body, struct err *err)
{
    AUTO(buf) struct buf result = {0};
    struct flight_info info;
    if (!flight_cancel_request_decode(body, &info, err))
        return false;
    flight_cancel_result_encode(&result, flight_cancel_all(call, &info));
    flight_action_answer(call, &result);
    return true;
}

bool flight_cancel_query(struct flight_call *call, struct str body, struct err *err)
{
    AUTO(buf) struct buf result = {0};
    AUTO(buf) struct buf any = {0};
    struct flight_sql sql;
    struct flight_info info;
    if (!flight_sql_decode(body, &sql, err))
        return false;
    if (sql.kind != FLIGHT_SQL_CANCEL_QUERY)
        return err_set(err, ERR_INVALID, "the body is no ActionCancelQueryRequest");
    if (!flight_info_decode(sql.handle, &info, err))
        return false;
    /* ActionCancelQueryResult {1 result}: the same numbers. */
    flight_cancel_result_encode(&result, flight_cancel_all(call, &info));
    flight_sql_encode_any(&any, "ActionCancelQueryResult", buf_str(&result));
    flight_action_answer(call, &any);
    return true;
}

bool flight_renew_endpoint(struct flight_call *call, struct str body, struct err *err)
{
    AUTO(buf) struct buf result = {0};
    struct flight_endpoint endpoint;
    struct err unknown;
    if (!flight_renew_request_decode(body, &endpoint, err))
        return false;
    struct flight_held *held = flight_held_find(call->flight, endpoint.ticket, call->who->user, &unknown);
    if (held) {
        flight_held_renew(held);
        endpoint.expires_us = clock_wall_us() + limits_get(LIMIT_KEPT_LIFE) * CLOCK_SECOND;
    } else if (flight_tickets_renew(&call->flight->tickets, endpoint.ticket, call->who->user)) {
        endpoint.expires_us = clock_wall_us() + limits_get(LIMIT_TICKET_LIFE) * CLOCK_SECOND;
    } else if (flight_ticket_is_name(endpoint.ticket)) {
        err_set(err, ERR_NOT_FOUND, "the endpoint's ticket is not known, or no longer");
        return err_hint(err, "ask GetFlightInfo for a new one");
    }
    flight_endpoint_encode(&result, &endpoint); /* a ticket that is a command never expires */
    flight_action_answer(call, &result);
    return true;
}
