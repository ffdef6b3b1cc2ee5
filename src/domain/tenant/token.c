#include "domain/tenant/token.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/tenant/tenant.h"
#include "domain/tenant/user_priv.h"

#define TOKEN_NAME_MAX 63
#define TOKEN_ID_LEN (2 * TOKEN_ID_SIZE)
#define TOKEN_SECRET_LEN (2 * TOKEN_SECRET_SIZE)
/* How old the noted use of a token may become before it is noted again, and how soon that is written. */
#define TOKEN_USED_US (60 * CLOCK_SECOND)
#define TOKEN_BEHIND_US CLOCK_SECOND

/* 256 random bits need no salt and no slow hash. */
static void token_hash(struct str secret, unsigned char hash_out[TOKEN_HASH_SIZE])
{
    crypto_generichash(hash_out, TOKEN_HASH_SIZE, (const unsigned char *)secret.ptr, secret.len, NULL, 0);
}

/* --- Making and revoking --- */

static bool token_create_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    const struct token_spec *spec = &change->token;
    const struct store_value name[] = {STORE_STRING(change->name), STORE_STRING(spec->name)};
    int64_t count, known;
    if (!user_row_need(db, change->name, err) ||
        !user_number(db, "SELECT count(*) FROM tokens WHERE user = ?", name, 1, &count, err) ||
        !user_number(db, "SELECT count(*) FROM tokens WHERE user = ? AND name = ?", name, 2, &known, err))
        return false;
    if (known)
        return err_set(err, ERR_EXISTS, "%.*s has a token '%.*s' already", STR_ARG(change->name), STR_ARG(spec->name));
    if (count >= limits_get(LIMIT_TOKENS))
        return limits_err(LIMIT_TOKENS, err);
    const struct store_value values[] = {
        STORE_STRING(change->token_id), STORE_STRING(change->name),    STORE_STRING(spec->name),
        STORE_STRING(change->hash),     STORE_STRING(spec->tenant),    STORE_NUMBER(spec->role),
        STORE_NUMBER(spec->admin),      STORE_NUMBER(spec->metrics),   STORE_NUMBER(spec->audit),
        STORE_NUMBER(change->at_us),    STORE_NUMBER(spec->expires_us)};
    return store_run(db,
                     "INSERT INTO tokens(id, user, name, hash, tenant, role, admin, metrics, audit, created_us, "
                     "expires_us, used_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                     values, 11, NULL, NULL, err);
}

/* By themselves, with more than a token in hand: a token must not make one that lives longer or may do more. */
static bool token_need_owner(const struct principal *who, struct str user, struct err *err)
{
    if (who->admin || principal_is_user(who, user))
        return true;
    err_set(err, ERR_DENIED, "the tokens of %.*s are made and revoked by themselves or by an administrator",
            STR_ARG(str_slice(user, 0, 63)));
    return err_hint(err, "log in as the user by password; a token cannot do it");
}

static bool token_create_check(struct user_list *list, const struct principal *who, const struct token_spec *spec,
                               struct err *err)
{
    if (!user_name_check(spec->user, err) || !token_need_owner(who, spec->user, err))
        return false;
    const struct user *user = user_find(list, spec->user);
    if (!user)
        return err_set(err, ERR_NOT_FOUND, "user '%.*s' does not exist", STR_ARG(spec->user));
    if (spec->name.len == 0 || spec->name.len > TOKEN_NAME_MAX || !str_is_utf8(spec->name.ptr, spec->name.len))
        return err_set(err, ERR_INVALID, "a token's name has 1 to %d bytes of UTF-8", TOKEN_NAME_MAX);
    if (spec->expires_us && spec->expires_us <= clock_wall_us())
        return err_set(err, ERR_INVALID, "the token would have expired already");
    if ((spec->admin && !user->admin) || (spec->metrics && !user->metrics && !user->admin) ||
        (spec->audit && !user->audit && !user->admin))
        return err_set(err, ERR_DENIED, "a token cannot have a server role that %.*s has not", STR_ARG(spec->user));
    if (spec->tenant.len == 0)
        return true;
    if (spec->admin)
        return err_set(err, ERR_INVALID, "a token for one tenant cannot be an administrator's");
    AUTO(arena) struct arena *arena = arena_new();
    struct principal self;
    user_principal(user, arena, &self);
    return principal_need(&self, spec->tenant, ROLE_READER, err) &&
           tenant_find(list->options.tenants, spec->tenant, err);
}

