/* ListFlights: every table of the tenants that the caller sees. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_list_start(void *flight, struct rpc_call *rpc);
