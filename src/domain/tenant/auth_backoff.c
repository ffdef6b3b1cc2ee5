/* Five wrong passwords of a user from an address are forgiven, then each further attempt has to wait twice as long. Of
 * an address alone it takes more, because an office may share one. */
#include <arpa/inet.h>

#include "base/clock.h"
#include "base/limits.h"
#include "domain/tenant/auth_priv.h"

#define AUTH_BACKOFF_WINDOW_US (300 * CLOCK_SECOND)
#define AUTH_BACKOFF_WAIT_MAX_US (300 * CLOCK_SECOND)
/* Failures of an address, in those of one user. */
#define AUTH_BACKOFF_USERS 4
/* Pairs that are remembered; a flood from more addresses than this pushes out the oldest. */
#define AUTH_BACKOFF_ENTRIES 16384

struct auth_failures {
    int64_t count;
    int64_t last_us; /* clock_now_us */
};

void auth_backoff_init(struct auth_backoff *backoff, bool addresses_shared)
{
    backoff->addresses_shared = addresses_shared;
    recent_init(&backoff->failures, AUTH_BACKOFF_ENTRIES, sizeof(struct auth_failures));
}

void auth_backoff_done(struct auth_backoff *backoff)
{
    recent_done(&backoff->failures);
}

/* The address without its port; of IPv6 the first 64 bits, because one machine has all that follow. */
static struct str auth_backoff_key(struct arena *arena, struct str user, struct str remote)
{
    size_t len = remote.len;
    while (len && remote.ptr[len - 1] != ':')
        len--;
    struct str host = len ? str_slice(remote, 0, len - 1) : remote;
    struct in6_addr address;
    char prefix[INET6_ADDRSTRLEN];
    if (host.len > 2 && host.ptr[0] == '[' &&
        inet_pton(AF_INET6, str_cstr(arena, str_slice(host, 1, host.len - 2)), &address) == 1 &&
        !IN6_IS_ADDR_V4MAPPED(&address)) {
        memset(address.s6_addr + 8, 0, 8);
        host = str_from(inet_ntop(AF_INET6, &address, prefix, sizeof(prefix)));
    }
    return str_format(arena, "%.*s %.*s", STR_ARG(user), STR_ARG(host));
}

static int64_t auth_backoff_max(struct str user)
{
    return limits_get(LIMIT_LOGIN_FAILURES) * (user.len ? 1 : AUTH_BACKOFF_USERS);
}

/* How long to wait from now on. */
static int64_t auth_backoff_wait_us(const struct auth_failures *failures, int64_t max)
{
    if (failures->count < max)
        return 0;
    int64_t doublings = failures->count - max;
    int64_t wait_us = doublings > 8 ? AUTH_BACKOFF_WAIT_MAX_US : CLOCK_SECOND << doublings;
    if (wait_us > AUTH_BACKOFF_WAIT_MAX_US)
        wait_us = AUTH_BACKOFF_WAIT_MAX_US;
    return failures->last_us + wait_us - clock_now_us();
}

bool auth_backoff_check(struct auth_backoff *backoff, struct str user, struct str remote, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    int64_t wait_us = 0;
    const struct str users[] = {user, S("")};
    for (size_t i = 0; i < (backoff->addresses_shared ? 1u : 2u); i++) {
        const struct auth_failures *failures =
            recent_get(&backoff->failures, auth_backoff_key(arena, users[i], remote));
        int64_t this_us = failures ? auth_backoff_wait_us(failures, auth_backoff_max(users[i])) : 0;
        if (this_us > wait_us)
            wait_us = this_us;
    }
    if (wait_us <= 0)
        return true;
    err_set(err, ERR_RESOURCE, "too many failed logins: limit %s reached", limits_name(LIMIT_LOGIN_FAILURES));
    return err_hint(err, "wait %lld s before the next attempt",
                    (long long)((wait_us + CLOCK_SECOND - 1) / CLOCK_SECOND));
}

static void auth_backoff_add(struct auth_backoff *backoff, struct str key)
{
    struct auth_failures *failures = recent_need(&backoff->failures, key);
    int64_t now_us = clock_now_us();
    if (now_us - failures->last_us > AUTH_BACKOFF_WINDOW_US)
        failures->count = 0;
    failures->count++;
    failures->last_us = now_us;
}

void auth_backoff_begin(struct auth_backoff *backoff, struct str user, struct str remote)
{
    AUTO(arena) struct arena *arena = arena_new();
    auth_backoff_add(backoff, auth_backoff_key(arena, user, remote));
}

void auth_backoff_failed(struct auth_backoff *backoff, struct str remote)
{
    AUTO(arena) struct arena *arena = arena_new();
    auth_backoff_add(backoff, auth_backoff_key(arena, S(""), remote));
}

void auth_backoff_succeeded(struct auth_backoff *backoff, struct str user, struct str remote)
{
    AUTO(arena) struct arena *arena = arena_new();
    recent_remove(&backoff->failures, auth_backoff_key(arena, user, remote));
}
