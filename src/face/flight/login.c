/* No users can be configured yet, so there is nothing to check credentials against: any are accepted, and mean the same
 * principal as none. Clients that log in first (ADBC, JDBC, pyarrow's authenticate_basic_token) want a bearer token
 * back and get a random one. Some look for it in the trailers, some in the initial headers, the oldest in a message. */
#include "face/flight/login.h"

#include "base/random.h"
#include "face/flight/call.h"
#include "face/flight/handshake.h"

static const struct edge_method flight_login_method = {.name = "Handshake"};

struct flight_login {
    struct flight_call call;
    struct str token;
};

static void flight_login_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_login *login = rpc_call_owner(rpc);
    struct flight_handshake handshake;
    struct err err;
    if (login->call.finished)
        return;
    login->call.edge.bytes_in += message.len;
    if (!flight_handshake_decode(message, &handshake, &err)) {
        flight_call_finish(&login->call, &err);
        return;
    }
    /* Credentials in a message want their token in a message; an empty request is a mere formality. */
    if (handshake.payload.len == 0 || login->call.has_message)
        return;
    login->call.has_message = true;
    AUTO(buf) struct buf answer = {0};
    flight_handshake_encode(&answer, &(struct flight_handshake){.version = handshake.version, .payload = login->token});
    flight_call_send(&login->call, &answer);
}

static void flight_login_on_half_close(struct rpc_call *rpc)
{
    struct flight_login *login = rpc_call_owner(rpc);
    flight_call_finish(&login->call, NULL);
}

void flight_login_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_login_on_message,
                                             .on_half_close = flight_login_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_login *login = flight_call_new(flight, rpc, &flight_login_method, sizeof(*login), &events);
    login->token = random_hex(login->call.arena, 16);
    struct str bearer = str_format(login->call.arena, "Bearer %.*s", STR_ARG(login->token));
    rpc_call_add_header(rpc, S("authorization"), bearer);
    rpc_call_add_trailer(rpc, S("authorization"), bearer);
}
