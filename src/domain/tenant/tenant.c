#include "domain/tenant/tenant.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "domain/tenant/audit_priv.h"
#include "domain/tenant/tenant_priv.h"
#include "platform/store/store.h"

#define TENANT_ID_MAX 63

struct tenant_list {
    struct store *store;
    struct arena *arena;         /* owns data and tenants */
    struct str tenants;          /* "<data>/tenants" */
    struct map by_id;            /* active and deleting ones, and ids whose creation is under way (tenant_reserved) */
    VEC(struct tenant *) active; /* in order of id; owned */
    void (*end)(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner);
    void *end_owner;
    void (*remove)(void *owner, struct str id, void (*finished)(void *), void *finished_owner);
    void *remove_owner;
    void (*forget)(void *owner, struct str tenant);
    void *forget_owner;
    struct audit *audit; /* NULL: changes leave no rows */
};

/* Takes an id while its creation is under way. */
static struct tenant tenant_reserved;

bool tenant_id_check(struct str id, struct err *err)
{
    bool ok = id.len >= 1 && id.len <= TENANT_ID_MAX && id.ptr[0] >= 'a' && id.ptr[0] <= 'z';
    for (size_t i = 0; ok && i < id.len; i++) {
        char c = id.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (ok)
        return true;
    err_set(err, ERR_INVALID, "'%.*s' is not a tenant id", (int)(id.len < 80 ? id.len : 80), id.ptr);
    return err_hint(err, "an id starts with a-z and has a-z, 0-9, _ only, at most %d characters", TENANT_ID_MAX);
}

/* --- The list in memory --- */

static struct tenant *tenant_new(struct str id, int64_t created_us, int state)
{
    struct tenant *tenant = mem_alloc(sizeof(*tenant) + id.len + 1);
    char *text = (char *)(tenant + 1);
    memcpy(text, id.ptr, id.len);
    tenant->id = str_bytes(text, id.len);
    tenant->created_us = created_us;
    tenant->state = state;
    return tenant;
}

/* Index of the first active tenant whose id is not smaller. */
static size_t tenant_place(const struct tenant_list *list, struct str id)
{
    size_t low = 0, high = list->active.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(list->active.items[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void tenant_insert(struct tenant_list *list, struct tenant *tenant)
{
    size_t place = tenant_place(list, tenant->id);
    vec_push(&list->active, tenant);
    struct tenant **items = list->active.items;
    memmove(items + place + 1, items + place, (list->active.count - 1 - place) * sizeof(*items));
    items[place] = tenant;
    map_put(&list->by_id, tenant->id, tenant);
}

static void tenant_take_out(struct tenant_list *list, struct tenant *tenant)
{
    size_t place = tenant_place(list, tenant->id);
    assert(place < list->active.count && list->active.items[place] == tenant);
    struct tenant **items = list->active.items;
    list->active.count--;
    memmove(items + place, items + place + 1, (list->active.count - place) * sizeof(*items));
}

/* --- Opening --- */

struct tenant_loading {
    struct tenant_list *list;
    struct arena *arena;
    VEC(struct str) deleting;
};

static void tenant_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct tenant_loading *loading = owner;
    assert(count == 3);
    struct str id = columns[0].text;
    if (columns[2].number == TENANT_ACTIVE) /* ordered by id: each goes to the end */
        tenant_insert(loading->list, tenant_new(id, columns[1].number, TENANT_ACTIVE));
    else
        vec_push(&loading->deleting, str_copy(loading->arena, id));
}

/* What makes a deletion whole: files first, then the row. Safe to repeat. */
static bool tenant_finish_delete(struct store_db *db, struct str tenants, struct str id, struct err *err)
{
    if (!tenant_tree_remove(tenants, id, err))
        return false;
    return store_run(db, "DELETE FROM tenants WHERE id = ?", &STORE_STRING(id), 1, NULL, NULL, err);
}

static bool tenant_load(struct tenant_list *list, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct tenant_loading loading = {.list = list, .arena = arena};
    struct store_db *db = store_db(list->store);
    bool ok =
        store_run(db, "SELECT id, created_us, state FROM tenants ORDER BY id", NULL, 0, tenant_on_row, &loading, err);
    for (size_t i = 0; ok && i < loading.deleting.count; i++)
        ok = tenant_finish_delete(db, list->tenants, loading.deleting.items[i], err);
    vec_done(&loading.deleting);
    return ok && tenant_tree_sweep(list->tenants, err);
}

struct tenant_list *tenant_list_open(struct store *store, struct str data, struct err *err)
{
    struct tenant_list *list = mem_new(struct tenant_list);
    list->store = store;
    list->arena = arena_new();
    list->tenants = str_format(list->arena, "%.*s/tenants", STR_ARG(data));
    if (!tenant_load(list, err))
        tenant_list_close(&list);
    return list;
}

void tenant_list_close(struct tenant_list **list_ptr)
{
    struct tenant_list *list = *list_ptr;
    if (!list)
        return;
    *list_ptr = NULL;
    size_t position = 0;
    struct map_entry *entry;
    while ((entry = map_next(&list->by_id, &position)))
        if (entry->value != &tenant_reserved)
            mem_free(entry->value);
    map_done(&list->by_id);
    vec_done(&list->active);
    arena_free(&list->arena);
    mem_free(list);
}

/* --- Looking up --- */

struct tenant *tenant_find(struct tenant_list *list, struct str id, struct err *err)
{
    struct tenant *tenant = map_get(&list->by_id, id);
    if (tenant && tenant != &tenant_reserved && tenant->state == TENANT_ACTIVE)
        return tenant;
    principal_no_tenant(id, err);
    return NULL;
}

/* How many tenants who sees; *only_out is one of them. NULL: the server itself, which sees all. */
static size_t tenant_visible(const struct tenant_list *list, const struct principal *who, struct tenant **only_out)
{
    if (!who || who->admin || who->everywhere != ROLE_NONE) {
        *only_out = list->active.count ? list->active.items[0] : NULL;
        return list->active.count;
    }
    size_t count = 0;
    for (size_t i = 0; i < who->grant_count; i++) {
        struct tenant *tenant = map_get(&list->by_id, who->grants[i].tenant);
        if (!tenant || tenant == &tenant_reserved || tenant->state != TENANT_ACTIVE)
            continue;
        *only_out = tenant;
        count++;
    }
    return count;
}

bool tenant_is_visible(const struct tenant *tenant, const struct principal *who)
{
    return !who || principal_role(who, tenant->id) != ROLE_NONE;
}

struct tenant *tenant_resolve(struct tenant_list *list, const struct principal *who, struct str id, struct err *err)
{
    if (id.len == 0 && who)
        id = who->tenant;
    if (id.len) {
        struct tenant *tenant = tenant_find(list, id, err);
        if (tenant && !tenant_is_visible(tenant, who))
            return principal_no_tenant(id, err), NULL;
        return tenant;
    }
    struct tenant *only = NULL;
    size_t count = tenant_visible(list, who, &only);
    if (count == 1)
        return only;
    if (count > 1) {
        err_set(err, ERR_INVALID, "the request does not say which of the %zu tenants it means", count);
        err_hint(err, "use --tenant, EIDER_TENANT, the header eider-tenant or the field \"tenant\"");
    } else if (who && !who->admin) {
        err_set(err, ERR_NOT_FOUND, "there is no tenant for %.*s yet", STR_ARG(who->user));
        err_hint(err, "an owner can grant one: eider grant reader on TENANT to %.*s", STR_ARG(who->user));
    } else {
        err_set(err, ERR_NOT_FOUND, "there is no tenant yet");
        err_hint(err, "create one: eider tenant create --id tenant_acme");
    }
    return NULL;
}

size_t tenant_count(const struct tenant_list *list)
{
    return list->active.count;
}

struct tenant *tenant_at(const struct tenant_list *list, size_t index)
{
    assert(index < list->active.count);
    return list->active.items[index];
}

struct str tenant_directory(const struct tenant_list *list, const struct tenant *tenant, struct arena *arena)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(list->tenants), STR_ARG(tenant->id));
}

/* --- Changing --- */

static struct tenant_change *tenant_change_new(struct tenant_list *list, const struct audit_actor *by,
                                               enum audit_action action, struct str id, tenant_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct tenant_change *change = arena_new_object(arena, struct tenant_change);
    change->arena = arena;
    change->list = list;
    change->id = str_copy(arena, id);
    change->at_us = clock_wall_us();
    if (by && list->audit) {
        change->audit = list->audit;
        change->audit_id = audit_take_id(list->audit);
        const struct audit_event event = {
            .user = by->who->user, .address = by->address, .action = action, .object = id, .tenant = id};
        change->event = audit_copy(arena, &event);
    }
    change->done = done;
    change->owner = owner;
    return change;
}

static void tenant_change_end(struct tenant_change *change)
{
    struct arena *arena = change->arena;
    change->done(change->owner, change->refused.code == ERR_OK ? NULL : &change->refused);
    arena_free(&arena);
}

/* Its row is durable, or could not be written: what was refused stays refused. */
static void tenant_change_told(void *owner, const struct err *error)
{
    (void)error;
    tenant_change_end(owner);
}

static void tenant_change_refuse(struct tenant_change *change, const struct err *error)
{
    change->refused = *error;
    change->event.result = error->code;
    if (change->audit)
        audit_write(change->audit, &change->event, tenant_change_told, change);
    else
        tenant_change_end(change);
}

/* The row of what is being done, in the same commit. */
static bool tenant_change_note(struct tenant_change *change, struct store_db *db, struct err *err)
{
    return !change->audit || audit_insert(db, change->audit_id, change->at_us, &change->event, err);
}

static bool tenant_create_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct tenant_change *change = job->owner;
    if (change->refused.code != ERR_OK) {
        *err = change->refused;
        return false;
    }
    if (!tenant_tree_create(change->list->tenants, change->id, err))
        return false;
    struct store_value values[] = {STORE_STRING(change->id), STORE_NUMBER(change->at_us), STORE_NUMBER(TENANT_ACTIVE)};
    return store_run(db, "INSERT INTO tenants(id, created_us, state) VALUES (?, ?, ?)", values, 3, NULL, NULL, err) &&
           tenant_change_note(change, db, err);
}

