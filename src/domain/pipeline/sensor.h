/* File sensors: has a set of files changed, and does it stay as it is? Looking happens on the work pool; sizes and
 * times of modification are compared, contents are not. */
#pragma once
#include "base/str.h"
#include "platform/net/digest.h"
#include "platform/net/work.h"

#define SENSOR_TEXT_BYTES (DIGEST_TEXT_BYTES + 1)

/* One look; embedded in its owner. */
struct sensor_look {
    struct work_job job;
    char *pattern; /* owned while it is under way */
    bool is_busy;
    size_t files;                           /* regular files that match */
    char state[SENSOR_TEXT_BYTES];          /* a digest of their paths, sizes and times; empty text: there are none */
    void (*done)(struct sensor_look *look); /* on the loop's thread */
    void *owner;
};
/* glob: relative to the root, which is taken as it is. */
void sensor_look_start(struct sensor_look *look, struct work_pool *pool, struct str root, struct str glob);

struct sensor {
    char seen[SENSOR_TEXT_BYTES]; /* the state at the last look */
    int64_t since_us;             /* clock_now_us() when it was seen first; 0: never looked */
};
/* True when this state has been there for stable_us. Pure. */
bool sensor_is_stable(struct sensor *sensor, const char *state, int64_t stable_us, int64_t now_us);
