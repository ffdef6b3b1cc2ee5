#include "domain/tenant/user.h"

#include <assert.h>

#include "domain/tenant/tenant_priv.h"
#include "domain/tenant/user_priv.h"

#define USER_NAME_MAX 63

bool user_name_check(struct str name, struct err *err)
{
    bool ok = name.len >= 1 && name.len <= USER_NAME_MAX && name.ptr[0] >= 'a' && name.ptr[0] <= 'z';
    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@' || c == '-';
    }
    if (ok)
        return true;
    err_set(err, ERR_INVALID, "'%.*s' is not a user's name", STR_ARG(str_slice(name, 0, 80)));
    return err_hint(err, "a name starts with a-z and has a-z, 0-9, _ . @ - only, at most %d characters", USER_NAME_MAX);
}

/* A tenant is being deleted: the store has forgotten its grants and tokens in the same commit. */
static void user_forget_tenant(void *owner, struct str tenant)
{
    struct user_list *list = owner;
    for (size_t u = 0; u < list->sorted.count; u++) {
        struct user *user = list->sorted.items[u];
        size_t kept = 0;
        for (size_t i = 0; i < user->grants.count; i++)
            if (!str_equal(user->grants.items[i].tenant, tenant))
                user->grants.items[kept++] = user->grants.items[i];
        user->grants.count = kept;
        kept = 0;
        for (size_t i = 0; i < user->tokens.count; i++) {
            struct token *token = &user->tokens.items[i];
            if (str_equal(token->tenant, tenant)) {
                map_remove(&list->tokens, token->id);
                continue;
            }
            user->tokens.items[kept] = *token;
            map_put(&list->tokens, token->id, &user->tokens.items[kept++]);
        }
        user->tokens.count = kept;
    }
}

struct user_list *user_list_open(const struct user_options *options, struct err *err)
{
    struct user_list *list = mem_new(struct user_list);
    list->options = *options;
    list->used = (struct loop_timer){.on_time = token_on_used, .owner = list};
    struct user_rows users = {0};
    bool ok = user_load(store_db(options->store), USER_FIRST, USER_LAST, &users, err);
    for (size_t i = 0; i < users.count; i++) {
        if (ok)
            user_put(list, users.items[i]);
        else
            user_free(users.items[i]);
    }
    vec_done(&users);
    if (!ok) {
        user_list_close(&list);
        return NULL;
    }
    tenant_on_forget(options->tenants, user_forget_tenant, list);
    tenant_set_audit(options->tenants, options->audit);
    return list;
}

void user_list_flush(struct user_list *list)
{
    if (list && list->used.index) {
        loop_timer_cancel(list->options.loop, &list->used);
        token_on_used(&list->used);
    }
}

void user_list_close(struct user_list **list_ptr)
{
    struct user_list *list = *list_ptr;
    *list_ptr = NULL;
    if (!list)
        return;
    loop_timer_cancel(list->options.loop, &list->used);
    tenant_on_forget(list->options.tenants, NULL, NULL);
    tenant_set_audit(list->options.tenants, NULL);
    for (size_t i = 0; i < list->sorted.count; i++)
        user_free(list->sorted.items[i]);
    vec_done(&list->sorted);
    map_done(&list->by_name);
    map_done(&list->tokens);
    mem_free(list);
}

void user_on_end(struct user_list *list, void (*end)(void *owner, struct str user), void *owner)
{
    list->end = end;
    list->end_owner = owner;
}

const struct user *user_find(const struct user_list *list, struct str name)
{
    return map_get(&list->by_name, name);
}

size_t user_count(const struct user_list *list)
{
    return list->sorted.count;
}

const struct user *user_at(const struct user_list *list, size_t index)
{
    assert(index < list->sorted.count);
    return list->sorted.items[index];
}

bool user_view(const struct principal *who, const struct user *user, struct arena *arena,
               const struct grant **grants_out, size_t *count_out)
{
    bool own = str_equal(who->user, user->name) && who->proof != PRINCIPAL_JWT;
    bool all = who->admin || own;
    struct grant *grants = arena_array(arena, user->grants.count + 1, sizeof(*grants));
    size_t count = 0;
    for (size_t i = 0; i < user->grants.count; i++)
        if (all || principal_role(who, user->grants.items[i].tenant) == ROLE_OWNER)
            grants[count++] = user->grants.items[i];
    *grants_out = grants;
    *count_out = count;
    return all || count > 0;
}

void user_principal(const struct user *user, struct arena *arena, struct principal *who_out)
{
    const struct principal who = {
        .user = user->name,
        .admin = user->admin,
        .metrics = user->metrics,
        .audit = user->audit,
        .grants = user->grants.items,
        .grant_count = user->grants.count,
    };
    *who_out = *principal_copy(arena, &who);
}
