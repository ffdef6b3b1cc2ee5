/* The table of methods. */
#include "face/probe/probe.h"

#include "face/probe/call.h"
#include "face/probe/health.h"
#include "face/probe/reflection.h"

static const struct rpc_method probe_methods[] = {
    {"/grpc.health.v1.Health/Check", true, probe_health_check_start},
    {"/grpc.health.v1.Health/Watch", true, probe_health_watch_start},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, probe_reflection_start},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, probe_reflection_start},
};

struct probe *probe_new(struct auth *auth, const struct rpc_service *next)
{
    struct probe *probe = mem_new(struct probe);
    probe->auth = auth;
    list_init(&probe->watchers);
    probe->service = (struct rpc_service){.methods = probe_methods,
                                          .method_count = sizeof(probe_methods) / sizeof(probe_methods[0]),
                                          .owner = probe,
                                          .next = next};
    return probe;
}

void probe_free(struct probe **probe)
{
    mem_free(*probe);
    *probe = NULL;
}

void probe_drain(struct probe *probe)
{
    probe_health_drain(probe);
}

const struct rpc_service *probe_rpc_service(struct probe *probe)
{
    return &probe->service;
}
