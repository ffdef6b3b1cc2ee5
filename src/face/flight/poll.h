/* PollFlightInfo: starts a statement, tells how far it is, and where its result can be had. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_poll_start(void *flight, struct rpc_call *rpc);
