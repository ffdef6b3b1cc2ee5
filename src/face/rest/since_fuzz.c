/* Moments: what is understood lies between 1970 and the year 10000. */
#include <assert.h>

#include "face/rest/rest_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t wall_us = -1;
    struct err err;
    if (rest_since(str_bytes((const char *)data, size), INT64_C(1795000000000000), &wall_us, &err))
        assert(wall_us >= 0 && wall_us < INT64_C(253402400000000000));
    return 0;
}
