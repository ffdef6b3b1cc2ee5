#include "domain/query/session.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/query/query_priv.h"

/* --- Life --- */

static void query_session_on_time(struct loop_timer *timer)
{
    struct query_session *session = timer->owner;
    int64_t left_us = session->used_us + limits_get(LIMIT_SESSION_IDLE) * CLOCK_SECOND - clock_now_us();
    if (session->statement_count) /* the end of the last one sets the timer again */
        return;
    if (!session->expires && left_us > 0)
        loop_timer_set(session->query->loop, timer, left_us);
    else
        session->on_expired(session->owner);
}

/* From the loop, in its next turn, or when its statements have ended. */
static void query_session_expire(struct query_session *session)
{
    session->expires = true;
    loop_timer_set(session->query->loop, &session->timer, 0);
}

/* The user's list, made for its first session. */
static struct query_user *query_session_user_of(struct query *query, struct str name)
{
    struct query_user *user = map_get(&query->users, name);
    if (user)
        return user;
    user = mem_new(struct query_user);
    list_init(&user->sessions);
    map_put(&query->users, name, user);
    return user;
}

struct query_session *query_session_open(struct query *query, const struct principal *who,
                                         void (*on_expired)(void *owner), void *owner, struct err *err)
{
    if (query->draining)
        return err_set(err, ERR_UNAVAILABLE, "the server is shutting down"), NULL;
    struct query_user *user = map_get(&query->users, who->user);
    if ((user ? user->session_count : 0) >= (size_t)limits_get(LIMIT_SESSIONS))
        return limits_err(LIMIT_SESSIONS, err), NULL;
    struct query_session *session = mem_new(struct query_session);
    session->query = query;
    session->arena = arena_new();
    session->user = str_copy(session->arena, who->user);
    session->id = str_format(session->arena, "s%llu", (unsigned long long)++query->last_session);
    session->owner_user = query_session_user_of(query, who->user);
    session->owner_user->session_count++;
    list_append(&session->owner_user->sessions, &session->node);
    list_init(&session->seats);
    list_init(&session->prepared);
    list_init(&session->statements);
    session->on_expired = on_expired;
    session->owner = owner;
    session->used_us = clock_now_us();
    session->timer = (struct loop_timer){.on_time = query_session_on_time, .owner = session};
    loop_timer_set(query->loop, &session->timer, limits_get(LIMIT_SESSION_IDLE) * CLOCK_SECOND);
    return session;
}

void query_session_close(struct query_session **session_ptr)
{
    struct query_session *session = *session_ptr;
    if (!session)
        return;
    *session_ptr = NULL;
    struct err reason;
    err_set(&reason, ERR_CANCELLED, "the session was closed");
    list_each(&session->statements, node)
    {
        struct statement *statement = list_object(node, struct statement, session_node);
        query_session_leave(statement);
        query_statement_stop(statement, &reason);
    }
    list_each(&session->seats, node)
    {
        query_seat_close(list_object(node, struct query_seat, node));
    }
    list_each(&session->prepared, node)
    {
        struct query_prepared *prepared = list_object(node, struct query_prepared, node);
        query_prepared_close(&prepared);
    }
    loop_timer_cancel(session->query->loop, &session->timer);
    list_remove(&session->node);
    if (--session->owner_user->session_count == 0) {
        map_remove(&session->query->users, session->user);
        mem_free(session->owner_user);
    }
    map_done(&session->handles);
    arena_free(&session->arena);
    mem_free(session);
}

struct str query_session_user(const struct query_session *session)
{
    return session->user;
}

struct str query_session_id(const struct query_session *session)
{
    return session->id;
}

bool query_session_is_kept(const struct query_session *session)
{
    list_each(&session->seats, node)
    {
        const struct query_seat *seat = list_object(node, struct query_seat, node);
        if (seat->kept || seat->in_transaction)
            return true;
    }
    return false;
}

void query_session_touch(struct query_session *session)
{
    session->used_us = clock_now_us();
}

/* --- Its tenant --- */

struct str query_session_tenant(const struct query_session *session)
{
    return str_from(session->tenant);
}

