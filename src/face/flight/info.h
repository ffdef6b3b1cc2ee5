/* GetFlightInfo and GetSchema: what a command would give, without running it. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_info_start(void *flight, struct rpc_call *rpc);
void flight_schema_start(void *flight, struct rpc_call *rpc);
