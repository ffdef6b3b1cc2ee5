/* epoll for descriptors, a binary heap for timers, a list for deferred calls, and an eventfd that wakes the loop for
 * messages of other threads. One turn: wait, call what is ready, what was posted, what is due, what was deferred. */
#include "platform/net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"

#define LOOP_EVENTS 128
#define LOOP_SCRATCH_SIZE ((size_t)256 * 1024)

struct loop_message {
    struct loop_message *next;
    void (*run)(void *owner);
    void *owner;
};

struct loop {
    int epoll_fd;
    struct loop_watch wake; /* its fd is the eventfd */
    atomic_bool stopped;
    struct epoll_event events[LOOP_EVENTS];
    int event_index; /* the one being handled; event_count while none is */
    int event_count;
    VEC(struct loop_timer *) timers; /* heap: the earliest first */
    struct list tasks;
    uint8_t *scratch; /* owned; made on first use */
    pthread_mutex_t lock;
    struct loop_message *posted;       /* guarded by lock: the oldest first */
    struct loop_message **posted_last; /* guarded by lock */
};

static void loop_run_posted(struct loop_watch *watch, uint32_t events);

struct loop *loop_new(struct err *err)
{
    struct loop *loop = mem_new(struct loop);
    list_init(&loop->tasks);
    pthread_mutex_init(&loop->lock, NULL);
    loop->posted_last = &loop->posted;
    loop->wake =
        (struct loop_watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_ready = loop_run_posted, .owner = loop};
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->wake.fd < 0) {
        err_errno(err, "create the event loop");
        loop_free(&loop);
        return NULL;
    }
    if (!loop_watch_add(loop, &loop->wake, EPOLLIN, err)) {
        loop_free(&loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop **loop_ptr)
{
    struct loop *loop = loop_ptr ? *loop_ptr : NULL;
    if (!loop)
        return;
    while (loop->posted) {
        struct loop_message *message = loop->posted;
        loop->posted = message->next;
        mem_free(message);
    }
    list_each(&loop->tasks, node) list_remove(node);
    for (size_t i = 0; i < loop->timers.count; i++)
        loop->timers.items[i]->index = 0;
    vec_done(&loop->timers);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop->scratch);
    mem_free(loop);
    *loop_ptr = NULL;
}

/* How long epoll may wait, rounded up so that a timer is never looked at just before it is due. */
static int loop_wait_ms(const struct loop *loop)
{
    if (!list_is_empty(&loop->tasks))
        return 0;
    if (loop->timers.count == 0)
        return -1;
    int64_t left_us = loop->timers.items[0]->at_us - clock_now_us();
    if (left_us <= 0)
        return 0;
    int64_t ms = (left_us + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND;
    return ms > 60000 ? 60000 : (int)ms;
}

static void loop_run_ready(struct loop *loop, int count)
{
    loop->event_count = count;
    for (loop->event_index = 0; loop->event_index < loop->event_count; loop->event_index++) {
        struct epoll_event *event = &loop->events[loop->event_index];
        struct loop_watch *watch = event->data.ptr;
        if (watch)
            watch->on_ready(watch, event->events);
    }
}

static void loop_run_timers(struct loop *loop)
{
    int64_t now_us = loop->timers.count ? clock_now_us() : 0;
    while (loop->timers.count && loop->timers.items[0]->at_us <= now_us) {
        struct loop_timer *timer = loop->timers.items[0];
        loop_timer_cancel(loop, timer);
        timer->on_time(timer);
    }
}

/* Tasks deferred by a task wait for the next turn, so that sockets get their share. */
static void loop_run_tasks(struct loop *loop)
{
    if (list_is_empty(&loop->tasks))
        return;
    struct list batch;
    list_init(&batch);
    struct list *first = loop->tasks.next, *last = loop->tasks.prev;
    list_init(&loop->tasks);
    batch.next = first;
    batch.prev = last;
    first->prev = last->next = &batch;
    for (struct list *node = list_first(&batch); node; node = list_first(&batch)) {
        struct loop_task *task = list_object(node, struct loop_task, node);
        list_remove(node);
        task->run(task);
    }
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->stopped)) {
        int count = epoll_wait(loop->epoll_fd, loop->events, LOOP_EVENTS, loop_wait_ms(loop));
        if (count < 0) {
            if (errno != EINTR)
                mem_panic("epoll_wait failed");
            count = 0;
        }
        loop_run_ready(loop, count);
        loop_run_timers(loop);
        loop_run_tasks(loop);
    }
    atomic_store(&loop->stopped, false);
}

