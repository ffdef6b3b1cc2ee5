/* Passes of workers. Each is random and long, and what is compared is its place in a map whose hash has a secret seed,
 * so how long it takes tells nothing that helps to guess one. */
#include <stdio.h>

#include "base/random.h"
#include "domain/catalog/catalog_priv.h"

void catalog_pass_new(struct catalog *catalog, struct str tenant, char pass_out[CATALOG_PASS_BYTES + 1])
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str pass = random_hex(arena, CATALOG_PASS_BYTES / 2);
    memcpy(pass_out, pass.ptr, CATALOG_PASS_BYTES);
    pass_out[CATALOG_PASS_BYTES] = 0;
    struct str *owner = mem_alloc(sizeof(*owner) + tenant.len);
    memcpy(owner + 1, tenant.ptr, tenant.len);
    *owner = str_bytes(owner + 1, tenant.len);
    map_put(&catalog->passes, pass, owner);
}

void catalog_pass_end(struct catalog *catalog, struct str pass)
{
    mem_free(map_remove(&catalog->passes, pass));
}

struct str catalog_pass_tenant(struct catalog *catalog, struct str pass)
{
    const struct str *owner = pass.len == CATALOG_PASS_BYTES ? map_get(&catalog->passes, pass) : NULL;
    return owner ? *owner : (struct str){0};
}

void catalog_forget_passes(struct catalog *catalog)
{
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&catalog->passes, &position)))
        mem_free(entry->value);
    map_done(&catalog->passes);
}
