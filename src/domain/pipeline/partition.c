/* Partitions of an asset: hours, days, keys. */
#include "domain/pipeline/plan.h"

bool plan_partitions(const struct asset *asset, struct str from, struct str to, int64_t now_us, struct arena *arena,
                     const struct str **partitions_out, size_t *count_out, struct err *err)
{
    (void)from, (void)to, (void)now_us, (void)arena, (void)partitions_out, (void)count_out;
    return err_set(err, ERR_UNIMPLEMENTED, "partitions of '%.*s' are not there yet", STR_ARG(asset->name));
}

bool plan_partition_bounds(const struct asset *asset, struct str partition, struct arena *arena, struct str *from_out,
                           struct str *to_out, struct err *err)
{
    (void)partition, (void)arena, (void)from_out, (void)to_out;
    return err_set(err, ERR_UNIMPLEMENTED, "partitions of '%.*s' are not there yet", STR_ARG(asset->name));
}
