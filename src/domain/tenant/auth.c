/* Who asks. A password that has to be hashed, and a refusal that has to be written down first, are a struct auth_work;
 * requests that show the same password meanwhile wait for the same work. */
#include "domain/tenant/auth.h"

#include <assert.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/tenant/audit_priv.h"
#include "domain/tenant/auth_priv.h"
#include "domain/tenant/password.h"
#include "domain/tenant/token.h"
#include "platform/store/store.h"

/* A verified password is known for so long, so that a client may send it with each call. */
#define AUTH_KNOWN_US (300 * CLOCK_SECOND)
#define AUTH_KNOWN_MAX 4096
/* How far the clocks of a login's issue and its use may be apart after the clock was set back. */
#define AUTH_SKEW_US (300 * CLOCK_SECOND)
#define AUTH_DIGEST_SIZE 32

struct auth {
    struct auth_options options;
    struct auth_jwt *jwt;
    unsigned char owner[AUTH_DIGEST_SIZE];  /* digest of options.owner_token, when there is one */
    unsigned char login_key[AUTH_KEY_SIZE]; /* signs logins; survives restarts */
    unsigned char known_key[AUTH_KEY_SIZE]; /* of this process */
    struct recent known;                    /* struct auth_known by digest of user and password */
    struct auth_backoff backoff;
    struct list works; /* passwords that are being verified */
    struct map passes; /* auth_pass.c's */
};

struct auth_known {
    int64_t epoch; /* of the user */
    int64_t until_us;
};

struct auth_work {
    struct list node; /* in auth.works while it verifies; else loose */
    struct auth *auth;
    struct arena *arena; /* owns this */
    struct list waits;   /* struct auth_wait; may become empty */
    unsigned char digest[AUTH_DIGEST_SIZE];
    struct str user, remote;
    int64_t epoch; /* of the user when it began; 0: no such user */
    struct password_job *job;
    struct err error; /* a refusal on its way into the audit trail */
};

/* --- Life cycle --- */

static void auth_on_secret(void *owner, const struct store_value *columns, size_t count)
{
    assert(count == 1);
    struct str text = columns[0].text;
    size_t size = 0;
    unsigned char *secret = owner;
    if (sodium_hex2bin(secret, AUTH_KEY_SIZE, text.ptr, text.len, NULL, &size, NULL) != 0 || size != AUTH_KEY_SIZE)
        sodium_memzero(secret, AUTH_KEY_SIZE);
}

/* The secret of this installation, made at its first start. */
static bool auth_load_secret(struct auth *auth, unsigned char secret_out[AUTH_KEY_SIZE], struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct store_db *db = store_db(auth->options.store);
    const struct store_value fresh = STORE_STRING(random_hex(arena, AUTH_KEY_SIZE));
    sodium_memzero(secret_out, AUTH_KEY_SIZE);
    if (!store_run(db, "INSERT OR IGNORE INTO meta(key, value) VALUES ('auth.secret', ?)", &fresh, 1, NULL, NULL,
                   err) ||
        !store_run(db, "SELECT value FROM meta WHERE key = 'auth.secret'", NULL, 0, auth_on_secret, secret_out, err))
        return false;
    if (sodium_is_zero(secret_out, AUTH_KEY_SIZE))
        return err_set(err, ERR_DATA_LOSS, "the secret that signs logins is damaged");
    return true;
}

/* Digests, so that a comparison takes the same time whatever is given. */
static void auth_owner_digest(struct str token, unsigned char digest[AUTH_DIGEST_SIZE])
{
    crypto_generichash(digest, AUTH_DIGEST_SIZE, (const unsigned char *)token.ptr, token.len, NULL, 0);
}

static bool auth_is_owner(const struct auth *auth, struct str token)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    auth_owner_digest(token, digest);
    return auth->options.owner_token.len > 0 && sodium_memcmp(digest, auth->owner, sizeof(digest)) == 0;
}

