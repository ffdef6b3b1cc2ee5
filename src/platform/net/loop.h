/* The event loop of one thread: descriptors, timers, deferred calls, and messages from other threads.
 * Everything runs on the thread that calls loop_run, except loop_post. Callbacks always run later, from the loop,
 * never inside the call that registers them. */
#pragma once
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct loop;

struct loop *loop_new(struct err *err);
/* Accepts NULL inside. Watches and timers still registered are forgotten. */
void loop_free(struct loop **loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* Callable from any thread and from a signal handler. */
void loop_stop(struct loop *loop);

/* A descriptor that is watched; embedded in its owner. */
struct loop_watch {
    int fd;
    uint32_t events; /* EPOLLIN, EPOLLOUT, ... as registered */
    void (*on_ready)(struct loop_watch *watch, uint32_t events);
    void *owner;
};
bool loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events, struct err *err) MUST_USE;
void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* After it, on_ready is not called again, not even for events already taken from the kernel. Does not close fd. */
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);

/* A timer; embedded in its owner, zero-initialised except on_time and owner. */
struct loop_timer {
    int64_t at_us; /* clock_now_us() of the next call */
    size_t index;  /* place in the heap + 1; 0 = not set */
    void (*on_time)(struct loop_timer *timer);
    void *owner;
};
/* Sets or moves it; it fires once. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_us);
/* Harmless when it is not set. */
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* A call that runs once at the end of this turn of the loop; embedded in its owner. Deferring it twice is once. */
struct loop_task {
    struct list node; /* list_init before first use */
    void (*run)(struct loop_task *task);
    void *owner;
};
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_defer_cancel(struct loop_task *task);

/* Thread-safe: run(owner) is called on the loop's thread, in the order of posting. */
void loop_post(struct loop *loop, void (*run)(void *owner), void *owner);

/* Memory that every callback of this loop may use until it returns (reading from sockets). */
uint8_t *loop_scratch(struct loop *loop, size_t *size_out) __attribute__((returns_nonnull));
