/* Arrow Flight (arrow.flight.protocol.FlightService) over platform/rpc: decodes a call, names who asks, asks the one
 * door for statements, encodes what comes back. It decides nothing and never looks inside Arrow data.
 *
 * Ownership: the owner of a struct flight keeps query and tenants alive longer than it, and frees it only when no rpc
 * call is open. Loop thread only. */
#pragma once
#include "base/err.h"

struct audit;
struct auth;
struct loop;
struct query;
struct tenant_list;
struct rpc_service;

struct flight;

struct flight_options {
    struct loop *loop;
    struct query *query;
    struct tenant_list *tenants;
    struct auth *auth;   /* who calls */
    struct audit *audit; /* where it is written down who was refused */
};

struct flight *flight_new(const struct flight_options *options, struct err *err);
/* Accepts NULL inside. */
void flight_free(struct flight **flight);
static inline void flight_cleanup(struct flight **flight)
{
    flight_free(flight);
}

/* The methods, for the rpc layer; lives as long as the flight. */
const struct rpc_service *flight_rpc_service(struct flight *flight);
