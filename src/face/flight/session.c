/* A session is found by three maps. A seat links a session and a connection that used it. */
#include "face/flight/session.h"

#include "base/random.h"
#include "face/flight/call.h"

#define FLIGHT_SESSION_COOKIE "eider_session"
#define FLIGHT_SESSION_RANDOM 32 /* bytes; twice as many characters */

struct flight_session {
    struct flight_sessions *sessions;
    struct list node;            /* in sessions->all */
    struct query_session *query; /* owned */
    struct arena *arena;         /* of the texts */
    struct str user, cookie;
    struct str login;  /* empty: none */
    uint64_t home;     /* the connection that it ends with; 0: a login or a cookie leads to it from others */
    struct list seats; /* struct flight_seat */
    struct list calls; /* struct flight_call */
    struct flight_session_state state;
};

struct flight_place {
    uint64_t connection;
    struct list seats;
};

struct flight_seat {
    struct list in_session, in_place;
    struct flight_session *session;
    struct flight_place *place;
};

void flight_sessions_init(struct flight_sessions *sessions, struct flight_tickets *tickets)
{
    *sessions = (struct flight_sessions){.tickets = tickets};
    list_init(&sessions->all);
}

/* --- Seats. --- */

static struct flight_place *flight_session_place(struct flight_sessions *sessions, uint64_t connection)
{
    return map_get(&sessions->by_connection, map_key_u64(&connection));
}

static void flight_seat_free(struct flight_seat *seat)
{
    struct flight_place *place = seat->place;
    list_remove(&seat->in_session);
    list_remove(&seat->in_place);
    if (list_is_empty(&place->seats)) {
        map_remove(&seat->session->sessions->by_connection, map_key_u64(&place->connection));
        mem_free(place);
    }
    mem_free(seat);
}

static void flight_session_sit(struct flight_session *session, uint64_t connection)
{
    struct flight_place *place = flight_session_place(session->sessions, connection);
    if (!place) {
        place = mem_new(struct flight_place);
        place->connection = connection;
        list_init(&place->seats);
        map_put(&session->sessions->by_connection, map_key_u64(&connection), place);
    }
    list_each(&place->seats, node)
    {
        if (list_object(node, struct flight_seat, in_place)->session == session)
            return;
    }
    struct flight_seat *seat = mem_new(struct flight_seat);
    seat->session = session;
    seat->place = place;
    list_append(&session->seats, &seat->in_session);
    list_append(&place->seats, &seat->in_place);
}

/* --- Ends. --- */

/* Calls that still belong to it end with why, except one. */
static void flight_session_free(struct flight_session *session, const struct err *why, const struct flight_call *except)
{
    struct flight_sessions *sessions = session->sessions;
    list_remove(&session->node);
    map_remove(&sessions->by_cookie, session->cookie);
    if (session->login.len)
        map_remove(&sessions->by_login, session->login);
    list_each(&session->calls, node)
    {
        struct flight_call *call = list_object(node, struct flight_call, in_session);
        flight_session_leave(call);
        if (call != except && !call->finished)
            flight_call_finish(call, why);
    }
    list_each(&session->seats, node) flight_seat_free(list_object(node, struct flight_seat, in_session));
    flight_tickets_leave(session->sessions->tickets, session->query);
    query_session_close(&session->query);
    arena_free(&session->arena);
    mem_free(session);
}

static void flight_session_on_expired(void *owner)
{
    struct err why;
    err_set(&why, ERR_UNAVAILABLE, "the session has ended: it was idle too long, or its user or tenant has gone");
    flight_session_free(owner, &why, NULL);
}

void flight_session_end(struct flight_call *call)
{
    struct err why;
    err_set(&why, ERR_CONFLICT, "the session was closed"); /* pyarrow takes CANCELLED for Ctrl-C */
    if (call->entry)
        flight_session_free(call->entry, &why, call);
    rpc_call_add_header(call->rpc, S("set-cookie"),
                        S(FLIGHT_SESSION_COOKIE "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"));
}

void flight_sessions_done(struct flight_sessions *sessions)
{
    struct err why;
    err_set(&why, ERR_UNAVAILABLE, "the server stops");
    list_each(&sessions->all, node) flight_session_free(list_object(node, struct flight_session, node), &why, NULL);
    map_done(&sessions->by_cookie);
    map_done(&sessions->by_login);
    map_done(&sessions->by_connection);
}

/* Nobody can come back to it, or nobody would find anything in it. */
static bool flight_session_is_over(const struct flight_session *session, uint64_t gone)
{
    if (session->home)
        return session->home == gone;
    if (session->login.len == 0)
        return false;
    bool empty = !query_session_is_kept(session->query) && session->state.parallel == 0 &&
                 query_session_tenant(session->query).len == 0;
    return empty && list_is_empty(&session->seats);
}

