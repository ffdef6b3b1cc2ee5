#include "domain/tenant/oidc.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/tenant/auth_priv.h"
#include "platform/http/client.h"
#include "platform/jwt/jwt.h"
#include "platform/net/loop.h"

#define OIDC_FETCH_TIMEOUT_US (5 * CLOCK_SECOND)
#define OIDC_REFRESH_S 900
#define OIDC_RETRY_S 10
#define OIDC_KEYS_MAX ((size_t)1 << 20)
/* A user's name as the log and the lists show it. */
#define OIDC_USER_MAX 128
/* So that nobody at the issuer can be called like a user of this server: their names have no colon. */
#define OIDC_USER_PREFIX "oidc:"

struct oidc {
    struct auth_jwt jwt;
    struct loop *loop;
    struct arena *arena;
    struct oidc_options options;
    struct jwt_policy policy;
    struct jwt_keys *keys; /* NULL until the first came */
    int64_t asked_us;      /* when a token last made us ask for keys */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stop, wanted;
    struct jwt_keys *fetched; /* for the loop's thread to take */
};

/* --- Keys --- */

static bool oidc_is_address(struct str jwks)
{
    return str_starts_with(jwks, S("https://")) || str_starts_with(jwks, S("http://"));
}

static bool oidc_read_file(struct oidc *oidc, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    char *text = arena_alloc(arena, OIDC_KEYS_MAX);
    int fd = open(str_cstr(arena, oidc->options.jwks), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, OIDC_KEYS_MAX);
    if (len < 0)
        err_errno(err, "read %.*s", STR_ARG(oidc->options.jwks));
    if (fd >= 0)
        close(fd);
    oidc->keys = len < 0 ? NULL : jwt_keys_parse(str_bytes(text, (size_t)len), err);
    return oidc->keys || err_wrap(err, "oidc.jwks");
}

static void oidc_on_fetched(void *owner)
{
    struct oidc *oidc = owner;
    pthread_mutex_lock(&oidc->lock);
    struct jwt_keys *fetched = oidc->fetched;
    oidc->fetched = NULL;
    pthread_mutex_unlock(&oidc->lock);
    if (!fetched)
        return;
    jwt_keys_free(&oidc->keys);
    oidc->keys = fetched;
    log_info("oidc.keys", LOG_STR("issuer", oidc->options.issuer), LOG_I64("keys", jwt_keys_count(fetched)));
}

/* On the fetching thread. */
static struct jwt_keys *oidc_fetch(const struct oidc *oidc, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct http_client *client = http_client_open(err);
    const struct http_client_request request = {.method = S("GET"),
                                                .url = oidc->options.jwks,
                                                .accept = S("application/json"),
                                                .timeout_us = OIDC_FETCH_TIMEOUT_US,
                                                .outgoing = oidc->options.outgoing};
    struct http_client_answer answer;
    struct jwt_keys *keys = NULL;
    bool done = client && http_client_run(client, arena, &request, &answer, err);
    if (done && answer.status != 200)
        err_set(err, ERR_UNAVAILABLE, "the issuer's keys: HTTP status %d", answer.status);
    else if (done && answer.body.len > OIDC_KEYS_MAX)
        err_set(err, ERR_RESOURCE, "the issuer's keys are longer than %zu bytes", OIDC_KEYS_MAX);
    else if (done)
        keys = jwt_keys_parse(answer.body, err);
    http_client_close(&client);
    return keys;
}

/* Waits until keys are wanted or old. False: stop. */
static bool oidc_wait(struct oidc *oidc, int64_t seconds)
{
    int64_t until_us = clock_now_us() + seconds * CLOCK_SECOND;
    const struct timespec until = {.tv_sec = until_us / CLOCK_SECOND, .tv_nsec = until_us % CLOCK_SECOND * 1000};
    pthread_mutex_lock(&oidc->lock);
    while (!oidc->stop && !oidc->wanted && pthread_cond_timedwait(&oidc->wake, &oidc->lock, &until) == 0)
        continue;
    oidc->wanted = false;
    bool go_on = !oidc->stop;
    pthread_mutex_unlock(&oidc->lock);
    return go_on;
}

