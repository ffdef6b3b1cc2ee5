/* How long a failed attempt waits for the next one. */
#include "base/clock.h"
#include "domain/pipeline/run.h"

#define RETRY_CAP_US (3600 * CLOCK_SECOND)

int64_t run_retry_delay_us(const struct asset_retries *retries, uint32_t n, double random)
{
    int64_t cap_us = retries->cap_us > 0 ? retries->cap_us : RETRY_CAP_US;
    /* In doubles nothing overflows, and 53 bits hold a microsecond in centuries. */
    double delay_us = (double)retries->delay_us;
    if (retries->backoff == ASSET_LINEAR)
        delay_us *= n;
    for (uint32_t i = 1; retries->backoff == ASSET_EXPONENTIAL && i < n && delay_us < (double)cap_us; i++)
        delay_us *= 2;
    if (delay_us > (double)cap_us)
        delay_us = (double)cap_us;
    delay_us += delay_us * retries->jitter * (2 * random - 1);
    if (delay_us > (double)cap_us) /* no delay is longer, not even by chance */
        delay_us = (double)cap_us;
    return delay_us > 0 ? (int64_t)delay_us : 0;
}
