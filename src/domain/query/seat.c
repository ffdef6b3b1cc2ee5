/* Seats: which of a session's connections a statement runs on, who waits for it, and what is left when the worker is
 * gone. A connection number means a clean connection to a worker that does not know it, so a seat needs no opening. */
#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/query/query_priv.h"

/* --- Life --- */

static struct query_seat *query_seat_new(struct query_session *session, struct query_tenant *side, bool is_main)
{
    struct query_seat *seat = mem_new(struct query_seat);
    seat->session = session;
    seat->side = side;
    seat->number = ++session->query->last_number;
    seat->is_main = is_main;
    list_init(&seat->waiting);
    list_append(&session->seats, &seat->node);
    list_append(&side->seats, &seat->side_node);
    return seat;
}

/* The channel of the side's worker; NULL when there is none that takes anything. */
static struct channel *query_seat_channel(const struct query_tenant *side)
{
    struct query_process *process = side->process;
    return process && process->state == QUERY_PROCESS_READY ? process->channel : NULL;
}

static void query_seat_end_connection(struct query_tenant *side, uint64_t number)
{
    struct channel *channel = query_seat_channel(side);
    if (!channel)
        return;
    channel_encode_close(channel_out(channel), number);
    channel_flush(channel);
}

static void query_seat_set_transaction(struct query_seat *seat, struct str id)
{
    if (seat->session) {
        seat->session->transaction_count -= seat->transaction[0] != 0;
        seat->session->transaction_count += id.len > 0;
    }
    assert(id.len < sizeof(seat->transaction));
    if (id.len)
        memcpy(seat->transaction, id.ptr, id.len);
    seat->transaction[id.len] = 0;
}

/* Whoever waits for the seat does so in vain. */
static void query_seat_clear(struct query_seat *seat, const struct err *reason)
{
    struct list *node;
    while ((node = list_first(&seat->waiting))) {
        struct statement *statement = list_object(node, struct statement, place);
        list_remove(node);
        statement->seat = NULL;
        if (seat->begin == statement)
            seat->begin = NULL;
        query_statement_stop(statement, reason);
    }
}

static void query_seat_free(struct query_seat *seat)
{
    assert(!seat->busy && list_is_empty(&seat->waiting));
    if (seat->is_used)
        query_seat_end_connection(seat->side, seat->number);
    query_seat_set_transaction(seat, S(""));
    list_remove(&seat->node);
    list_remove(&seat->side_node);
    vec_done(&seat->forget);
    mem_free(seat);
}

void query_seat_close(struct query_seat *seat)
{
    struct err reason;
    err_set(&reason, ERR_CANCELLED, "the session was closed");
    query_seat_set_transaction(seat, S(""));
    seat->session = NULL;
    list_remove(&seat->node);
    query_seat_clear(seat, &reason);
    if (!seat->busy)
        query_seat_free(seat);
}

/* --- Finding --- */

static struct query_seat *query_seat_main(const struct query_session *session, const struct query_tenant *side)
{
    list_each(&session->seats, node)
    {
        struct query_seat *seat = list_object(node, struct query_seat, node);
        if (seat->is_main && seat->side == side)
            return seat;
    }
    return NULL;
}

static struct query_seat *query_seat_need_main(struct query_session *session, struct query_tenant *side)
{
    struct query_seat *seat = query_seat_main(session, side);
    return seat ? seat : query_seat_new(session, side, true);
}

struct query_seat *query_seat_find(const struct query_session *session, struct str transaction)
{
    list_each(&session->seats, node)
    {
        struct query_seat *seat = list_object(node, struct query_seat, node);
        if (transaction.len && str_equal(str_from(seat->transaction), transaction))
            return seat;
    }
    return NULL;
}

static bool query_seat_is_free(const struct query_seat *seat)
{
    return !seat->busy && list_is_empty(&seat->waiting);
}

/* --- Choosing --- */

/* BEGIN: the main seat unless it is in a transaction, so that temporary objects made in one survive its commit. */
static bool query_seat_choose_begin(struct statement *statement, struct err *err)
{
    struct query_session *session = statement->session;
    if (session->transaction_count >= (size_t)limits_get(LIMIT_SESSION_TRANSACTIONS))
        return limits_err(LIMIT_SESSION_TRANSACTIONS, err);
    struct query_seat *seat = query_seat_need_main(session, statement->side);
    if (seat->in_transaction || seat->transaction[0])
        seat = query_seat_new(session, statement->side, false);
    statement->transaction = random_hex(statement->arena, QUERY_NAME_BYTES);
    query_seat_set_transaction(seat, statement->transaction);
    seat->begin = statement;
    statement->seat = seat;
    return true;
}