void oidc_thread(struct oidc *oidc)
{
    int64_t pause_s = 0;
    while (oidc_wait(oidc, pause_s)) {
        struct err err;
        struct jwt_keys *keys = oidc_fetch(oidc, &err);
        pause_s = keys ? OIDC_REFRESH_S : OIDC_RETRY_S;
        if (!keys) {
            log_warn("oidc.no_keys", LOG_STR("address", oidc->options.jwks), LOG_ERR(&err));
            continue;
        }
        pthread_mutex_lock(&oidc->lock);
        jwt_keys_free(&oidc->fetched);
        oidc->fetched = keys;
        pthread_mutex_unlock(&oidc->lock);
        loop_post(oidc->loop, oidc_on_fetched, oidc);
    }
}

void oidc_stop(struct oidc *oidc)
{
    pthread_mutex_lock(&oidc->lock);
    oidc->stop = true;
    pthread_cond_signal(&oidc->wake);
    pthread_mutex_unlock(&oidc->lock);
}

static void oidc_want_keys(struct oidc *oidc)
{
    int64_t now_us = clock_now_us();
    if (oidc->asked_us && now_us - oidc->asked_us < OIDC_RETRY_S * CLOCK_SECOND)
        return;
    oidc->asked_us = now_us;
    pthread_mutex_lock(&oidc->lock);
    oidc->wanted = true;
    pthread_cond_signal(&oidc->wake);
    pthread_mutex_unlock(&oidc->lock);
}

/* --- Claims --- */

/* Printable ASCII: the name stands in logs and lists. */
static bool oidc_user(const struct oidc *oidc, const struct jwt *jwt, struct arena *arena, struct str *user_out,
                      struct err *err)
{
    struct str claim = oidc->options.user_claim;
    struct str name = json_text(json_get(jwt->claims, str_cstr(arena, claim)));
    bool ok = name.len > 0 && name.len <= OIDC_USER_MAX;
    for (size_t i = 0; i < name.len; i++)
        ok = ok && name.ptr[i] > ' ' && name.ptr[i] < 0x7f;
    if (!ok)
        return err_set(err, ERR_UNAUTHENTICATED,
                       "the token's claim '%.*s' names no user (1 to %d printable characters)", STR_ARG(claim),
                       OIDC_USER_MAX);
    *user_out = str_format(arena, OIDC_USER_PREFIX "%.*s", STR_ARG(name));
    return true;
}

typedef VEC(struct grant) oidc_grants;

/* The strongest role for a tenant counts; the list stays ordered by tenant. */
static void oidc_grant(oidc_grants *grants, struct str tenant, enum role role)
{
    size_t at = 0;
    while (at < grants->count && str_compare(grants->items[at].tenant, tenant) < 0)
        at++;
    if (at < grants->count && str_equal(grants->items[at].tenant, tenant)) {
        if (grants->items[at].role < role)
            grants->items[at].role = role;
        return;
    }
    vec_push(grants, ((struct grant){0}));
    memmove(&grants->items[at + 1], &grants->items[at], (grants->count - 1 - at) * sizeof(*grants->items));
    grants->items[at] = (struct grant){.tenant = tenant, .role = role};
}

static bool oidc_grants_claim(const struct oidc *oidc, const struct jwt *jwt, struct arena *arena, oidc_grants *grants,
                              struct err *err)
{
    struct str claim = oidc->options.grants_claim;
    const struct json *object = claim.len ? json_get(jwt->claims, str_cstr(arena, claim)) : NULL;
    for (size_t i = 0; json_kind(object) == JSON_OBJECT && i < json_count(object); i++) {
        enum role role;
        if (json_kind(json_at(object, i)) != JSON_TEXT || !role_from_name(json_text(json_at(object, i)), &role, err))
            return err_set(err, ERR_UNAUTHENTICATED, "the token's claim '%.*s' gives a role that is not known",
                           STR_ARG(claim));
        oidc_grant(grants, json_key_at(object, i), role);
    }
    return true;
}

static void oidc_groups_claim(const struct oidc *oidc, const struct jwt *jwt, struct arena *arena, oidc_grants *grants,
                              struct principal *who)
{
    const struct oidc_options *options = &oidc->options;
    const struct json *list =
        options->groups_claim.len ? json_get(jwt->claims, str_cstr(arena, options->groups_claim)) : NULL;
    for (size_t i = 0; json_kind(list) == JSON_ARRAY && i < json_count(list); i++) {
        for (size_t j = 0; j < options->group_count; j++) {
            const struct oidc_group *group = &options->groups[j];
            if (json_kind(json_at(list, i)) != JSON_TEXT || !str_equal(json_text(json_at(list, i)), group->group))
                continue;
            who->admin |= group->admin;
            who->metrics |= group->metrics;
            who->audit |= group->audit;
            if (group->grant.role != ROLE_NONE)
                oidc_grant(grants, group->grant.tenant, group->grant.role);
        }
    }
}