void token_create(struct user_list *list, const struct audit_actor *by, const struct token_spec *spec, token_done *done,
                  void *owner)
{
    struct user_change *change = user_change_new(list, by, AUDIT_TOKEN_CREATE, spec->user, NULL, owner);
    struct arena *arena = change->arena;
    change->token_done = done;
    change->apply = token_create_apply;
    change->token = *spec;
    change->token.name = str_copy(arena, spec->name);
    change->token.tenant = str_copy(arena, spec->tenant);
    struct audit_event event = change->event;
    event.object = str_format(arena, "%.*s/%.*s", STR_ARG(spec->user), STR_ARG(spec->name));
    event.tenant = spec->tenant;
    change->event = audit_copy(arena, &event);
    if (token_create_check(list, by->who, spec, &change->refused)) {
        struct str secret = random_hex(arena, TOKEN_SECRET_SIZE);
        unsigned char hash[TOKEN_HASH_SIZE];
        token_hash(secret, hash);
        char *hex = arena_alloc(arena, 2 * sizeof(hash) + 1);
        change->hash = str_from(sodium_bin2hex(hex, 2 * sizeof(hash) + 1, hash, sizeof(hash)));
        change->token_id = random_hex(arena, TOKEN_ID_SIZE);
        change->token_text = str_format(arena, TOKEN_PREFIX "%.*s_%.*s", STR_ARG(change->token_id), STR_ARG(secret));
    }
    user_change_submit(change);
}

static bool token_revoke_apply(struct user_change *change, struct store_db *db, struct err *err)
{
    return store_run(db, "DELETE FROM tokens WHERE id = ?", &STORE_STRING(change->token_id), 1, NULL, NULL, err);
}

/* By id, or by name among those of who. */
static const struct token *token_look_up(struct user_list *list, const struct principal *who, struct str id_or_name)
{
    const struct token *token = map_get(&list->tokens, id_or_name);
    const struct user *user = token ? NULL : user_find(list, who->user);
    for (size_t i = 0; user && principal_is_user(who, user->name) && i < user->tokens.count; i++)
        if (str_equal(user->tokens.items[i].name, id_or_name))
            token = &user->tokens.items[i];
    return token;
}

void token_revoke(struct user_list *list, const struct audit_actor *by, struct str id_or_name, user_done *done,
                  void *owner)
{
    const struct token *token = token_look_up(list, by->who, id_or_name);
    struct user_change *change =
        user_change_new(list, by, AUDIT_TOKEN_REVOKE, token ? token->user->name : by->who->user, done, owner);
    change->apply = token_revoke_apply;
    struct err denied;
    /* Who may not revoke it is not told that it exists. */
    if (!token || !token_need_owner(by->who, token->user->name, &denied)) {
        err_set(&change->refused, ERR_NOT_FOUND, "there is no token '%.*s'", STR_ARG(str_slice(id_or_name, 0, 80)));
    } else {
        change->token_id = str_copy(change->arena, token->id);
        struct audit_event event = change->event;
        event.object = str_format(change->arena, "%.*s/%.*s", STR_ARG(token->user->name), STR_ARG(token->name));
        event.tenant = token->tenant;
        change->event = audit_copy(change->arena, &event);
    }
    user_change_submit(change);
}

/* --- Using --- */

static void token_note_use(struct user_list *list, struct token *token, int64_t now_us)
{
    if (now_us - token->used_us < TOKEN_USED_US)
        return;
    token->used_us = now_us;
    token->use_unwritten = true;
    if (!list->used.index)
        loop_timer_set(list->options.loop, &list->used, TOKEN_BEHIND_US);
}

