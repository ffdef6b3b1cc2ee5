/* Texts as cron expressions: what is taken has a next time, later than the moment asked for, and from there the same.
 */
#include <assert.h>

#include "base/clock.h"
#include "domain/pipeline/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments[] = {0, INT64_C(1774746000000001), INT64_C(1792886400000000)};
    static struct zone *zone;
    struct err err;
    struct cron cron;
    if (!zone)
        zone = zone_open(S("Europe/Berlin"), &err);
    if (!cron_parse(str_bytes(data, size), &cron, &err)) {
        assert(err.code == ERR_INVALID && err.message[0]);
        return 0;
    }
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        int64_t next = cron_next(&cron, zone, moments[i]);
        assert(next > moments[i]);
        assert(next == CLOCK_NEVER || cron_next(&cron, zone, next - 1) == next);
    }
    return 0;
}
