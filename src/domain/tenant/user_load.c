/* From rows to users in memory. */
#include <assert.h>
#include <sodium.h>

#include "domain/tenant/user_priv.h"

struct user_loading {
    struct user_rows *users;
    size_t at; /* rows of grants and tokens are ordered by user as well */
    size_t first;
};

static void user_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct user_loading *loading = owner;
    assert(count == 8);
    struct arena *arena = arena_new();
    struct user *user = arena_new_object(arena, struct user);
    user->arena = arena;
    user->name = str_copy(arena, columns[0].text);
    user->password = str_copy(arena, columns[1].text);
    user->admin = columns[2].number;
    user->metrics = columns[3].number;
    user->audit = columns[4].number;
    user->disabled = columns[5].number;
    user->created_us = columns[6].number;
    user->epoch = columns[7].number;
    vec_push(loading->users, user);
}

static struct user *user_of_row(struct user_loading *loading, struct str name)
{
    while (!str_equal(loading->users->items[loading->at]->name, name)) {
        loading->at++;
        assert(loading->at < loading->users->count); /* the tables' foreign key */
    }
    return loading->users->items[loading->at];
}

static void user_on_grant(void *owner, const struct store_value *columns, size_t count)
{
    assert(count == 3);
    struct user *user = user_of_row(owner, columns[0].text);
    struct grant grant = {.tenant = str_copy(user->arena, columns[1].text), .role = (enum role)columns[2].number};
    if (grant.role >= ROLE_READER && grant.role <= ROLE_OWNER)
        vec_push(&user->grants, grant);
}

static void user_on_token(void *owner, const struct store_value *columns, size_t count)
{
    assert(count == 12);
    struct user *user = user_of_row(owner, columns[1].text);
    struct token token = {
        .id = str_copy(user->arena, columns[0].text),
        .user = user,
        .name = str_copy(user->arena, columns[2].text),
        .tenant = str_copy(user->arena, columns[4].text),
        .role = (enum role)columns[5].number,
        .admin = columns[6].number,
        .metrics = columns[7].number,
        .audit = columns[8].number,
        .created_us = columns[9].number,
        .expires_us = columns[10].number,
        .used_us = columns[11].number,
    };
    size_t size = 0;
    if (sodium_hex2bin(token.hash, sizeof(token.hash), columns[3].text.ptr, columns[3].text.len, NULL, &size, NULL) ==
            0 &&
        size == sizeof(token.hash))
        vec_push(&user->tokens, token);
}

bool user_load(struct store_db *db, struct str first, struct str last, struct user_rows *users_out, struct err *err)
{
    const struct store_value range[] = {STORE_STRING(first), STORE_STRING(last)};
    struct user_loading loading = {.users = users_out, .first = users_out->count};
    loading.at = loading.first;
    if (!store_run(db,
                   "SELECT name, password, admin, metrics, audit, disabled, created_us, epoch FROM users WHERE name "
                   "BETWEEN ? AND ? ORDER BY name",
                   range, 2, user_on_row, &loading, err) ||
        !store_run(db, "SELECT user, tenant, role FROM grants WHERE user BETWEEN ? AND ? ORDER BY user, tenant", range,
                   2, user_on_grant, &loading, err))
        return false;
    loading.at = loading.first;
    return store_run(
        db,
        "SELECT id, user, name, hash, tenant, role, admin, metrics, audit, created_us, expires_us, used_us "
        "FROM tokens WHERE user BETWEEN ? AND ? ORDER BY user, name",
        range, 2, user_on_token, &loading, err);
}

void user_free(struct user *user)
{
    struct arena *arena = user->arena;
    vec_done(&user->grants);
    vec_done(&user->tokens);
    sodium_memzero((char *)(uintptr_t)user->password.ptr, user->password.len);
    arena_free(&arena);
}

/* Index of the first user whose name is not smaller. */
static size_t user_place(const struct user_list *list, struct str name)
{
    size_t low = 0, high = list->sorted.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(list->sorted.items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void user_drop(struct user_list *list, struct str name)
{
    struct user *user = map_get(&list->by_name, name);
    if (!user)
        return;
    for (size_t i = 0; i < user->tokens.count; i++)
        map_remove(&list->tokens, user->tokens.items[i].id);
    size_t place = user_place(list, name);
    struct user **items = list->sorted.items;
    assert(place < list->sorted.count && items[place] == user);
    list->sorted.count--;
    memmove(items + place, items + place + 1, (list->sorted.count - place) * sizeof(struct user *));
    map_remove(&list->by_name, user->name);
    user_free(user);
}

void user_put(struct user_list *list, struct user *user)
{
    for (size_t i = 0; i < user->tokens.count; i++) {
        struct token *token = &user->tokens.items[i];
        const struct token *before = map_get(&list->tokens, token->id);
        if (before && before->used_us > token->used_us) {
            token->used_us = before->used_us;
            token->use_unwritten = before->use_unwritten;
        }
    }
    user_drop(list, user->name);
    for (size_t i = 0; i < user->tokens.count; i++)
        map_put(&list->tokens, user->tokens.items[i].id, &user->tokens.items[i]);
    size_t place = user_place(list, user->name);
    vec_push(&list->sorted, user);
    struct user **items = list->sorted.items;
    memmove(items + place + 1, items + place, (list->sorted.count - 1 - place) * sizeof(struct user *));
    items[place] = user;
    map_put(&list->by_name, user->name, user);
}