static void tenant_create_done(struct store_job *job, const struct err *error)
{
    struct tenant_change *change = job->owner;
    if (change->reserved)
        map_remove(&change->list->by_id, change->id);
    if (error) {
        tenant_change_refuse(change, error);
        return;
    }
    tenant_insert(change->list, tenant_new(change->id, change->at_us, TENANT_ACTIVE));
    tenant_change_end(change);
}

static bool tenant_create_check(struct tenant_list *list, struct str id, struct err *err)
{
    static const char *const taken[] = {"iceberg", "system", "temp"}; /* catalogs of every tenant's engine */
    if (!tenant_id_check(id, err))
        return false;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (str_equal(id, str_from(taken[i])))
            return err_set(err, ERR_INVALID, "a tenant cannot be called '%s': its engine has a catalog of that name",
                           taken[i]);
    }
    const struct tenant *other = map_get(&list->by_id, id);
    if (other && other != &tenant_reserved && other->state == TENANT_DELETING)
        return err_set(err, ERR_UNAVAILABLE, "tenant '%.*s' is being deleted", STR_ARG(id));
    if (other)
        return err_set(err, ERR_EXISTS, "tenant '%.*s' exists already", STR_ARG(id));
    if (list->by_id.count >= (size_t)limits_get(LIMIT_TENANTS))
        return limits_err(LIMIT_TENANTS, err);
    return true;
}