static void auth_administrator(enum principal_proof proof, struct principal *who_out)
{
    *who_out =
        (struct principal){.user = S("administrator"), .admin = true, .metrics = true, .audit = true, .proof = proof};
}

struct auth *auth_new(const struct auth_options *options, struct err *err)
{
    if (sodium_init() < 0)
        mem_panic("libsodium cannot start");
    struct auth *auth = mem_new(struct auth);
    auth->options = *options;
    recent_init(&auth->known, AUTH_KNOWN_MAX, sizeof(struct auth_known));
    auth_backoff_init(&auth->backoff, options->addresses_shared);
    list_init(&auth->works);
    random_bytes(auth->known_key, sizeof(auth->known_key));
    auth_owner_digest(options->owner_token, auth->owner);
    unsigned char secret[AUTH_KEY_SIZE];
    bool ok = auth_load_secret(auth, secret, err);
    /* A key for one purpose each: others may come. */
    static const unsigned char purpose[] = "login";
    crypto_generichash(auth->login_key, AUTH_KEY_SIZE, purpose, sizeof(purpose) - 1, secret, sizeof(secret));
    sodium_memzero(secret, sizeof(secret));
    if (!ok)
        auth_free(&auth);
    return auth;
}

static void auth_work_free(struct auth_work *work)
{
    struct arena *arena = work->arena;
    list_remove(&work->node);
    list_each(&work->waits, node)
    {
        list_object(node, struct auth_wait, node)->work = NULL;
        list_remove(node);
    }
    arena_free(&arena);
}

void auth_free(struct auth **auth_ptr)
{
    struct auth *auth = *auth_ptr;
    *auth_ptr = NULL;
    if (!auth)
        return;
    list_each(&auth->works, node)
    {
        struct auth_work *work = list_object(node, struct auth_work, node);
        password_cancel(work->job);
        auth_work_free(work);
    }
    recent_done(&auth->known);
    auth_backoff_done(&auth->backoff);
    auth_passes_done(&auth->passes);
    sodium_memzero(auth, sizeof(*auth));
    mem_free(auth);
}

void auth_set_jwt(struct auth *auth, struct auth_jwt *jwt)
{
    auth->jwt = jwt;
}

struct map *auth_passes(struct auth *auth)
{
    return &auth->passes;
}

bool auth_is_required(const struct auth *auth)
{
    return user_count(auth->options.users) > 0;
}

/* --- Works --- */

static struct auth_work *auth_work_new(struct auth *auth, struct str user, struct str remote)
{
    struct arena *arena = arena_new();
    struct auth_work *work = arena_new_object(arena, struct auth_work);
    work->auth = auth;
    work->arena = arena;
    work->user = str_copy(arena, user);
    work->remote = str_copy(arena, remote);
    list_init(&work->node);
    list_init(&work->waits);
    return work;
}

static enum auth_outcome auth_work_join(struct auth_work *work, struct auth_wait *wait, struct arena *arena)
{
    wait->arena = arena;
    wait->work = work;
    list_append(&work->waits, &wait->node);
    return AUTH_LATER;
}

void auth_cancel(struct auth_wait *wait)
{
    if (!wait->work)
        return;
    wait->work = NULL;
    list_remove(&wait->node);
}

/* Tells all that wait. user NULL: refused with work->error. The work is gone afterwards. */
static void auth_work_end(struct auth_work *work, const struct user *user)
{
    struct list *node;
    while ((node = list_first(&work->waits))) {
        struct auth_wait *wait = list_object(node, struct auth_wait, node);
        list_remove(node);
        wait->work = NULL;
        struct principal *who = NULL;
        if (user) {
            who = arena_new_object(wait->arena, struct principal);
            user_principal(user, wait->arena, who);
            who->proof = PRINCIPAL_PASSWORD;
        }
        wait->done(wait, who, user ? NULL : &work->error);
    }
    auth_work_free(work);
}

/* --- Refusals --- */

/* What the audit trail keeps of a claimed name: people type passwords into the wrong field. */
static struct str auth_claim(struct str user)
{
    struct err ignored;
    return user_name_check(user, &ignored) ? user : S("?");
}