struct token *token_check(struct user_list *list, struct str text, struct err *err)
{
    struct str rest = str_from_index(text, sizeof(TOKEN_PREFIX) - 1);
    struct str id = str_slice(rest, 0, TOKEN_ID_LEN), secret = str_from_index(rest, TOKEN_ID_LEN + 1);
    struct token *token = map_get(&list->tokens, id);
    static const unsigned char nothing[TOKEN_HASH_SIZE];
    unsigned char hash[TOKEN_HASH_SIZE];
    token_hash(secret, hash);
    bool same = sodium_memcmp(hash, token ? token->hash : nothing, sizeof(hash)) == 0;
    bool formed = str_starts_with(text, S(TOKEN_PREFIX)) && rest.len == TOKEN_ID_LEN + 1 + TOKEN_SECRET_LEN &&
                  rest.ptr[TOKEN_ID_LEN] == '_';
    if (!token || !same || !formed || token->user->disabled) {
        err_set(err, ERR_UNAUTHENTICATED, "the token is not valid");
        err_hint(err, "it may have been revoked; `eider token list` shows those that are there");
        return NULL;
    }
    int64_t now_us = clock_wall_us();
    if (token->expires_us && token->expires_us <= now_us) {
        err_set(err, ERR_UNAUTHENTICATED, "the token '%.*s' has expired", STR_ARG(token->name));
        err_hint(err, "make another one: eider token create");
        return NULL;
    }
    token_note_use(list, token, now_us);
    return token;
}

static enum role token_cut(const struct token *token, enum role role)
{
    return role < token->role ? role : token->role;
}

void token_principal(const struct token *token, struct arena *arena, struct principal *who_out)
{
    const struct user *user = token->user;
    struct grant *grants = arena_array(arena, user->grants.count + 1, sizeof(*grants));
    size_t count = 0;
    bool owns = user->admin && token->tenant.len; /* an administrator has no grants and needs none */
    if (owns && token->role != ROLE_NONE)
        grants[count++] = (struct grant){.tenant = str_copy(arena, token->tenant), .role = token->role};
    for (size_t i = 0; !owns && i < user->grants.count; i++) {
        const struct grant *grant = &user->grants.items[i];
        if (token->role == ROLE_NONE || (token->tenant.len && !str_equal(token->tenant, grant->tenant)))
            continue;
        grants[count++] =
            (struct grant){.tenant = str_copy(arena, grant->tenant), .role = token_cut(token, grant->role)};
    }
    *who_out = (struct principal){
        .user = str_copy(arena, user->name),
        .admin = token->admin && user->admin,
        .metrics = token->metrics && (user->metrics || user->admin),
        .audit = token->audit && (user->audit || user->admin),
        .proof = PRINCIPAL_TOKEN,
        .grants = grants,
        .grant_count = count,
        .everywhere = user->admin && token->tenant.len == 0 ? token->role : ROLE_NONE,
        .token = str_copy(arena, token->name),
        .tenant = str_copy(arena, token->tenant),
    };
}

/* --- Written behind: when they were used --- */

struct token_use {
    struct str id;
    int64_t at_us;
};

struct token_uses {
    struct store_job job;
    struct arena *arena; /* owns this */
    VEC(struct token_use) items;
};

static bool token_uses_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct token_uses *uses = job->owner;
    for (size_t i = 0; i < uses->items.count; i++) {
        const struct store_value values[] = {STORE_NUMBER(uses->items.items[i].at_us),
                                             STORE_STRING(uses->items.items[i].id)};
        if (!store_run(db, "UPDATE tokens SET used_us = ? WHERE id = ?", values, 2, NULL, NULL, err))
            return false;
    }
    return true;
}

static void token_uses_done(struct store_job *job, const struct err *error)
{
    (void)error; /* the next use writes it again */
    struct token_uses *uses = job->owner;
    struct arena *arena = uses->arena;
    vec_done(&uses->items);
    arena_free(&arena);
}

void token_on_used(struct loop_timer *timer)
{
    struct user_list *list = timer->owner;
    struct arena *arena = arena_new();
    struct token_uses *uses = arena_new_object(arena, struct token_uses);
    uses->arena = arena;
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&list->tokens, &position))) {
        struct token *token = entry->value;
        struct token_use use = {.at_us = token->used_us};
        if (!token->use_unwritten)
            continue;
        token->use_unwritten = false;
        use.id = str_copy(arena, token->id);
        vec_push(&uses->items, use);
    }
    uses->job = (struct store_job){.apply = token_uses_apply, .done = token_uses_done, .owner = uses};
    store_submit(list->options.store, &uses->job);
}
