/* The first poll starts the statement; its first blocks wait (held.h), which lets the worker pause. Each answer comes
 * when rows are there or the statement has ended, or after a second; it names the descriptor for the next poll, until
 * the last one names a ticket. In between, app_metadata of the info carries the name for CancelFlightInfo. */
#include "face/flight/poll.h"

#include "base/clock.h"
#include "base/limits.h"
#include "face/flight/held.h"
#include "face/flight/info.h"
#include "face/flight/metadata.h"
#include "face/flight/run.h"

#define FLIGHT_POLL_WAIT_US CLOCK_SECOND

static const struct edge_method flight_poll_method = {.name = "PollFlightInfo"};

struct flight_poll {
    struct flight_call call;
    struct flight_descriptor descriptor;
    struct flight_held *held; /* NULL: not waited for */
    struct flight_held_watch watch;
    struct loop_timer timer;
};

static void flight_poll_answer(struct flight_poll *poll, const struct flight_info *info, double progress,
                               const struct flight_descriptor *next)
{
    AUTO(buf) struct buf message = {0};
    const struct flight_poll_info answer = {
        .info = info,
        .next = next,
        .progress = progress,
        .expires_us = next ? clock_wall_us() + limits_get(LIMIT_KEPT_LIFE) * CLOCK_SECOND : 0,
    };
    flight_poll_info_encode(&message, &answer);
    flight_call_send(&poll->call, &message);
    flight_call_finish(&poll->call, NULL);
}

/* How it stands now. */
static void flight_poll_tell(struct flight_poll *poll)
{
    struct flight_call *call = &poll->call;
    struct flight_held *held = poll->held;
    poll->held = NULL;
    list_remove(&poll->watch.node);
    loop_timer_cancel(call->flight->loop, &poll->timer);
    if (call->finished)
        return;
    if (flight_held_error(held)) {
        const struct err error = *flight_held_error(held);
        flight_held_drop(held);
        flight_call_finish(call, &error);
        return;
    }
    bool ready = flight_held_is_ready(held);
    struct str name = flight_held_name(held, 0);
    const struct flight_descriptor next = {.type = FLIGHT_DESCRIPTOR_CMD, .cmd = name};
    const struct flight_info info = {.schema = flight_held_schema(held, call->arena),
                                     .descriptor = poll->descriptor,
                                     .endpoints = {{.ticket = name}},
                                     .endpoint_count = ready,
                                     .ordered = true,
                                     .metadata = name};
    flight_held_renew(held);
    flight_poll_answer(poll, &info, ready ? 1.0 : flight_held_progress(held), ready ? NULL : &next);
}

static void flight_poll_on_ready(struct flight_held_watch *watch)
{
    flight_poll_tell(list_object(watch, struct flight_poll, watch));
}

static void flight_poll_on_time(struct loop_timer *timer)
{
    flight_poll_tell(timer->owner);
}

static void flight_poll_wait(struct flight_poll *poll, struct flight_held *held)
{
    poll->held = held;
    if (flight_held_is_ready(held)) {
        flight_poll_tell(poll);
        return;
    }
    flight_held_watch(held, &poll->watch);
    loop_timer_set(poll->call.flight->loop, &poll->timer, FLIGHT_POLL_WAIT_US);
}

static bool flight_poll_run(struct flight_poll *poll, struct str message, struct err *err)
{
    struct flight_call *call = &poll->call;
    struct flight_command command;
    struct flight_sql sql;
    struct flight_held *held;
    if (!flight_descriptor_decode(message, &poll->descriptor, err))
        return false;
    if (flight_ticket_is_name(poll->descriptor.cmd)) {
        held = flight_held_find(call->flight, poll->descriptor.cmd, call->who->user, err);
        if (held)
            flight_poll_wait(poll, held);
        return held != NULL;
    }
    if (!flight_run_descriptor(call, &poll->descriptor, &sql, &command, err))
        return false;
    if (flight_metadata_is(sql.kind)) {
        const struct flight_info info = {.schema = flight_metadata_schema(call->arena, &sql),
                                         .descriptor = poll->descriptor,
                                         .endpoints = {{.ticket = poll->descriptor.cmd}},
                                         .endpoint_count = 1,
                                         .ordered = true};
        flight_poll_answer(poll, &info, 1.0, NULL);
        return true;
    }
    held = flight_held_new(call, 1);
    if (!flight_held_run(held, call, &command, err))
        return false;
    flight_poll_wait(poll, held);
    return true;
}

static void flight_poll_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_poll *poll = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(&poll->call, message, &copy) && !flight_poll_run(poll, copy, &err))
        flight_call_finish(&poll->call, &err);
}

/* The statement goes on: the client may poll again. */
static void flight_poll_release(struct flight_call *call)
{
    struct flight_poll *poll = (struct flight_poll *)(void *)call;
    list_remove(&poll->watch.node);
    loop_timer_cancel(call->flight->loop, &poll->timer);
}

void flight_poll_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_poll_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_poll *poll = flight_call_new(flight, rpc, &flight_poll_method, sizeof(*poll), &events);
    poll->call.release = flight_poll_release;
    poll->watch.on_ready = flight_poll_on_ready;
    list_init(&poll->watch.node);
    poll->timer = (struct loop_timer){.on_time = flight_poll_on_time, .owner = poll};
}