bool query_session_set_tenant(struct query_session *session, const struct principal *who, struct str id,
                              struct err *err)
{
    if (id.len == 0) {
        session->tenant[0] = 0;
        return true;
    }
    struct tenant *tenant = tenant_resolve(session->query->tenants, who, id, err);
    if (!tenant || !principal_need(who, tenant->id, ROLE_READER, err))
        return false;
    assert(tenant->id.len < sizeof(session->tenant));
    memcpy(session->tenant, tenant->id.ptr, tenant->id.len);
    session->tenant[tenant->id.len] = 0;
    return true;
}

/* --- Its statements --- */

bool query_session_enter(struct statement *statement, struct err *err)
{
    struct query_session *session = statement->session;
    if (!session)
        return true;
    if (session->statement_count >= (size_t)limits_get(LIMIT_SESSION_STATEMENTS))
        return limits_err(LIMIT_SESSION_STATEMENTS, err);
    list_append(&session->statements, &statement->session_node);
    session->statement_count++;
    query_session_touch(session);
    return true;
}

void query_session_leave(struct statement *statement)
{
    struct query_session *session = statement->session;
    if (!session || list_is_empty(&statement->session_node))
        return;
    statement->session = NULL;
    list_remove(&statement->session_node);
    query_session_touch(session);
    if (--session->statement_count)
        return;
    int64_t left_us = session->expires ? 0 : limits_get(LIMIT_SESSION_IDLE) * CLOCK_SECOND;
    loop_timer_set(session->query->loop, &session->timer, left_us);
}

/* --- Expiry --- */

static void query_user_expire(struct query_user *user, struct str tenant)
{
    list_each(&user->sessions, node)
    {
        struct query_session *session = list_object(node, struct query_session, node);
        if (tenant.len == 0 || str_equal(query_session_tenant(session), tenant))
            query_session_expire(session);
    }
}

void query_sessions_expire(struct query *query, struct str tenant)
{
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&query->users, &position)))
        query_user_expire(entry->value, tenant);
}

void query_end_user(struct query *query, struct str name)
{
    struct err reason;
    err_set(&reason, ERR_UNAUTHENTICATED, "the user is gone, or has another password or other rights now");
    err_hint(&reason, "log in again");
    list_each(&query->statements, node)
    {
        struct statement *statement = list_object(node, struct statement, node);
        if (str_equal(statement->user, name))
            query_statement_stop(statement, &reason);
    }
    struct query_user *user = map_get(&query->users, name);
    if (user)
        query_user_expire(user, S(""));
}

/* --- Prepared statements --- */

struct query_prepared *query_prepared_new(struct query_session *session, struct str sql, struct str tenant,
                                          struct str transaction, struct err *err)
{
    if (session->prepared_count >= (size_t)limits_get(LIMIT_SESSION_PREPARED))
        return limits_err(LIMIT_SESSION_PREPARED, err), NULL;
    if (sql.len > (uint64_t)limits_get(LIMIT_SQL))
        return limits_err(LIMIT_SQL, err), NULL;
    struct query_prepared *prepared = mem_new(struct query_prepared);
    prepared->session = session;
    prepared->arena = arena_new();
    prepared->handle = random_hex(prepared->arena, QUERY_NAME_BYTES);
    prepared->sql = str_copy(prepared->arena, sql);
    prepared->tenant = str_copy(prepared->arena, tenant);
    prepared->transaction = str_copy(prepared->arena, transaction);
    prepared->id = ++session->query->last_number;
    list_append(&session->prepared, &prepared->node);
    map_put(&session->handles, prepared->handle, prepared);
    session->prepared_count++;
    return prepared;
}

struct query_prepared *query_prepared_find(struct query_session *session, struct str handle, struct err *err)
{
    struct query_prepared *prepared = map_get(&session->handles, handle);
    if (prepared) {
        query_session_touch(session);
        return prepared;
    }
    err_set(err, ERR_NOT_FOUND, "the session has no such prepared statement");
    err_hint(err, "it was closed, or belongs to another session");
    return NULL;
}

void query_prepared_close(struct query_prepared **prepared_ptr)
{
    struct query_prepared *prepared = *prepared_ptr;
    if (!prepared)
        return;
    *prepared_ptr = NULL;
    struct query_session *session = prepared->session;
    list_each(&session->seats, node)
    {
        query_seat_forget(list_object(node, struct query_seat, node), prepared->id);
    }
    list_remove(&prepared->node);
    map_remove(&session->handles, prepared->handle);
    session->prepared_count--;
    if (prepared->on_closed)
        prepared->on_closed(prepared);
    arena_free(&prepared->arena);
    mem_free(prepared);
}
