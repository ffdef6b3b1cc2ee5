/* GetFlightInfo and GetSchema: what a command would give. Only what does more than read runs, at GetFlightInfo. */
#pragma once
#include "face/flight/call.h"
#include "face/flight/flight_info.h"

void flight_info_start(void *flight, struct rpc_call *rpc);
void flight_schema_start(void *flight, struct rpc_call *rpc);

/* A new ticket for the command. */
struct flight_endpoint flight_info_endpoint(struct flight_call *call, const struct flight_command *command);
