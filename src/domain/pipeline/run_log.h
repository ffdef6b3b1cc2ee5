/* Logs of runs: one file of lines per run in DATA/logs/runs, with an index of fixed records beside it, so that any
 * window of any run is read in a few milliseconds, whatever its length. Lines are there for subscribers at once, in the
 * file within 100 ms, bounded by pipeline.max_log (then one line says how many were dropped). Old logs go with their
 * runs. Loop thread; reading happens on the work pool. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"

struct loop;
struct run_log;
struct run_log_list;
struct work_pool;

struct run_log_list *run_log_list_new(struct loop *loop, struct work_pool *pool, struct str data, struct err *err);
/* Closes and flushes all, after the work pool's threads have returned; readers get no answer any more. Accepts NULL
 * inside. */
void run_log_list_free(struct run_log_list **list);

/* Opens or goes on with a run's log (after a kill: a torn last line is cut off). */
struct run_log *run_log_open(struct run_log_list *list, struct str run, struct err *err);
/* Everything is in the file soon, at the latest when the list is freed; readers of a closed log see all. Accepts NULL
 * inside. */
void run_log_close(struct run_log **log);
#define RUN_LOG_NO_STEP UINT32_MAX
/* level: enum log_level. text: one line; line ends inside become lines of their own, control bytes are replaced. */
void run_log_write(struct run_log *log, int level, uint32_t step, uint32_t attempt, struct str asset, struct str text);

struct run_log_line {
    uint64_t number; /* from 1 */
    int64_t at_us;   /* wall clock */
    int level;
    uint32_t step, attempt;
    struct str asset, text;
};
struct run_log_filter {
    uint64_t after;  /* lines with a greater number; used when before is 0 */
    uint64_t before; /* lines with a smaller number, newest page; UINT64_MAX: the end */
    size_t limit;    /* at most RUN_LOG_PAGE_MAX */
    size_t bytes;    /* texts of the page together, from the second line on; 0: RUN_LOG_PAGE_BYTES */
    int level;       /* at least this; 0: all */
    uint32_t step;   /* RUN_LOG_NO_STEP: all */
    struct str text; /* contained, ASCII case does not count; empty: all */
};
#define RUN_LOG_PAGE_MAX 5000
#define RUN_LOG_PAGE_BYTES (8u << 20)
/* Lines in ascending order, valid during done. total: lines in the log. more: there are further ones that match in the
 * direction asked for; a page whose texts are long ends early. All that was written before the call is seen.
 * ERR_NOT_FOUND: no such log (any more). */
typedef void run_log_done(void *owner, const struct run_log_line *lines, size_t count, uint64_t total, bool more,
                          const struct err *error);
void run_log_read(struct run_log_list *list, struct str run, const struct run_log_filter *filter, run_log_done *done,
                  void *owner);
/* The same question about one line, of a subscriber; text in lower case. after, before and limit do not count. */
bool run_log_filter_takes(const struct run_log_filter *filter, const struct run_log_line *line);

/* New lines of a run that is open; ended: no more will come (the subscriber is gone after it). */
struct run_log_subscriber {
    struct list node;
    void (*on_line)(void *owner, const struct run_log_line *line); /* NULL: it ended */
    void *owner;
};
/* false: the log is not open. */
bool run_log_subscribe(struct run_log_list *list, struct str run, struct run_log_subscriber *subscriber);
void run_log_unsubscribe(struct run_log_subscriber *subscriber);
/* Removes a run's files. */
void run_log_remove(struct run_log_list *list, struct str run);
