/* The table of methods. */
#include "face/flight/flight.h"

#include "face/flight/actions.h"
#include "face/flight/call.h"
#include "face/flight/get.h"
#include "face/flight/info.h"
#include "face/flight/list.h"
#include "face/flight/login.h"
#include "face/flight/put.h"

static const struct edge_method flight_exchange_method = {.name = "DoExchange"};
static const struct edge_method flight_poll_method = {.name = "PollFlightInfo"};

static void flight_refuse(void *flight, struct rpc_call *rpc, const struct edge_method *method, const char *hint)
{
    static const struct rpc_events events = {.on_closed = flight_call_on_closed};
    struct flight_call *call = flight_call_new(flight, rpc, method, sizeof(*call), &events);
    struct err err;
    err_set(&err, ERR_UNIMPLEMENTED, "%s is not served", method->name);
    err_hint(&err, "%s", hint);
    flight_call_finish(call, &err);
}

static void flight_exchange_start(void *flight, struct rpc_call *rpc)
{
    flight_refuse(flight, rpc, &flight_exchange_method, "use DoPut to send and DoGet to receive");
}

static void flight_poll_start(void *flight, struct rpc_call *rpc)
{
    flight_refuse(flight, rpc, &flight_poll_method, "use GetFlightInfo and DoGet: results stream as they are made");
}

#define FLIGHT_PATH "/arrow.flight.protocol.FlightService/"

static const struct rpc_method flight_methods[] = {
    {FLIGHT_PATH "Handshake", true, flight_login_start},
    {FLIGHT_PATH "ListFlights", true, flight_list_start},
    {FLIGHT_PATH "GetFlightInfo", true, flight_info_start},
    {FLIGHT_PATH "PollFlightInfo", true, flight_poll_start},
    {FLIGHT_PATH "GetSchema", true, flight_schema_start},
    {FLIGHT_PATH "DoGet", true, flight_get_start},
    {FLIGHT_PATH "DoPut", false, flight_put_start},
    {FLIGHT_PATH "DoExchange", true, flight_exchange_start},
    {FLIGHT_PATH "DoAction", true, flight_actions_do_start},
    {FLIGHT_PATH "ListActions", true, flight_actions_list_start},
};

struct flight *flight_new(const struct flight_options *options, struct err *err)
{
    if (!options->loop || !options->query || !options->tenants) {
        err_set(err, ERR_INTERNAL, "flight needs loop, query and tenants");
        return NULL;
    }
    struct flight *flight = mem_new(struct flight);
    flight->loop = options->loop;
    flight->query = options->query;
    flight->tenants = options->tenants;
    flight_tickets_init(&flight->tickets);
    list_init(&flight->gets);
    flight->service = (struct rpc_service){
        .methods = flight_methods, .method_count = sizeof(flight_methods) / sizeof(flight_methods[0]), .owner = flight};
    return flight;
}

void flight_free(struct flight **flight)
{
    if (!*flight)
        return;
    flight_tickets_done(&(*flight)->tickets);
    mem_free(*flight);
    *flight = NULL;
}

const struct rpc_service *flight_rpc_service(struct flight *flight)
{
    return &flight->service;
}
