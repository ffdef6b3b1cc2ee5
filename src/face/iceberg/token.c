/* POST /v1/oauth/tokens (RFC 6749, 8693): a bearer for user and password, or for an API token that is shown as the
 * client's secret. Clients of Iceberg show theirs by Basic or in the form. */
#include "base/limits.h"
#include "face/iceberg/iceberg_priv.h"

#define ICEBERG_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

static void iceberg_token_fail(struct iceberg_exchange *exchange, int status, const char *code, const struct err *error)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    const struct http_field challenge = {S("www-authenticate"), S("Basic realm=\"eider\"")};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "error", str_from(code));
    json_write_text(&writer, "error_description", iceberg_error_text(exchange->edge.http->arena, error));
    json_end_object(&writer);
    edge_answer(&exchange->edge, error, status, S("application/json"), buf_str(&body), &challenge, status == 401);
}

static void iceberg_token_refuse(struct iceberg_exchange *exchange, const struct err *error)
{
    struct iceberg_error as = iceberg_error_of(error->code);
    if (as.status == 401)
        iceberg_token_fail(exchange, 401, "invalid_client", error);
    else
        iceberg_token_fail(exchange, as.status, as.status < 500 ? "invalid_request" : "temporarily_unavailable", error);
}

/* What a client shows: its name and secret, or one thing that is both. */
struct iceberg_shown {
    struct str id, secret;
};

static struct iceberg_shown iceberg_token_shown(const struct http_request *http)
{
    struct arena *arena = http->arena;
    struct iceberg_shown shown = {0};
    if (auth_basic_pair(arena, http_field(http, S("authorization")), &shown.id, &shown.secret))
        return shown;
    shown.id = http_form_value(arena, http->body, S("client_id"));
    shown.secret = http_form_value(arena, http->body, S("client_secret"));
    if (!shown.secret.len)
        shown = (struct iceberg_shown){.secret = http_form_value(arena, http->body, S("subject_token"))};
    if (!shown.secret.len)
        shown.secret = http_form_value(arena, http->body, S("refresh_token"));
    return shown;
}

/* Our own tokens begin so; without a name a secret can be nothing but a token. */
static bool iceberg_is_token(const struct iceberg_shown *shown)
{
    return !shown->id.len || str_starts_with(shown->secret, S("eider_"));
}

static void iceberg_token_known(struct edge_exchange *edge, const struct err *error)
{
    struct iceberg_exchange *exchange = list_object(edge, struct iceberg_exchange, edge);
    struct iceberg_shown shown = iceberg_token_shown(edge->http);
    struct err wrong;
    if (!error && edge->who->proof != PRINCIPAL_OPEN && shown.id.len && !str_equal(edge->who->user, shown.id)) {
        err_set(&wrong, ERR_UNAUTHENTICATED, "the token is not this user's");
        error = &wrong;
    }
    if (error) {
        iceberg_token_refuse(exchange, error);
        return;
    }
    struct str login = auth_login_bearer(exchange->iceberg->options.auth, edge->who, edge->http->arena);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "access_token", login.len ? login : shown.secret);
    json_write_text(&writer, "token_type", S("bearer"));
    json_write_text(&writer, "issued_token_type", S(ICEBERG_ACCESS_TOKEN));
    if (login.len)
        json_write_i64(&writer, "expires_in", limits_get(LIMIT_LOGIN_LIFE));
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_token_post(struct iceberg_exchange *exchange)
{
    const struct http_request *http = exchange->edge.http;
    struct str grant = http_form_value(http->arena, http->body, S("grant_type"));
    struct iceberg_shown shown = iceberg_token_shown(http);
    struct err err;
    if (!str_equal(grant, S("client_credentials")) && !str_equal(grant, S("refresh_token")) &&
        !str_equal(grant, S("urn:ietf:params:oauth:grant-type:token-exchange"))) {
        err_set(&err, ERR_INVALID, "grant_type has to be client_credentials, token-exchange or refresh_token");
        iceberg_token_fail(exchange, 400, grant.len ? "unsupported_grant_type" : "invalid_request", &err);
    } else if (!shown.secret.len) {
        err_set(&err, ERR_INVALID, "client_id and client_secret are needed");
        err_hint(&err, "user and password, or an API token as client_secret");
        iceberg_token_fail(exchange, 400, "invalid_request", &err);
    } else if (iceberg_is_token(&shown)) {
        struct auth_request request = {.authorization = str_format(http->arena, "Bearer %.*s", STR_ARG(shown.secret))};
        edge_identify(&exchange->edge, exchange->iceberg->options.auth, request, iceberg_token_known);
    } else {
        struct auth_request request = {.payload = shown.id, .payload_password = shown.secret};
        edge_identify(&exchange->edge, exchange->iceberg->options.auth, request, iceberg_token_known);
    }
}