static struct audit_event auth_event(struct str user, struct str remote, enum err_code result)
{
    return (struct audit_event){
        .user = user.len ? auth_claim(user) : user, .address = remote, .action = AUDIT_LOGIN, .result = result};
}

static void auth_on_refusal_written(void *owner, const struct err *error)
{
    (void)error; /* a store that cannot write does not let anyone in */
    auth_work_end(owner, NULL);
}

/* Refuses one request with *err: at once if this was written down already within the minute, else when it is. */
static enum auth_outcome auth_refuse(struct auth *auth, struct str user, const struct auth_request *request,
                                     struct arena *arena, struct auth_wait *wait, const struct err *err)
{
    const struct audit_event event = auth_event(user, request->remote, err->code);
    if (audit_is_repeated(auth->options.audit, &event))
        return AUTH_ERROR;
    struct auth_work *work = auth_work_new(auth, user, request->remote);
    work->error = *err;
    enum auth_outcome outcome = auth_work_join(work, wait, arena);
    audit_write_row(auth->options.audit, &event, auth_on_refusal_written, work);
    return outcome;
}

/* --- Passwords --- */

static void auth_digest(const struct auth *auth, const struct auth_credentials *shown,
                        unsigned char digest_out[AUTH_DIGEST_SIZE])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, auth->known_key, sizeof(auth->known_key), AUTH_DIGEST_SIZE);
    uint64_t len = shown->user.len; /* so that "a:b" + "c" is not "a" + "b:c" */
    crypto_generichash_update(&state, (const unsigned char *)&len, sizeof(len));
    crypto_generichash_update(&state, (const unsigned char *)shown->user.ptr, shown->user.len);
    crypto_generichash_update(&state, (const unsigned char *)shown->password.ptr, shown->password.len);
    crypto_generichash_final(&state, digest_out, AUTH_DIGEST_SIZE);
}

static bool auth_wrong_password(struct err *err)
{
    err_set(err, ERR_UNAUTHENTICATED, "user or password is wrong");
    return err_hint(err, "an administrator can set another password: eider user passwd NAME");
}

static void auth_on_verified(void *owner, bool ok, struct str hash)
{
    (void)hash;
    struct auth_work *work = owner;
    struct auth *auth = work->auth;
    list_remove(&work->node);
    const struct user *user = user_find(auth->options.users, work->user);
    /* The user may have changed meanwhile. */
    if (ok && user && !user->disabled && user->epoch == work->epoch) {
        struct auth_known *known = recent_need(&auth->known, str_bytes(work->digest, AUTH_DIGEST_SIZE));
        *known = (struct auth_known){.epoch = user->epoch, .until_us = clock_now_us() + AUTH_KNOWN_US};
        auth_backoff_succeeded(&auth->backoff, work->user, work->remote);
        const struct audit_event event = auth_event(work->user, work->remote, ERR_OK);
        audit_note(auth->options.audit, &event);
        auth_work_end(work, user);
        return;
    }
    auth_backoff_failed(&auth->backoff, work->remote);
    auth_wrong_password(&work->error);
    const struct audit_event event = auth_event(work->user, work->remote, ERR_UNAUTHENTICATED);
    if (audit_is_repeated(auth->options.audit, &event))
        auth_work_end(work, NULL);
    else
        audit_write_row(auth->options.audit, &event, auth_on_refusal_written, work);
}

/* The work that verifies the same password of the same user. */
static struct auth_work *auth_find_work(struct auth *auth, const unsigned char digest[AUTH_DIGEST_SIZE])
{
    list_each(&auth->works, node)
    {
        struct auth_work *work = list_object(node, struct auth_work, node);
        if (sodium_memcmp(work->digest, digest, AUTH_DIGEST_SIZE) == 0)
            return work;
    }
    return NULL;
}