static bool query_seat_choose_transaction(struct statement *statement, struct err *err)
{
    statement->seat = query_seat_find(statement->session, statement->transaction);
    if (statement->seat && statement->seat->side == statement->side)
        return true;
    if (statement->seat) {
        struct str tenant = statement->seat->side->tenant->id;
        statement->seat = NULL;
        return err_set(err, ERR_INVALID, "the transaction is one of tenant '%.*s'", STR_ARG(tenant));
    }
    err_set(err, ERR_NOT_FOUND, "the session has no such open transaction");
    return err_hint(err, "it has ended, or was rolled back when its worker or session ended");
}

/* Uploads join the session's single open transaction. Else only temporary tables need the session's connection. */
static bool query_seat_choose_upload(struct statement *statement, struct err *err)
{
    struct query_session *session = statement->session;
    size_t open = 0;
    list_each(&session->seats, node)
    {
        struct query_seat *seat = list_object(node, struct query_seat, node);
        if (seat->side != statement->side || !seat->in_transaction)
            continue;
        statement->seat = seat;
        open++;
    }
    if (open > 1) {
        statement->seat = NULL;
        err_set(err, ERR_INVALID, "the session has %zu open transactions, and the upload names none", open);
        return err_hint(err, "send its transaction_id");
    }
    if (open == 0 && statement->temporary)
        statement->seat = query_seat_need_main(session, statement->side);
    return true;
}

/* A long statement that only borrowed the seat goes on under its old number; nothing was left there. */
static void query_seat_take_back(struct query_seat *seat)
{
    if (!seat->busy || !seat->busy->borrows || seat->kept || seat->in_transaction)
        return;
    seat->busy->seat = NULL;
    seat->busy = NULL;
    seat->is_used = false;
    vec_clear(&seat->forget);
    seat->number = ++seat->side->query->last_number;
}

static void query_seat_choose_run(struct statement *statement)
{
    struct query_seat *seat = query_seat_need_main(statement->session, statement->side);
    if (statement->leaves) {
        query_seat_take_back(seat);
        statement->seat = seat;
    } else if (seat->transaction[0]) {
        return; /* the transaction has an id, and the statement did not name it */
    } else if (seat->kept || seat->in_transaction) {
        statement->seat = seat;
    } else if (statement->prepared && query_seat_is_free(seat)) {
        statement->seat = seat; /* where it may be prepared already */
        statement->borrows = true;
    }
}

static void query_seat_choose_metadata(struct statement *statement)
{
    struct query_seat *seat = query_seat_main(statement->session, statement->side);
    if (seat && (seat->kept || seat->in_transaction) && query_seat_is_free(seat))
        statement->seat = seat;
}

/* Without a session there is nothing to choose. */
static bool query_seat_choose_none(const struct statement *statement, struct err *err)
{
    const char *what = statement->transaction.len ? "a transaction" : statement->temporary ? "a temporary table" : NULL;
    if (statement->step != QUERY_NO_STEP)
        what = "a transaction";
    if (!what)
        return true;
    err_set(err, ERR_PRECONDITION, "%s needs a session, and the request has none", what);
    return err_hint(err, "keep the cookie eider_session, or log in with a password");
}

bool query_seat_choose(struct statement *statement, struct err *err)
{
    if (!statement->session)
        return query_seat_choose_none(statement, err);
    struct query_seat *seat = query_seat_main(statement->session, statement->side);
    if (seat && seat->lost) {
        seat->lost = false;
        query_seat_lost_err(err);
        return false;
    }
    if (statement->step == QUERY_BEGIN)
        return query_seat_choose_begin(statement, err);
    if (statement->transaction.len || statement->step != QUERY_NO_STEP)
        return query_seat_choose_transaction(statement, err);
    if (statement->kind == STATEMENT_UPLOAD)
        return query_seat_choose_upload(statement, err);
    if (statement->kind == STATEMENT_METADATA)
        query_seat_choose_metadata(statement);
    else
        query_seat_choose_run(statement);
    return true;
}

/* --- Taking turns --- */

static void query_seat_give(struct query_seat *seat, struct statement *statement)
{
    seat->busy = statement;
    statement->connection = seat->number;
}

bool query_seat_take(struct statement *statement)
{
    struct query_seat *seat = statement->seat;
    if (query_seat_is_free(seat)) {
        query_seat_give(seat, statement);
        return true;
    }
    list_append(&seat->waiting, &statement->place);
    int64_t now_us = clock_now_us();
    int64_t wait_us = limits_get(LIMIT_SESSION_WAIT) * CLOCK_SECOND;
    if (statement->deadline_us - now_us < wait_us)
        wait_us = statement->deadline_us > now_us ? statement->deadline_us - now_us : 0;
    loop_timer_set(statement->query->loop, &statement->timer, wait_us);
    return false;
}

