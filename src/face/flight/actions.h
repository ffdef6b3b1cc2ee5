/* DoAction and ListActions: what can be done besides data going in and out. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_actions_do_start(void *flight, struct rpc_call *rpc);
void flight_actions_list_start(void *flight, struct rpc_call *rpc);
