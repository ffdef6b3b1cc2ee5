/* Handshake: credentials in, a bearer token out. */
#pragma once
#include "platform/rpc/rpc.h"

void flight_login_start(void *flight, struct rpc_call *rpc);