void flight_sessions_connection_gone(struct flight_sessions *sessions, uint64_t connection)
{
    struct err why;
    err_set(&why, ERR_CONFLICT, "the session ended with its connection");
    for (struct flight_place *place; (place = flight_session_place(sessions, connection));) {
        struct flight_seat *seat = list_object(list_first(&place->seats), struct flight_seat, in_place);
        struct flight_session *session = seat->session;
        flight_seat_free(seat); /* the last one takes the place along */
        if (flight_session_is_over(session, connection))
            flight_session_free(session, &why, NULL);
    }
}

/* --- Finding and making. --- */

/* "a=b; eider_session=HEX; c=d", possibly in several fields, possibly in quotes (RFC 2965 clients). */
static struct str flight_session_cookie_in(struct str field)
{
    struct str part;
    while (str_split_next(&field, ';', &part)) {
        part = str_trim(part);
        if (!str_starts_with(part, S(FLIGHT_SESSION_COOKIE "=")))
            continue;
        part = str_from_index(part, sizeof(FLIGHT_SESSION_COOKIE));
        if (part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"')
            part = str_slice(part, 1, part.len - 2);
        return part;
    }
    return S("");
}

static struct flight_session *flight_session_by_cookie(const struct flight_call *call)
{
    struct str name, value;
    for (size_t i = 0; rpc_call_metadata_at(call->rpc, i, &name, &value); i++) {
        struct str cookie = str_equal(name, S("cookie")) ? flight_session_cookie_in(value) : S("");
        struct flight_session *session = cookie.len ? map_get(&call->flight->sessions.by_cookie, cookie) : NULL;
        if (!session || !str_equal(session->user, call->who->user)) /* another user's cookie is none */
            continue;
        if (session->home != rpc_call_connection(call->rpc))
            session->home = 0;
        return session;
    }
    return NULL;
}

static void flight_session_set_login(struct flight_session *session, struct str login)
{
    session->login = str_copy(session->arena, login);
    session->home = 0;
    map_put(&session->sessions->by_login, session->login, session);
}

static struct flight_session *flight_session_by_login(const struct flight_call *call)
{
    if (call->who->login.len == 0)
        return NULL;
    struct flight_session *session = map_get(&call->flight->sessions.by_login, call->who->login);
    return session && str_equal(session->user, call->who->user) ? session : NULL;
}

static struct flight_session *flight_session_by_connection(const struct flight_call *call)
{
    uint64_t connection = rpc_call_connection(call->rpc);
    const struct flight_place *place = flight_session_place(&call->flight->sessions, connection);
    if (!place)
        return NULL;
    list_each(&place->seats, node)
    {
        struct flight_session *session = list_object(node, struct flight_seat, in_place)->session;
        if (session->home != connection || !str_equal(session->user, call->who->user))
            continue;
        /* A client that began with its password goes on with the bearer that it was given for it. */
        if (call->who->login.len)
            flight_session_set_login(session, call->who->login);
        return session;
    }
    return NULL;
}

static struct flight_session *flight_session_new(struct flight_call *call, struct err *err)
{
    struct flight_session *session = mem_new(struct flight_session);
    session->query = query_session_open(call->flight->query, call->who, flight_session_on_expired, session, err);
    if (!session->query) {
        mem_free(session);
        return NULL;
    }
    session->sessions = &call->flight->sessions;
    session->arena = arena_new();
    session->user = str_copy(session->arena, call->who->user);
    session->cookie = random_hex(session->arena, FLIGHT_SESSION_RANDOM);
    list_init(&session->seats);
    list_init(&session->calls);
    list_append(&session->sessions->all, &session->node);
    map_put(&session->sessions->by_cookie, session->cookie, session);
    if (call->who->login.len)
        flight_session_set_login(session, call->who->login);
    else
        session->home = rpc_call_connection(call->rpc);
    rpc_call_add_header(call->rpc, S("set-cookie"),
                        str_format(call->arena, FLIGHT_SESSION_COOKIE "=%.*s; Path=/; HttpOnly; SameSite=Strict%s",
                                   STR_ARG(session->cookie), rpc_call_peer(call->rpc)->tls ? "; Secure" : ""));
    return session;
}

bool flight_session_join(struct flight_call *call, bool create, struct err *err)
{
    struct flight_session *session = flight_session_by_cookie(call);
    if (!session)
        session = flight_session_by_login(call);
    if (!session)
        session = flight_session_by_connection(call);
    if (!session && !create)
        return true;
    if (!session && !(session = flight_session_new(call, err)))
        return false;
    flight_session_sit(session, rpc_call_connection(call->rpc));
    call->entry = session;
    call->session = session->query;
    list_append(&session->calls, &call->in_session);
    query_session_touch(session->query);
    return true;
}

void flight_session_leave(struct flight_call *call)
{
    list_remove(&call->in_session);
    call->entry = NULL;
    call->session = NULL;
}

/* --- Questions. --- */

int64_t flight_session_parallel(const struct flight_call *call)
{
    return call->entry && call->entry->state.parallel ? call->entry->state.parallel : 1;
}

struct flight_session_state *flight_session_state(struct flight_session *session)
{
    return &session->state;
}
