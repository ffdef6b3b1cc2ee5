/* DoPut: Arrow in, one answer when it is durable. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_put_start(void *flight, struct rpc_call *rpc);
