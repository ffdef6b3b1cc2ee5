/* /api/v1/tokens. A token's secret is in the answer that made it, and nowhere else. */
#include "base/clock.h"
#include "domain/tenant/token.h"
#include "face/rest/rest_priv.h"

/* A hundred years: any longer is "never". */
#define REST_TOKEN_LIFE_MAX_S 3153600000

/* secret empty: it is not shown. */
static void rest_token_encode(struct json_writer *writer, const struct token *token, struct str secret)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", token->id);
    json_write_text(writer, "name", token->name);
    json_write_text(writer, "user", token->user->name);
    if (token->tenant.len > 0)
        json_write_text(writer, "tenant", token->tenant);
    if (token->role != ROLE_NONE)
        json_write_text(writer, "role", str_from(role_name(token->role)));
    json_write_bool(writer, "admin", token->admin);
    json_write_time(writer, "created", token->created_us);
    json_write_time(writer, "expires", token->expires_us);
    json_write_time(writer, "last_used", token->used_us);
    if (secret.len > 0)
        json_write_text(writer, "token", secret);
    json_end_object(writer);
}

void rest_tokens_get(struct rest_exchange *exchange)
{
    const struct user_list *users = exchange->rest->users;
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "tokens");
    for (size_t i = 0; i < user_count(users); i++) {
        const struct user *user = user_at(users, i);
        bool shown = exchange->edge.who->admin || str_equal(user->name, exchange->edge.who->user);
        for (size_t j = 0; shown && j < user->tokens.count; j++)
            rest_token_encode(&writer, &user->tokens.items[j], S(""));
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static const struct token *rest_token_find(const struct user_list *users, struct str user_name, struct str id)
{
    const struct user *user = user_find(users, user_name);
    for (size_t i = 0; user && i < user->tokens.count; i++)
        if (str_equal(user->tokens.items[i].id, id))
            return &user->tokens.items[i];
    return NULL;
}

static void rest_token_created(void *owner, const struct err *error, struct str id, struct str text)
{
    struct rest_exchange *exchange = rest_wait_end(owner);
    struct err err;
    if (!exchange)
        return;
    if (error) {
        rest_fail_noted(exchange, error);
        return;
    }
    const struct token *token = rest_token_find(exchange->rest->users, exchange->parameters[0], id);
    if (!token) {
        err_set(&err, ERR_NOT_FOUND, "the token was revoked at once");
        rest_fail(exchange, &err);
        return;
    }
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    rest_token_encode(&writer, token, text);
    rest_answer_json(exchange, 201, &body);
}

static bool rest_token_expiry(const struct json *body, int64_t *expires_out, struct err *err)
{
    const struct json *life = json_get(body, "expires_s");
    int64_t seconds = json_i64(life);
    if (!life)
        return true;
    if (json_kind(life) != JSON_I64 || seconds < 1 || seconds > REST_TOKEN_LIFE_MAX_S)
        return err_set(err, ERR_INVALID, "body: expires_s has to be a number of seconds from 1 to %lld",
                       (long long)REST_TOKEN_LIFE_MAX_S);
    *expires_out = clock_wall_us() + seconds * CLOCK_SECOND;
    return true;
}

static bool rest_token_parse(struct rest_exchange *exchange, struct token_spec *spec, struct err *err)
{
    static const char *const keys[] = {"name", "user", "tenant", "role", "expires_s", "admin", NULL};
    struct str role;
    const struct json *body = rest_body(exchange, keys, err);
    if (!body || !json_get_text(body, "name", &spec->name, err) || !json_get_text(body, "user", &spec->user, err) ||
        !json_get_text(body, "tenant", &spec->tenant, err) || !json_get_text(body, "role", &role, err) ||
        !rest_get_bool(body, "admin", &spec->admin, err) || !rest_token_expiry(body, &spec->expires_us, err))
        return false;
    spec->role = ROLE_OWNER;
    if (spec->user.len == 0)
        spec->user = exchange->edge.who->user;
    return role.len == 0 || role_from_name(role, &spec->role, err);
}

void rest_tokens_post(struct rest_exchange *exchange)
{
    struct token_spec spec = {0};
    struct err err;
    if (!rest_token_parse(exchange, &spec, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    const struct audit_actor by = edge_actor(&exchange->edge);
    exchange->parameters[0] = spec.user;
    token_create(exchange->rest->users, &by, &spec, rest_token_created, edge_wait_new(&exchange->edge));
}

void rest_token_delete(struct rest_exchange *exchange)
{
    const struct audit_actor by = edge_actor(&exchange->edge);
    token_revoke(exchange->rest->users, &by, exchange->parameters[0], rest_on_changed, edge_wait_new(&exchange->edge));
}