void tenant_create(struct tenant_list *list, const struct audit_actor *by, struct str id, tenant_done *done,
                   void *owner)
{
    struct tenant_change *change = tenant_change_new(list, by, AUDIT_TENANT_CREATE, id, done, owner);
    change->job = (struct store_job){.apply = tenant_create_apply, .done = tenant_create_done, .owner = change};
    if (tenant_create_check(list, id, &change->refused)) {
        map_put(&list->by_id, change->id, &tenant_reserved);
        change->reserved = true;
    }
    store_submit(list->store, &change->job);
}

/* Last step: the files are gone and the row as well. */
static bool tenant_remove_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct tenant_change *change = job->owner;
    return tenant_finish_delete(db, change->list->tenants, change->id, err);
}

static void tenant_remove_done(struct store_job *job, const struct err *error)
{
    struct tenant_change *change = job->owner;
    if (error) { /* it stays a tombstone, and the next start finishes it */
        tenant_change_refuse(change, error);
        return;
    }
    map_remove(&change->list->by_id, change->id);
    mem_free(change->tenant);
    tenant_change_end(change);
}

static void tenant_removed_elsewhere(void *owner)
{
    struct tenant_change *change = owner;
    change->job = (struct store_job){.apply = tenant_remove_apply, .done = tenant_remove_done, .owner = change};
    store_submit(change->list->store, &change->job);
}

