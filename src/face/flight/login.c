/* Credentials come as a header (ADBC, JDBC, pyarrow's authenticate_basic_token, Rust), mostly without any message, or
 * as BasicAuth in a message (the oldest clients). Some look for the token in the trailers, some in the initial headers,
 * the oldest in a message. */
#include "face/flight/login.h"

#include "face/flight/call.h"
#include "face/flight/guest.h"
#include "face/flight/handshake.h"

static const struct edge_method flight_login_method = {.name = "Handshake"};

struct flight_login {
    struct flight_call call;
    struct auth_request request;
    struct auth_wait wait;
    struct principal who;
    struct str bearer; /* without "Bearer "; empty: none */
    uint64_t version;  /* of the client's message */
    bool waiting;      /* for auth */
    bool known;
    bool wants_message, answered;
    bool half_closed;
};

static void flight_login_go_on(struct flight_login *login)
{
    struct flight_call *call = &login->call;
    if (!login->known || call->finished)
        return;
    if (login->wants_message && !login->answered) {
        AUTO(buf) struct buf answer = {0};
        flight_handshake_encode(&answer,
                                &(struct flight_handshake){.version = login->version, .payload = login->bearer});
        login->answered = true;
        flight_call_send(call, &answer);
    }
    if (login->half_closed)
        flight_call_finish(call, NULL);
}

static void flight_login_succeed(struct flight_login *login)
{
    struct flight_call *call = &login->call;
    struct str authorization = login->request.authorization;
    login->known = true;
    call->who = &login->who;
    if (str_equal_nocase(str_slice(authorization, 0, 7), S("Bearer ")))
        login->bearer = str_trim(str_from_index(authorization, 7));
    else if (login->who.proof == PRINCIPAL_PASSWORD || login->who.proof == PRINCIPAL_OPEN)
        login->bearer = auth_login_bearer(call->flight->auth, &login->who, call->arena);
    if (login->bearer.len > 0)
        flight_guest_give_bearer(call->rpc, login->bearer);
    flight_login_go_on(login);
}

static void flight_login_on_answer(struct auth_wait *wait, const struct principal *who, const struct err *error)
{
    struct flight_login *login = wait->owner;
    login->waiting = false;
    if (error) {
        flight_call_finish(&login->call, error);
        return;
    }
    login->who = *who;
    flight_login_succeed(login);
}

static void flight_login_check(struct flight_login *login)
{
    struct flight_call *call = &login->call;
    struct err err;
    switch (auth_check(call->flight->auth, &login->request, call->arena, &login->wait, &login->who, &err)) {
    case AUTH_DONE:
        flight_login_succeed(login);
        break;
    case AUTH_ERROR:
        flight_call_finish(call, &err);
        break;
    case AUTH_LATER:
        login->waiting = true;
        break;
    }
}

static bool flight_login_read(struct flight_login *login, struct str message, struct err *err)
{
    struct flight_handshake handshake;
    if (!flight_handshake_decode(message, &handshake, err))
        return false;
    /* An empty request is a mere formality; credentials in a message want their token in a message. */
    if (handshake.payload.len == 0 || login->wants_message)
        return true;
    login->wants_message = true;
    login->version = handshake.version;
    if (login->known || login->waiting)
        return true;
    struct str payload = str_copy(login->call.arena, handshake.payload);
    /* What is no BasicAuth is no credential: right for a server without users, and else refused by auth. */
    flight_basic_auth_decode(payload, &login->request.payload, &login->request.payload_password);
    flight_login_check(login);
    return true;
}

static void flight_login_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_login *login = rpc_call_owner(rpc);
    struct err err;
    if (login->call.finished)
        return;
    login->call.edge.bytes_in += message.len;
    if (!flight_login_read(login, message, &err))
        flight_call_finish(&login->call, &err);
    else
        flight_login_go_on(login);
}

static void flight_login_on_half_close(struct rpc_call *rpc)
{
    struct flight_login *login = rpc_call_owner(rpc);
    if (login->call.finished)
        return;
    login->half_closed = true;
    if (login->known)
        flight_login_go_on(login);
    else if (!login->waiting)
        flight_login_check(login);
}

static void flight_login_release(struct flight_call *call)
{
    struct flight_login *login = (struct flight_login *)(void *)call;
    if (login->waiting)
        auth_cancel(&login->wait);
}

void flight_login_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_login_on_message,
                                             .on_half_close = flight_login_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_login *login = flight_call_new(flight, rpc, &flight_login_method, sizeof(*login), &events);
    login->call.release = flight_login_release;
    login->request = flight_guest_request(rpc);
    login->wait.done = flight_login_on_answer;
    login->wait.owner = login;
    if (flight_guest_has_credentials(&login->request))
        flight_login_check(login);
}
