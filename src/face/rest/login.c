/* /api/v1/login gives a bearer for a password; /api/v1/whoami says what the server takes the asker for. */
#include "base/clock.h"
#include "base/limits.h"
#include "face/rest/rest_priv.h"

static void rest_login_answer(struct rest_exchange *exchange, const struct principal *who)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    char expires[28];
    clock_format(clock_wall_us() + limits_get(LIMIT_LOGIN_LIFE) * CLOCK_SECOND, expires);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "user", who->user);
    json_write_text(&writer, "token", auth_login_bearer(exchange->rest->auth, who, rest_arena(exchange)));
    json_write_text(&writer, "expires", str_from(expires));
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static void rest_login_on_known(struct edge_exchange *edge, const struct err *error)
{
    struct rest_exchange *exchange = list_object(edge, struct rest_exchange, edge);
    if (error)
        rest_fail(exchange, error);
    else
        rest_login_answer(exchange, edge->who);
}

void rest_login_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"user", "password", NULL};
    struct auth_request request = {0};
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    if (!body || !json_get_text(body, "user", &request.payload, &err) ||
        !json_get_text(body, "password", &request.payload_password, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    if (request.payload.len == 0 || request.payload_password.len == 0) {
        err_set(&err, ERR_INVALID, "body: user and password are needed");
        rest_fail(exchange, &err);
        return;
    }
    edge_identify(&exchange->edge, exchange->rest->auth, request, rest_login_on_known);
}

void rest_whoami_get(struct rest_exchange *exchange)
{
    const struct principal *who = exchange->edge.who;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "user", who->user);
    json_write_text(&writer, "proof", str_from(principal_proof_name(who->proof)));
    json_write_bool(&writer, "admin", who->admin);
    json_write_bool(&writer, "metrics", who->metrics);
    if (who->token.len > 0)
        json_write_text(&writer, "token", who->token);
    json_begin_array(&writer, "grants");
    for (size_t i = 0; i < who->grant_count; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "tenant", who->grants[i].tenant);
        json_write_text(&writer, "role", str_from(role_name(who->grants[i].role)));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}