static void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake.fd, &one, sizeof(one));
    (void)written; /* EAGAIN: it is awake already */
}

void loop_stop(struct loop *loop)
{
    int saved = errno; /* signal handlers must not change it */
    atomic_store(&loop->stopped, true);
    loop_wake(loop);
    errno = saved;
}

bool loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    watch->events = events;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0)
        return err_errno(err, "watch a descriptor");
    return true;
}

void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    if (watch->events == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = watch};
    watch->events = events;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0)
        mem_panic("a watched descriptor was closed by someone else");
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->event_index + 1; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
    }
}

static void loop_heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->timers.items[place] = timer;
    timer->index = place + 1;
}

/* Moves the timer from place towards the root or the leaves until the heap is in order again. */
static void loop_heap_settle(struct loop *loop, size_t place, struct loop_timer *timer)
{
    struct loop_timer **items = loop->timers.items;
    while (place > 0 && timer->at_us < items[(place - 1) / 2]->at_us) {
        loop_heap_put(loop, place, items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= loop->timers.count)
            break;
        if (child + 1 < loop->timers.count && items[child + 1]->at_us < items[child]->at_us)
            child++;
        if (timer->at_us <= items[child]->at_us)
            break;
        loop_heap_put(loop, place, items[child]);
        place = child;
    }
    loop_heap_put(loop, place, timer);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_us)
{
    assert(timer->on_time);
    timer->at_us = clock_deadline_us(delay_us);
    if (timer->index == 0) {
        vec_push(&loop->timers, timer);
        timer->index = loop->timers.count;
    }
    loop_heap_settle(loop, timer->index - 1, timer);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (timer->index == 0)
        return;
    size_t place = timer->index - 1;
    assert(loop->timers.items[place] == timer);
    timer->index = 0;
    struct loop_timer *last = loop->timers.items[--loop->timers.count];
    if (last != timer)
        loop_heap_settle(loop, place, last);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    assert(task->run);
    if (list_is_empty(&task->node))
        list_append(&loop->tasks, &task->node);
}

void loop_defer_cancel(struct loop_task *task)
{
    list_remove(&task->node);
}

void loop_post(struct loop *loop, void (*run)(void *owner), void *owner)
{
    struct loop_message *message = mem_new(struct loop_message);
    *message = (struct loop_message){.run = run, .owner = owner};
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->posted;
    *loop->posted_last = message;
    loop->posted_last = &message->next;
    pthread_mutex_unlock(&loop->lock);
    if (first) /* else the loop was woken already and has not looked yet */
        loop_wake(loop);
}

static void loop_run_posted(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct loop *loop = watch->owner;
    uint64_t count;
    ssize_t got = read(watch->fd, &count, sizeof(count));
    (void)got; /* only resets the counter */

    pthread_mutex_lock(&loop->lock);
    struct loop_message *message = loop->posted;
    loop->posted = NULL;
    loop->posted_last = &loop->posted;
    pthread_mutex_unlock(&loop->lock);
    while (message) {
        struct loop_message *next = message->next;
        message->run(message->owner);
        mem_free(message);
        message = next;
    }
}

uint8_t *loop_scratch(struct loop *loop, size_t *size_out)
{
    if (!loop->scratch)
        loop->scratch = mem_realloc(NULL, LOOP_SCRATCH_SIZE); /* not zeroed: untouched pages cost nothing */
    *size_out = LOOP_SCRATCH_SIZE;
    return loop->scratch;
}
