/* Bearers of programs that the server starts itself: random, known by digest, in memory alone. */
#include <sodium.h>

#include "base/random.h"
#include "domain/tenant/auth_priv.h"

#define AUTH_PASS_SIZE 32

static struct str auth_pass_digest(struct str pass, unsigned char digest[AUTH_PASS_SIZE])
{
    crypto_generichash(digest, AUTH_PASS_SIZE, (const unsigned char *)pass.ptr, pass.len, NULL, 0);
    return str_bytes(digest, AUTH_PASS_SIZE);
}

struct str auth_pass_new(struct auth *auth, struct str tenant, struct arena *arena)
{
    struct str pass = str_format(arena, AUTH_PASS_PREFIX "%.*s", STR_ARG(random_hex(arena, AUTH_PASS_SIZE)));
    unsigned char digest[AUTH_PASS_SIZE];
    char *copy = mem_alloc(tenant.len + 1);
    memcpy(copy, tenant.ptr, tenant.len);
    map_put(auth_passes(auth), auth_pass_digest(pass, digest), copy);
    return pass;
}

void auth_pass_end(struct auth *auth, struct str pass)
{
    unsigned char digest[AUTH_PASS_SIZE];
    char *tenant = map_remove(auth_passes(auth), auth_pass_digest(pass, digest));
    mem_free(tenant);
}

bool auth_pass_check(struct auth *auth, struct str pass, struct arena *arena, struct principal *who_out,
                     struct err *err)
{
    unsigned char digest[AUTH_PASS_SIZE];
    const char *tenant = map_get(auth_passes(auth), auth_pass_digest(pass, digest));
    if (!tenant) {
        err_set(err, ERR_UNAUTHENTICATED, "the token of a pipeline's step has ended");
        return err_hint(err, "EIDER_TOKEN is good until the program that got it has ended");
    }
    struct grant *grant = arena_new_object(arena, struct grant);
    *grant = (struct grant){.tenant = str_copy(arena, str_from(tenant)), .role = ROLE_OWNER};
    *who_out = (struct principal){.user = S("pipeline"),
                                  .proof = PRINCIPAL_TOKEN,
                                  .grants = grant,
                                  .grant_count = 1,
                                  .token = S("pipeline"),
                                  .tenant = grant->tenant};
    return true;
}

void auth_passes_done(struct map *passes)
{
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(passes, &position))) {
        char *tenant = entry->value;
        mem_free(tenant);
    }
    map_done(passes);
}
