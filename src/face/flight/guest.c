/* The guest is made at the first on_start and found again, as the owner of the held call, at the second. */
#include "face/flight/guest.h"

struct auth_request flight_guest_request(struct rpc_call *rpc)
{
    const struct net_peer *peer = rpc_call_peer(rpc);
    struct auth_request request = {.authorization = rpc_call_metadata(rpc, S("authorization")),
                                   .certificate = peer->subject,
                                   .remote = peer->address,
                                   .loopback = peer->loopback};
    /* Clients that logged in by messages send what they were given there. */
    struct str token = rpc_call_metadata(rpc, S("auth-token-bin"));
    if (request.authorization.len == 0 && token.len > 0)
        request.authorization = str_format(rpc_call_arena(rpc), "Bearer %.*s", STR_ARG(token));
    return request;
}

bool flight_guest_has_credentials(const struct auth_request *request)
{
    return request->authorization.len > 0 || request->certificate.len > 0;
}

void flight_guest_give_bearer(struct rpc_call *rpc, struct str bearer)
{
    struct str value = str_format(rpc_call_arena(rpc), "Bearer %.*s", STR_ARG(bearer));
    rpc_call_add_header(rpc, S("authorization"), value);
    rpc_call_add_trailer(rpc, S("authorization"), value);
}

static void flight_guest_on_answer(struct auth_wait *wait, const struct principal *who, const struct err *error)
{
    struct flight_guest *guest = wait->owner;
    guest->waiting = false;
    if (error)
        guest->error = *error;
    else
        guest->who = *who;
    rpc_call_release(guest->rpc);
}

static void flight_guest_on_closed(struct rpc_call *rpc, bool finished)
{
    (void)finished;
    struct flight_guest *guest = rpc_call_owner(rpc);
    if (guest->waiting)
        auth_cancel(&guest->wait);
}

static enum flight_guest_state flight_guest_check(struct auth *auth, struct flight_guest *guest)
{
    static const struct rpc_events events = {.on_closed = flight_guest_on_closed};
    const struct auth_request request = flight_guest_request(guest->rpc);
    switch (auth_check(auth, &request, rpc_call_arena(guest->rpc), &guest->wait, &guest->who, &guest->error)) {
    case AUTH_DONE:
        return FLIGHT_GUEST_KNOWN;
    case AUTH_ERROR:
        return FLIGHT_GUEST_REFUSED;
    case AUTH_LATER:
        break;
    }
    guest->waiting = true;
    rpc_call_hold(guest->rpc, &events, guest);
    return FLIGHT_GUEST_HELD;
}

static enum flight_guest_state flight_guest_first(struct auth *auth, struct rpc_call *rpc,
                                                  struct flight_guest **guest_out)
{
    struct flight_guest *guest = arena_new_object(rpc_call_arena(rpc), struct flight_guest);
    *guest_out = guest;
    guest->rpc = rpc;
    guest->wait.done = flight_guest_on_answer;
    guest->wait.owner = guest;
    return flight_guest_check(auth, guest);
}

enum flight_guest_state flight_guest_arrive(struct auth *auth, struct rpc_call *rpc, struct flight_guest **guest_out)
{
    struct flight_guest *guest = rpc_call_owner(rpc);
    enum flight_guest_state state = FLIGHT_GUEST_KNOWN;
    if (!guest)
        state = flight_guest_first(auth, rpc, &guest);
    else if (guest->error.code != ERR_OK)
        state = FLIGHT_GUEST_REFUSED;
    if (state == FLIGHT_GUEST_KNOWN)
        guest->by_password = guest->who.proof == PRINCIPAL_PASSWORD;
    if (state == FLIGHT_GUEST_REFUSED && guest->error.hint[0] == '\0' && guest->error.code == ERR_UNAUTHENTICATED)
        err_hint(&guest->error, "send the header authorization: Basic ... or Bearer ..., or log in by Handshake");
    *guest_out = guest;
    return state;
}