/* The first that waits and is not being stopped gets the seat, and then a slot. */
static void query_seat_next(struct query_seat *seat)
{
    struct list *node;
    while (!seat->busy && (node = list_first(&seat->waiting))) {
        struct statement *statement = list_object(node, struct statement, place);
        struct err reason;
        list_remove(node);
        if (statement->state != QUERY_QUEUED)
            continue;
        loop_timer_cancel(statement->query->loop, &statement->timer);
        if (seat->lost) {
            seat->lost = false;
            query_seat_lost_err(&reason);
            query_statement_stop(statement, &reason);
            continue;
        }
        query_seat_give(seat, statement);
        if (query_admit(statement, &reason))
            return;
        seat->busy = NULL;
        query_statement_stop(statement, &reason);
    }
}

/* What was closed meanwhile. */
static void query_seat_flush_forget(struct query_seat *seat)
{
    struct channel *channel = query_seat_channel(seat->side);
    if (channel && seat->is_used && seat->forget.count) {
        for (size_t i = 0; i < seat->forget.count; i++)
            channel_encode_forget(channel_out(channel), seat->number, seat->forget.items[i]);
        channel_flush(channel);
    }
    vec_clear(&seat->forget);
}

void query_seat_forget(struct query_seat *seat, uint64_t prepared)
{
    if (!seat->is_used)
        return;
    vec_push(&seat->forget, prepared);
    if (!seat->busy)
        query_seat_flush_forget(seat);
}

/* The end of a further seat's transaction, or of one that never began. */
static void query_seat_retire(struct query_seat *seat)
{
    struct err reason;
    err_set(&reason, ERR_NOT_FOUND, "the transaction has ended");
    query_seat_clear(seat, &reason);
    query_seat_free(seat);
}

/* The worker's connection is gone. */
static void query_seat_lose(struct query_seat *seat)
{
    bool had = seat->kept || seat->in_transaction;
    seat->kept = seat->in_transaction = seat->is_used = false;
    vec_clear(&seat->forget);
    if (!had || !seat->session)
        return;
    if (!seat->begin)
        query_seat_set_transaction(seat, S(""));
    struct query_seat *main_seat = query_seat_need_main(seat->session, seat->side);
    main_seat->lost = true;
    if (!seat->busy)
        return;
    struct err reason; /* it waits for the next worker, and would find nothing of what it counts on */
    main_seat->lost = false;
    query_seat_lost_err(&reason);
    query_statement_stop(seat->busy, &reason);
}

void query_seat_leave(struct statement *statement)
{
    struct query_seat *seat = statement->seat;
    if (!seat) {
        if (statement->connection && statement->is_sent) /* it was taken back meanwhile */
            query_seat_end_connection(statement->side, statement->connection);
        return;
    }
    statement->seat = NULL;
    if (seat->begin == statement) {
        seat->begin = NULL;
        if (statement->is_failed)
            query_seat_set_transaction(seat, S(""));
    }
    bool had = seat->busy == statement;
    if (had) {
        seat->busy = NULL;
        if (statement->answer.is_answered) {
            seat->is_used = true;
            seat->kept = statement->answer.kept;
            seat->in_transaction = statement->answer.in_transaction;
        } else if (statement->is_sent) {
            query_seat_lose(seat);
        }
        query_seat_flush_forget(seat);
        if (!seat->in_transaction && !seat->begin)
            query_seat_set_transaction(seat, S(""));
    }
    bool is_over = !seat->session || (!seat->is_main && !seat->transaction[0]);
    if (seat->busy)
        return;
    if (is_over)
        query_seat_retire(seat);
    else if (had)
        query_seat_next(seat);
}

/* --- Workers --- */

void query_seats_lose(struct query_tenant *side)
{
    list_each(&side->seats, node)
    {
        struct query_seat *seat = list_object(node, struct query_seat, side_node);
        query_seat_lose(seat);
        if (!seat->is_main && !seat->transaction[0] && !seat->busy)
            query_seat_retire(seat);
    }
}

bool query_seats_are_kept(const struct query_tenant *side)
{
    list_each(&side->seats, node)
    {
        const struct query_seat *seat = list_object(node, struct query_seat, side_node);
        if (seat->kept || seat->in_transaction)
            return true;
    }
    return false;
}

/* --- Errors --- */

void query_seat_lost_err(struct err *error)
{
    err_set(error, ERR_UNAVAILABLE,
            "session lost: the tenant's worker ended, and with it the session's transactions, temporary objects and "
            "settings");
    err_hint(error, "begin again: the session goes on, empty");
}

void query_seat_busy_err(const struct statement *statement, struct err *error)
{
    const struct statement *busy = statement->seat->busy;
    err_set(error, ERR_CONFLICT, "another statement of the session, %.*s, still ran after limit %s (%lld s): %.*s",
            STR_ARG(busy->id), limits_name(LIMIT_SESSION_WAIT), (long long)limits_get(LIMIT_SESSION_WAIT),
            STR_ARG(str_slice(busy->shown, 0, 80)));
    err_hint(error, "read its result to the end, cancel it, or use another session");
}
