/* The table of methods. */
#include "face/flight/flight.h"

#include "face/flight/actions.h"
#include "face/flight/call.h"
#include "face/flight/get.h"
#include "face/flight/held.h"
#include "face/flight/guest.h"
#include "face/flight/info.h"
#include "face/flight/list.h"
#include "face/flight/login.h"
#include "face/flight/poll.h"
#include "face/flight/put.h"

static const struct edge_method flight_exchange_method = {.name = "DoExchange"};

static void flight_refuse(struct flight *flight, struct rpc_call *rpc, const struct edge_method *method,
                          const struct err *why)
{
    static const struct rpc_events events = {.on_closed = flight_call_on_closed};
    struct flight_call *call = flight_call_new(flight, rpc, method, sizeof(*call), &events);
    flight_call_finish(call, why);
}

static void flight_exchange_start(void *flight, struct rpc_call *rpc)
{
    struct err err;
    err_set(&err, ERR_UNIMPLEMENTED, "DoExchange is not served");
    err_hint(&err, "use DoPut to send and DoGet to receive");
    flight_refuse(flight, rpc, &flight_exchange_method, &err);
}

#define FLIGHT_PATH "/arrow.flight.protocol.FlightService/"

static void flight_start(void *owner, struct rpc_call *rpc);

static const struct rpc_method flight_methods[] = {
    {FLIGHT_PATH "Handshake", true, flight_login_start}, {FLIGHT_PATH "ListFlights", true, flight_start},
    {FLIGHT_PATH "GetFlightInfo", true, flight_start},   {FLIGHT_PATH "PollFlightInfo", true, flight_start},
    {FLIGHT_PATH "GetSchema", true, flight_start},       {FLIGHT_PATH "DoGet", true, flight_start},
    {FLIGHT_PATH "DoPut", false, flight_start},          {FLIGHT_PATH "DoExchange", true, flight_start},
    {FLIGHT_PATH "DoAction", true, flight_start},        {FLIGHT_PATH "ListActions", true, flight_start},
};

/* What comes after the question who it is. Actions join their sessions themselves. */
static const struct flight_row {
    const char *path;
    struct edge_method method;
    void (*start)(void *flight, struct rpc_call *rpc);
    bool in_session;
} flight_rows[] = {
    {FLIGHT_PATH "ListFlights", {.name = "ListFlights"}, flight_list_start, false},
    {FLIGHT_PATH "GetFlightInfo", {.name = "GetFlightInfo"}, flight_info_start, true},
    {FLIGHT_PATH "PollFlightInfo", {.name = "PollFlightInfo"}, flight_poll_start, true},
    {FLIGHT_PATH "GetSchema", {.name = "GetSchema"}, flight_schema_start, true},
    {FLIGHT_PATH "DoGet", {.name = "DoGet"}, flight_get_start, true},
    {FLIGHT_PATH "DoPut", {.name = "DoPut"}, flight_put_start, true},
    {FLIGHT_PATH "DoExchange", {.name = "DoExchange"}, flight_exchange_start, false},
    {FLIGHT_PATH "DoAction", {.name = "DoAction"}, flight_actions_do_start, false},
    {FLIGHT_PATH "ListActions", {.name = "ListActions"}, flight_actions_list_start, false},
};

static const struct flight_row *flight_row_of(const struct rpc_call *rpc)
{
    for (size_t i = 0; i < sizeof(flight_rows) / sizeof(flight_rows[0]); i++) {
        if (strcmp(flight_rows[i].path, rpc_call_path(rpc)) == 0)
            return &flight_rows[i];
    }
    mem_panic("a method of Flight has no row");
}

static void flight_start(void *owner, struct rpc_call *rpc)
{
    struct flight *flight = owner;
    const struct flight_row *row = flight_row_of(rpc);
    struct flight_guest *guest;
    switch (flight_guest_arrive(flight->auth, rpc, &guest)) {
    case FLIGHT_GUEST_KNOWN:
        flight->guest = guest;
        flight->guest_session = row->in_session;
        row->start(flight, rpc);
        flight->guest = NULL;
        break;
    case FLIGHT_GUEST_REFUSED:
        flight_refuse(flight, rpc, &row->method, &guest->error);
        break;
    case FLIGHT_GUEST_HELD:
        break;
    }
}

static void flight_on_connection_gone(void *owner, uint64_t connection)
{
    struct flight *flight = owner;
    flight_sessions_connection_gone(&flight->sessions, connection);
}

struct flight *flight_new(const struct flight_options *options, struct err *err)
{
    if (!options->loop || !options->query || !options->tenants || !options->auth || !options->audit) {
        err_set(err, ERR_INTERNAL, "flight needs loop, query, tenants, auth and audit");
        return NULL;
    }
    struct flight *flight = mem_new(struct flight);
    flight->loop = options->loop;
    flight->query = options->query;
    flight->tenants = options->tenants;
    flight->auth = options->auth;
    flight->audit = options->audit;
    flight_tickets_init(&flight->tickets);
    flight_sessions_init(&flight->sessions, &flight->tickets);
    list_init(&flight->gets);
    list_init(&flight->held);
    flight->service = (struct rpc_service){
        .methods = flight_methods, .method_count = sizeof(flight_methods) / sizeof(flight_methods[0]), .owner = flight};
    rpc_service_on_connection_gone(&flight->service, flight_on_connection_gone);
    return flight;
}

void flight_free(struct flight **flight)
{
    if (!*flight)
        return;
    flight_sessions_done(&(*flight)->sessions);
    flight_held_done(*flight);
    flight_tickets_done(&(*flight)->tickets);
    mem_free(*flight);
    *flight = NULL;
}

const struct rpc_service *flight_rpc_service(struct flight *flight)
{
    return &flight->service;
}
