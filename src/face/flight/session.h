/* Which session a call belongs to: the one that its cookie `eider_session` names, else that of the login whose bearer
 * it carries, else that of its HTTP/2 connection. An API token, a JWT and a certificate name a user and no session.
 *
 * A session is made by the first call that needs one; the answer to that call sets the cookie, so that a client with a
 * cookie jar finds its session again over another connection. A session that only its connection names ends with it;
 * one of a login also ends with the last connection that used it, unless something was left behind in it. */
#pragma once
#include "base/map.h"
#include "base/list.h"
#include "domain/query/session.h"

struct flight_call;
struct flight_session;
struct flight_tickets;

struct flight_sessions {
    struct flight_tickets *tickets; /* which are told when a session ends */
    struct map by_cookie;
    struct map by_login;
    struct map by_connection; /* of struct flight_place, which session.c knows */
    struct list all;          /* of struct flight_session */
};

void flight_sessions_init(struct flight_sessions *sessions, struct flight_tickets *tickets);
/* Closes all. */
void flight_sessions_done(struct flight_sessions *sessions);
void flight_sessions_connection_gone(struct flight_sessions *sessions, uint64_t connection);

/* Sets call->session and call->entry if there is one, or create is set. false: there should be one and cannot. */
bool flight_session_join(struct flight_call *call, bool create, struct err *err) MUST_USE;
/* From flight_call when it goes. */
void flight_session_leave(struct flight_call *call);

/* How many endpoints a large result of this session may be split into (session option eider.parallel_endpoints): 1
 * without a session. */
int64_t flight_session_parallel(const struct flight_call *call);

/* What session_actions.c keeps in the entry. */
#define FLIGHT_SESSION_NAMES 8
struct flight_session_state {
    int64_t parallel;                        /* 0: not set */
    const char *names[FLIGHT_SESSION_NAMES]; /* settings that were set; static texts */
    size_t name_count;
};
struct flight_session_state *flight_session_state(struct flight_session *session);
/* Ends the call's session and what runs in it, the call excepted; expires the cookie. */
void flight_session_end(struct flight_call *call);