static enum auth_outcome auth_check_password(struct auth *auth, const struct auth_credentials *shown,
                                             const struct auth_request *request, struct arena *arena,
                                             struct auth_wait *wait, struct principal *who_out, struct err *err)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    auth_digest(auth, shown, digest);
    struct auth_work *same = auth_find_work(auth, digest);
    if (same)
        return auth_work_join(same, wait, arena);
    if (!auth_backoff_check(&auth->backoff, auth_claim(shown->user), request->remote, err))
        return auth_refuse(auth, shown->user, request, arena, wait, err);
    const struct user *user = user_find(auth->options.users, shown->user);
    bool usable = user && !user->disabled && shown->password.len <= PASSWORD_BYTES_MAX;
    const struct auth_known *known = recent_get(&auth->known, str_bytes(digest, sizeof(digest)));
    if (usable && known && known->epoch == user->epoch && known->until_us > clock_now_us()) {
        user_principal(user, arena, who_out);
        who_out->proof = PRINCIPAL_PASSWORD;
        return AUTH_DONE;
    }
    struct auth_work *work = auth_work_new(auth, shown->user, request->remote);
    memcpy(work->digest, digest, sizeof(digest));
    work->epoch = usable ? user->epoch : 0;
    struct str password = str_slice(shown->password, 0, PASSWORD_BYTES_MAX);
    work->job =
        password_verify(auth->options.pool, usable ? user->password : S(""), password, auth_on_verified, work, err);
    if (!work->job) {
        auth_work_free(work);
        return AUTH_ERROR;
    }
    auth_backoff_begin(&auth->backoff, auth_claim(shown->user), request->remote);
    list_append(&auth->works, &work->node);
    return auth_work_join(work, wait, arena);
}

/* --- Bearers --- */

/* What names the login, and so its session. */
static struct str auth_login_name(struct arena *arena, const struct auth_login *login)
{
    char hex[2 * AUTH_LOGIN_ID_SIZE + 1];
    return str_copy(arena, str_from(sodium_bin2hex(hex, sizeof(hex), login->id, sizeof(login->id))));
}

static bool auth_check_login(struct auth *auth, struct str text, struct arena *arena, struct principal *who_out,
                             struct err *err)
{
    struct auth_login login;
    bool ours = auth_bearer_open(arena, auth->login_key, text, &login);
    const struct user *user = ours ? user_find(auth->options.users, login.user) : NULL;
    int64_t age_us = ours ? clock_wall_us() - login.issued_us : 0;
    if (!user || user->disabled || user->epoch != login.epoch || age_us < -AUTH_SKEW_US) {
        err_set(err, ERR_UNAUTHENTICATED, "the login is not valid");
        return err_hint(err, "log in again");
    }
    if (age_us >= limits_get(LIMIT_LOGIN_LIFE) * CLOCK_SECOND) {
        err_set(err, ERR_UNAUTHENTICATED, "the login has expired: limit %s reached", limits_name(LIMIT_LOGIN_LIFE));
        return err_hint(err, "log in again");
    }
    user_principal(user, arena, who_out);
    who_out->proof = PRINCIPAL_LOGIN;
    who_out->login = auth_login_name(arena, &login);
    return true;
}

static bool auth_check_bearer(struct auth *auth, struct str text, struct arena *arena, struct principal *who_out,
                              struct err *err)
{
    if (auth_is_owner(auth, text)) {
        auth_administrator(PRINCIPAL_TOKEN, who_out);
        return true;
    }
    if (str_starts_with(text, S(AUTH_PASS_PREFIX)))
        return auth_pass_check(auth, text, arena, who_out, err);
    if (str_starts_with(text, S(AUTH_LOGIN_PREFIX)))
        return auth_check_login(auth, text, arena, who_out, err);
    if (str_starts_with(text, S("eider_")) || !auth->jwt || text.len > (uint64_t)limits_get(LIMIT_JWT)) {
        const struct token *token = token_check(auth->options.users, text, err);
        if (token)
            token_principal(token, arena, who_out);
        return token != NULL;
    }
    return auth->jwt->check(auth->jwt, text, arena, who_out, err);
}

/* --- The door --- */

