#include "base/failpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static pthread_once_t failpoint_once = PTHREAD_ONCE_INIT;
static struct str failpoint_name; /* empty: none */
static atomic_int failpoint_left; /* times until it happens */

static void failpoint_read(void)
{
    struct str text = str_from(getenv("EIDER_FAILPOINT"));
    struct str name;
    int64_t times = 1;
    if (!str_split_next(&text, ':', &name))
        return;
    if (text.len && (!str_to_i64(text, &times) || times < 1 || times > INT32_MAX))
        return;
    atomic_store(&failpoint_left, (int)times);
    failpoint_name = name;
}

void failpoint_reach(const char *name)
{
    pthread_once(&failpoint_once, failpoint_read);
    if (failpoint_name.len && str_equal(failpoint_name, str_from(name)) && atomic_fetch_sub(&failpoint_left, 1) == 1)
        kill(getpid(), SIGKILL);
}