static bool oidc_principal(const struct oidc *oidc, const struct jwt *jwt, struct arena *arena,
                           struct principal *who_out, struct err *err)
{
    struct principal who = {.proof = PRINCIPAL_JWT};
    oidc_grants grants = {0};
    bool ok = oidc_user(oidc, jwt, arena, &who.user, err) && oidc_grants_claim(oidc, jwt, arena, &grants, err);
    if (ok) {
        oidc_groups_claim(oidc, jwt, arena, &grants, &who);
        who.grants = grants.items;
        who.grant_count = grants.count;
        *who_out = *principal_copy(arena, &who);
    }
    vec_done(&grants);
    return ok;
}

static bool oidc_check(struct auth_jwt *auth_jwt, struct str token, struct arena *arena, struct principal *who_out,
                       struct err *err)
{
    struct oidc *oidc = (struct oidc *)(void *)auth_jwt;
    struct jwt jwt;
    if (!oidc->keys) {
        oidc_want_keys(oidc);
        err_set(err, ERR_UNAVAILABLE, "the issuer's keys have not come yet");
        return err_hint(err, "try again in some seconds");
    }
    struct str id = jwt_key_id(arena, token);
    if (id.len > 0 && oidc_needs_thread(oidc) && !jwt_keys_have(oidc->keys, id))
        oidc_want_keys(oidc); /* the issuer may have a new key: a later try succeeds */
    return jwt_verify(oidc->keys, &oidc->policy, token, clock_wall_us(), arena, &jwt, err) &&
           oidc_principal(oidc, &jwt, arena, who_out, err);
}

/* --- Life --- */

static void oidc_copy(struct oidc *oidc, const struct oidc_options *options)
{
    struct arena *arena = oidc->arena;
    oidc->options = *options;
    oidc->options.issuer = str_copy(arena, options->issuer);
    oidc->options.audience = str_copy(arena, options->audience);
    oidc->options.jwks = str_copy(arena, options->jwks);
    oidc->options.user_claim = str_copy(arena, options->user_claim);
    oidc->options.grants_claim = str_copy(arena, options->grants_claim);
    oidc->options.groups_claim = str_copy(arena, options->groups_claim);
    struct oidc_group *groups = arena_alloc(arena, (options->group_count + 1) * sizeof(*groups));
    for (size_t i = 0; i < options->group_count; i++) {
        groups[i] = options->groups[i];
        groups[i].group = str_copy(arena, options->groups[i].group);
        groups[i].grant.tenant = str_copy(arena, options->groups[i].grant.tenant);
    }
    oidc->options.groups = groups;
    oidc->policy = (struct jwt_policy){.issuer = oidc->options.issuer,
                                       .audience = oidc->options.audience,
                                       .algorithms = options->algorithms,
                                       .skew_us = options->skew_us};
}

struct oidc *oidc_new(struct loop *loop, const struct oidc_options *options, struct err *err)
{
    struct oidc *oidc = mem_new(struct oidc);
    pthread_condattr_t attributes;
    oidc->jwt.check = oidc_check;
    oidc->loop = loop;
    oidc->arena = arena_new();
    oidc_copy(oidc, options);
    pthread_mutex_init(&oidc->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&oidc->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!oidc_is_address(oidc->options.jwks) && !oidc_read_file(oidc, err))
        oidc_free(&oidc);
    return oidc;
}

void oidc_free(struct oidc **oidc_ptr)
{
    struct oidc *oidc = *oidc_ptr;
    if (!oidc)
        return;
    *oidc_ptr = NULL;
    jwt_keys_free(&oidc->keys);
    jwt_keys_free(&oidc->fetched);
    pthread_mutex_destroy(&oidc->lock);
    pthread_cond_destroy(&oidc->wake);
    arena_free(&oidc->arena);
    mem_free(oidc);
}

void oidc_serve(struct oidc *oidc, struct auth *auth)
{
    auth_set_jwt(auth, &oidc->jwt);
}

bool oidc_needs_thread(const struct oidc *oidc)
{
    return oidc_is_address(oidc->options.jwks);
}
