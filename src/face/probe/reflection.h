/* ServerReflectionInfo, the one method of both versions: a stream of questions, each answered at once. For
 * those who may come in, as any method of Flight. */
#pragma once

struct rpc_call;

/* rpc_method.on_start. */
void probe_reflection_start(void *probe, struct rpc_call *rpc);