/* Second step: no worker has the files open any more. */
static void tenant_workers_ended(void *owner)
{
    struct tenant_change *change = owner;
    struct tenant_list *list = change->list;
    if (list->remove)
        list->remove(list->remove_owner, change->id, tenant_removed_elsewhere, change);
    else
        tenant_removed_elsewhere(change);
}

static bool tenant_tombstone_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct tenant_change *change = job->owner;
    if (change->refused.code != ERR_OK) {
        *err = change->refused;
        return false;
    }
    struct store_value values[] = {STORE_NUMBER(TENANT_DELETING), STORE_STRING(change->id)};
    /* Who creates a tenant of this name later does not inherit who may use it. */
    return store_run(db, "UPDATE tenants SET state = ? WHERE id = ?", values, 2, NULL, NULL, err) &&
           store_run(db, "DELETE FROM grants WHERE tenant = ?", values + 1, 1, NULL, NULL, err) &&
           store_run(db, "DELETE FROM tokens WHERE tenant = ?", values + 1, 1, NULL, NULL, err) &&
           tenant_change_note(change, db, err);
}

static void tenant_tombstone_done(struct store_job *job, const struct err *error)
{
    struct tenant_change *change = job->owner;
    struct tenant_list *list = change->list;
    if (error) {
        if (change->tenant) {
            change->tenant->state = TENANT_ACTIVE;
            tenant_insert(list, change->tenant);
        }
        tenant_change_refuse(change, error);
        return;
    }
    if (list->forget)
        list->forget(list->forget_owner, change->id);
    if (list->end)
        list->end(list->end_owner, change->tenant, tenant_workers_ended, change);
    else
        tenant_workers_ended(change);
}

void tenant_delete(struct tenant_list *list, const struct audit_actor *by, struct str id, tenant_done *done,
                   void *owner)
{
    struct tenant_change *change = tenant_change_new(list, by, AUDIT_TENANT_DELETE, id, done, owner);
    change->job = (struct store_job){.apply = tenant_tombstone_apply, .done = tenant_tombstone_done, .owner = change};
    change->tenant = tenant_find(list, id, &change->refused);
    if (change->tenant) { /* from now on no new statement finds it */
        change->tenant->state = TENANT_DELETING;
        tenant_take_out(list, change->tenant);
    }
    store_submit(list->store, &change->job);
}

void tenant_on_delete(struct tenant_list *list,
                      void (*end)(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner),
                      void *owner)
{
    list->end = end;
    list->end_owner = owner;
}

void tenant_set_audit(struct tenant_list *list, struct audit *audit)
{
    list->audit = audit;
}

void tenant_on_forget(struct tenant_list *list, void (*forget)(void *owner, struct str tenant), void *owner)
{
    list->forget = forget;
    list->forget_owner = owner;
}

void tenant_on_remove(struct tenant_list *list,
                      void (*remove)(void *owner, struct str id, void (*finished)(void *), void *finished_owner),
                      void *owner)
{
    list->remove = remove;
    list->remove_owner = owner;
}
