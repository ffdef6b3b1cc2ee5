/* Who a call comes from. Every method but Handshake begins here: nothing of a call is looked at before its principal is
 * known, and while a password is being hashed the call is held. Loop thread only. */
#pragma once
#include "domain/tenant/auth.h"
#include "platform/rpc/rpc.h"

/* Lives in the rpc call's arena. */
struct flight_guest {
    struct auth_wait wait;
    struct rpc_call *rpc;
    bool waiting;         /* auth has not answered yet */
    bool by_password;     /* the answer carries a bearer that replaces the password */
    struct err error;     /* why they may not come in; ERR_OK: they may */
    struct principal who; /* texts live as long as the rpc call */
};

enum flight_guest_state {
    FLIGHT_GUEST_KNOWN,   /* *guest_out has who */
    FLIGHT_GUEST_REFUSED, /* *guest_out has error */
    FLIGHT_GUEST_HELD,    /* the method's on_start comes again, and then the answer is one of the others */
};

/* From on_start of a method. */
enum flight_guest_state flight_guest_arrive(struct auth *auth, struct rpc_call *rpc, struct flight_guest **guest_out);

/* What the call's headers, its connection and its certificate say. In the call's arena. */
struct auth_request flight_guest_request(struct rpc_call *rpc);
/* One of them is there. */
bool flight_guest_has_credentials(const struct auth_request *request);
/* The header "authorization: Bearer ..." of an answer, in both places where clients look for it. bearer: without
 * "Bearer ". */
void flight_guest_give_bearer(struct rpc_call *rpc, struct str bearer);