/* No users exist. What the request shows is not looked at, except for a login, which names a session, and the pass of a
 * program that the server started. */
static enum auth_outcome auth_check_open(struct auth *auth, const struct auth_request *request, struct arena *arena,
                                         struct principal *who_out, struct err *err)
{
    struct auth_credentials shown;
    struct err ignored;
    bool is_bearer = auth_header_parse(arena, request->authorization, &shown, &ignored) && shown.scheme == AUTH_BEARER;
    if (is_bearer && str_starts_with(shown.token, S(AUTH_PASS_PREFIX)))
        return auth_pass_check(auth, shown.token, arena, who_out, err) ? AUTH_DONE : AUTH_ERROR;
    if (!request->loopback && !auth->options.open_to_all) {
        err_set(err, ERR_UNAUTHENTICATED, "this server has no users yet and serves its own machine only");
        err_hint(err, "there: eider user add NAME --admin");
        return AUTH_ERROR;
    }
    auth_administrator(PRINCIPAL_OPEN, who_out);
    struct auth_login login;
    if (is_bearer && auth_bearer_open(arena, auth->login_key, shown.token, &login) && login.epoch == 0)
        who_out->login = auth_login_name(arena, &login);
    return AUTH_DONE;
}

static enum auth_outcome auth_check_certificate(struct auth *auth, const struct auth_request *request,
                                                struct arena *arena, struct auth_wait *wait, struct principal *who_out,
                                                struct err *err)
{
    const struct user *user = user_find(auth->options.users, request->certificate);
    if (user && !user->disabled) {
        user_principal(user, arena, who_out);
        who_out->proof = PRINCIPAL_CERTIFICATE;
        return AUTH_DONE;
    }
    err_set(err, ERR_UNAUTHENTICATED, "the certificate's subject '%.*s' is no user",
            STR_ARG(str_slice(request->certificate, 0, 64)));
    err_hint(err, "its common name has to be a user's name");
    return auth_refuse(auth, request->certificate, request, arena, wait, err);
}

enum auth_outcome auth_check(struct auth *auth, const struct auth_request *request, struct arena *arena,
                             struct auth_wait *wait, struct principal *who_out, struct err *err)
{
    wait->work = NULL;
    if (!auth_is_required(auth))
        return auth_check_open(auth, request, arena, who_out, err);
    struct auth_credentials shown;
    if (!auth_header_parse(arena, request->authorization, &shown, err))
        return auth_refuse(auth, S(""), request, arena, wait, err);
    if (shown.scheme == AUTH_NO_SCHEME && request->payload.len)
        shown = (struct auth_credentials){
            .scheme = AUTH_BASIC, .user = request->payload, .password = request->payload_password};
    switch (shown.scheme) {
    case AUTH_BASIC:
        return auth_check_password(auth, &shown, request, arena, wait, who_out, err);
    case AUTH_BEARER:
        if (auth_check_bearer(auth, shown.token, arena, who_out, err))
            return AUTH_DONE;
        return auth_refuse(auth, S(""), request, arena, wait, err);
    case AUTH_NO_SCHEME:
        break;
    }
    if (request->certificate.len)
        return auth_check_certificate(auth, request, arena, wait, who_out, err);
    err_set(err, ERR_UNAUTHENTICATED, "this server wants to know who asks");
    err_hint(err, "send user and password, or a token: eider login, EIDER_TOKEN");
    return auth_refuse(auth, S(""), request, arena, wait, err);
}

struct str auth_login_bearer(struct auth *auth, const struct principal *who, struct arena *arena)
{
    struct auth_login login = {.user = who->user, .issued_us = clock_wall_us()};
    const struct user *user = user_find(auth->options.users, who->user);
    if (who->proof != PRINCIPAL_OPEN && (who->proof != PRINCIPAL_PASSWORD || !user))
        return S("");
    if (who->proof == PRINCIPAL_PASSWORD)
        login.epoch = user->epoch;
    random_bytes(login.id, sizeof(login.id));
    return auth_bearer_sign(arena, auth->login_key, &login);
}
