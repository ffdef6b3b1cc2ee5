/* Namespaces and their properties. */
#include "base/limits.h"
#include "domain/catalog/catalog_priv.h"
#include "domain/catalog/page.h"

struct namespace_operation {
    struct operation operation;
    struct str key;
    struct catalog_namespace name;
    const struct catalog_pair *properties; /* as they will be */
    size_t count;
    const struct str *removals;
    size_t removal_count;
    const struct catalog_pair *updates;
    size_t update_count;
};

/* Names of DuckDB's own schemas; one statement could not tell them apart. */
static bool namespace_is_reserved(const struct catalog_namespace *name)
{
    static const char *const reserved[] = {"main", "temp", "system", "information_schema", "pg_catalog", "default"};
    for (size_t i = 0; name->count == 1 && i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (str_equal_nocase(name->levels[0], str_from(reserved[i])))
            return true;
    return str_starts_with(name->levels[0], S("$"));
}

/* --- Lists --- */

struct namespace_list {
    struct arena *arena;
    struct catalog_name *names;
    size_t count, max;
    struct str last; /* key of the last one in it */
    bool more;
};

static void namespace_list_add(struct namespace_list *list, struct str key)
{
    if (list->count == list->max) {
        list->more = true;
        return;
    }
    list->names[list->count++].in = index_levels(list->arena, key);
    list->last = key;
}

/* Children of the parent ("" with the top), in order, after a key. */
static void namespace_gather(const struct operation *operation, struct str parent, struct str after,
                             struct namespace_list *list)
{
    const struct index_tenant *tenant = operation->tenant;
    struct str prefix = parent.len ? str_format(list->arena, "%.*s%c", STR_ARG(parent), INDEX_SEPARATOR) : S("");
    const struct catalog_namespace mirror = {.levels = (const struct str[]){S("default")}, .count = 1};
    bool show_mirror = !parent.len && operation_is_mirror(operation, &mirror) && str_compare(after, S("default")) < 0;
    size_t position = index_space_from(tenant, str_compare(after, prefix) > 0 ? after : prefix);
    for (; position < tenant->spaces.count && !list->more; position++) {
        struct str key = tenant->spaces.items[position]->key;
        if (!str_starts_with(key, prefix))
            break;
        if (str_equal(key, after) || index_is_hidden(key) ||
            str_find_char(str_from_index(key, prefix.len), INDEX_SEPARATOR) >= 0)
            continue;
        if (show_mirror && str_compare(S("default"), key) < 0) {
            namespace_list_add(list, S("default"));
            show_mirror = false;
        }
        namespace_list_add(list, key);
    }
    if (show_mirror && !list->more)
        namespace_list_add(list, S("default"));
}

void catalog_list_namespaces(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *parent,
                             const struct catalog_page *page)
{
    struct operation *operation = operation_new(catalog, call, sizeof(*operation), ROLE_READER, false);
    if (!operation_ready(operation))
        return;
    struct str key = S(""), after = S("");
    bool of_mirror = parent && operation_is_mirror(operation, parent);
    if (parent && !of_mirror && !operation_space(operation, parent, &key))
        return;
    if (page->token.len && !page_after(operation->arena, page->token, &after, &operation->error)) {
        operation_fail_error(operation);
        return;
    }
    size_t max = (size_t)limits_get(LIMIT_CATALOG_PAGE);
    if (page->all || !page->size)
        max = page->all ? operation->tenant->spaces.count + 1 : max;
    else if (page->size < max)
        max = page->size;
    struct namespace_list list = {.arena = operation->arena, .max = max};
    list.names = arena_array(operation->arena, max + 1, sizeof(*list.names));
    if (!of_mirror)
        namespace_gather(operation, key, after, &list);
    operation->answer.names = list.names;
    operation->answer.name_count = list.count;
    if (list.more)
        operation->answer.next_page = page_token(operation->arena, list.last);
    operation_end(operation);
}

/* --- Loading --- */

/* The answer's properties: those set, and where it lies. */
static void namespace_show(struct operation *operation, const struct catalog_namespace *name,
                           const struct catalog_pair *properties, size_t count)
{
    struct arena *arena = operation->arena;
    struct catalog_pair *shown = arena_array(arena, count + 1, sizeof(*shown));
    bool located = false;
    for (size_t i = 0; i < count; i++) {
        shown[i] = (struct catalog_pair){str_copy(arena, properties[i].key), str_copy(arena, properties[i].value)};
        located = located || str_equal(shown[i].key, S("location"));
    }
    if (!located)
        shown[count++] = (struct catalog_pair){S("location"), table_default_place(operation, name, NULL, 0)};
    operation->answer.properties = shown;
    operation->answer.property_count = count;
}

void catalog_load_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name)
{
    struct operation *operation = operation_new(catalog, call, sizeof(*operation), ROLE_READER, false);
    struct str key;
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, name)) {
        namespace_show(operation, name, NULL, 0);
    } else {
        const struct index_space *space = operation_space(operation, name, &key);
        if (!space)
            return;
        namespace_show(operation, name, space->properties, space->property_count);
    }
    operation_end(operation);
}

/* --- Changing --- */

/* Properties are text of bounded length; a location lies in the warehouse and is written in its normal form. */
static bool namespace_check_properties(struct operation *operation, struct catalog_pair *properties, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        struct catalog_pair *pair = &properties[i];
        size += pair->key.len + pair->value.len;
        if (!str_equal(pair->key, S("location")))
            continue;
        if (!location_check(operation->arena, operation->root, pair->value, &operation->error) ||
            !location_normal(operation->arena, pair->value, &pair->value, &operation->error))
            return false;
    }
    return size <= (size_t)limits_get(LIMIT_CATALOG_PROPERTIES) ||
           limits_err(LIMIT_CATALOG_PROPERTIES, &operation->error);
}

static struct str namespace_parent(struct str key)
{
    size_t len = key.len;
    while (len && key.ptr[len] != INDEX_SEPARATOR)
        len--;
    return str_slice(key, 0, len);
}

static bool namespace_create_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct namespace_operation *self = (const void *)operation;
    struct str parent = namespace_parent(self->key);
    const struct store_value values[] = {STORE_STRING(operation->request.tenant), STORE_STRING(self->key),
                                         STORE_STRING(rows_properties(operation->arena, self->properties, self->count)),
                                         STORE_STRING(parent)};
    size_t count;
    /* The parent may be one that is implied. */
    if (!rows_space(operation, db, parent, err) ||
        !rows_count(db,
                    "INSERT INTO catalog_namespaces(tenant, name, properties) SELECT ?1, ?2, ?3 WHERE ?4 = '' OR "
                    "EXISTS (SELECT 1 FROM catalog_namespaces WHERE tenant = ?1 AND name = ?4) RETURNING name",
                    values, 4, &count, err))
        return false;
    operation->refusal = count ? CATALOG_FINE : CATALOG_NO_NAMESPACE;
    return count || err_set(err, ERR_NOT_FOUND, "the parent of the namespace was dropped meanwhile");
}

static void namespace_created(struct operation *operation)
{
    const struct namespace_operation *self = (const void *)operation;
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    index_space_add(operation->tenant, self->key, self->properties, self->count);
    operation_end(operation);
}

static void namespace_create_locked(struct operation *operation)
{
    const struct namespace_operation *self = (const void *)operation;
    struct str shown = index_show(operation->arena, self->key);
    if (index_space_find(operation->tenant, self->key)) {
        operation_fail(operation, CATALOG_EXISTS, "Namespace already exists: %.*s", STR_ARG(str_slice(shown, 0, 200)));
        return;
    }
    const struct catalog_namespace parent = {self->name.levels, self->name.count - 1};
    struct str key;
    if (parent.count && !operation_space(operation, &parent, &key))
        return;
    if (operation->tenant->spaces.count >= (size_t)limits_get(LIMIT_CATALOG_NAMESPACES)) {
        limits_err(LIMIT_CATALOG_NAMESPACES, &operation->error);
        operation_fail_error(operation);
        return;
    }
    namespace_show(operation, &self->name, self->properties, self->count);
    operation_store(operation, namespace_create_apply, namespace_created);
}

void catalog_create_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name,
                              const struct catalog_pair *properties, size_t count)
{
    struct namespace_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    self->name = *name;
    self->key = index_key(operation->arena, name);
    operation_audit(operation, AUDIT_NAMESPACE_CREATE, index_show(operation->arena, self->key));
    if (!operation_ready(operation) || !operation_check_namespace(operation, name))
        return;
    if (operation_is_mirror(operation, name)) {
        operation_fail(operation, CATALOG_EXISTS, "Namespace already exists: default");
        return;
    }
    if (namespace_is_reserved(name)) {
        err_hint(&operation->error,
                 "DuckDB has a schema of that name, or eider keeps it for itself; choose another one");
        operation_fail(operation, CATALOG_BAD_REQUEST, "a namespace cannot be called '%.*s'",
                       STR_ARG(str_slice(name->levels[0], 0, 80)));
        return;
    }
    struct catalog_pair *own = arena_array(operation->arena, count + 1, sizeof(*own));
    if (count)
        memcpy(own, properties, count * sizeof(*own));
    self->properties = own;
    self->count = count;
    if (!namespace_check_properties(operation, own, count)) {
        operation_fail_error(operation);
        return;
    }
    const struct operation_name lock = {.key = self->key};
    operation_lock(operation, &lock, 1, namespace_create_locked);
}

/* --- Dropping --- */

/* Namespaces below the key lie between these two. */
static bool namespace_drop_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct namespace_operation *self = (const void *)operation;
    struct str from = str_format(operation->arena, "%.*s%c", STR_ARG(self->key), INDEX_SEPARATOR);
    struct str until = str_format(operation->arena, "%.*s%c", STR_ARG(self->key), INDEX_SEPARATOR + 1);
    const struct store_value values[] = {STORE_STRING(operation->request.tenant), STORE_STRING(self->key),
                                         STORE_STRING(from), STORE_STRING(until)};
    size_t count;
    if (!rows_count(
            db,
            "DELETE FROM catalog_namespaces WHERE tenant = ?1 AND name = ?2 AND NOT EXISTS (SELECT 1 FROM "
            "catalog_items WHERE tenant = ?1 AND namespace = ?2 AND dropped_us = 0) AND NOT EXISTS (SELECT 1 "
            "FROM catalog_namespaces AS below WHERE below.tenant = ?1 AND below.name >= ?3 AND below.name < ?4) "
            "RETURNING name",
            values, 4, &count, err))
        return false;
    operation->refusal = count ? CATALOG_FINE : CATALOG_NOT_EMPTY;
    return count || err_set(err, ERR_PRECONDITION, "Namespace is not empty: something was created in it meanwhile");
}

static void namespace_dropped(struct operation *operation)
{
    const struct namespace_operation *self = (const void *)operation;
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    index_space_remove(index_space_find(operation->tenant, self->key));
    operation_end(operation);
}

static void namespace_drop_locked(struct operation *operation)
{
    struct namespace_operation *self = (void *)operation;
    const struct index_space *space = operation_space(operation, &self->name, &self->key);
    if (!space)
        return;
    const struct index_tenant *tenant = operation->tenant;
    struct str shown = index_show(operation->arena, self->key);
    struct str below = str_format(operation->arena, "%.*s%c", STR_ARG(self->key), INDEX_SEPARATOR);
    size_t next = index_space_from(tenant, below);
    bool has_below = next < tenant->spaces.count && str_starts_with(tenant->spaces.items[next]->key, below);
    if (space->items.count || has_below)
        operation_fail(operation, CATALOG_NOT_EMPTY, "Namespace is not empty: %.*s", STR_ARG(str_slice(shown, 0, 200)));
    else
        operation_store(operation, namespace_drop_apply, namespace_dropped);
}

void catalog_drop_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name)
{
    struct namespace_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    self->name = *name;
    self->key = index_key(operation->arena, name);
    operation_audit(operation, AUDIT_NAMESPACE_DROP, index_show(operation->arena, self->key));
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, name)) {
        operation_fail_mirror(operation);
        return;
    }
    if (str_equal(self->key, S("iceberg")) || index_is_hidden(self->key)) {
        operation_fail(operation, CATALOG_BAD_REQUEST, "the namespace %.*s is always there", STR_ARG(self->key));
        return;
    }
    const struct operation_name lock = {.key = self->key};
    operation_lock(operation, &lock, 1, namespace_drop_locked);
}

/* --- Properties --- */

static bool namespace_change_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct namespace_operation *self = (const void *)operation;
    const struct store_value values[] = {STORE_STRING(rows_properties(operation->arena, self->properties, self->count)),
                                         STORE_STRING(operation->request.tenant), STORE_STRING(self->key)};
    return rows_space(operation, db, self->key, err) &&
           store_run(db, "UPDATE catalog_namespaces SET properties = ? WHERE tenant = ? AND name = ?", values, 3, NULL,
                     NULL, err);
}

static void namespace_changed(struct operation *operation)
{
    const struct namespace_operation *self = (const void *)operation;
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    struct index_space *space = index_space_find(operation->tenant, self->key);
    index_space_change(space, self->properties, self->count);
    space->implied = false;
    operation_end(operation);
}

static bool namespace_has(const struct str *keys, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(keys[i], key))
            return true;
    return false;
}

/* What the properties become, and what the answer says of it. */
static void namespace_apply_changes(struct namespace_operation *self, const struct index_space *space)
{
    struct arena *arena = self->operation.arena;
    struct catalog_answer *answer = &self->operation.answer;
    size_t room = space->property_count + self->update_count + self->removal_count + 1;
    struct catalog_pair *after = arena_array(arena, room, sizeof(*after));
    struct str *updated = arena_array(arena, room, sizeof(*updated));
    struct str *removed = arena_array(arena, room, sizeof(*removed));
    struct str *missing = arena_array(arena, room, sizeof(*missing));
    for (size_t i = 0; i < self->update_count; i++) {
        updated[answer->updated_count++] = self->updates[i].key;
        after[self->count++] = self->updates[i];
    }
    for (size_t i = 0; i < space->property_count; i++) {
        const struct catalog_pair *pair = &space->properties[i];
        if (namespace_has(self->removals, self->removal_count, pair->key))
            removed[answer->removed_count++] = str_copy(arena, pair->key);
        else if (!namespace_has(updated, answer->updated_count, pair->key))
            after[self->count++] = (struct catalog_pair){str_copy(arena, pair->key), str_copy(arena, pair->value)};
    }
    for (size_t i = 0; i < self->removal_count; i++)
        if (!namespace_has(removed, answer->removed_count, self->removals[i]))
            missing[answer->missing_count++] = self->removals[i];
    self->properties = after;
    answer->updated = updated;
    answer->removed = removed;
    answer->missing = missing;
}

static void namespace_change_locked(struct operation *operation)
{
    struct namespace_operation *self = (void *)operation;
    const struct index_space *space = operation_space(operation, &self->name, &self->key);
    if (!space)
        return;
    namespace_apply_changes(self, space);
    struct catalog_pair *own = arena_copy(operation->arena, self->properties, (self->count + 1) * sizeof(*own));
    self->properties = own;
    if (namespace_check_properties(operation, own, self->count))
        operation_store(operation, namespace_change_apply, namespace_changed);
    else
        operation_fail_error(operation);
}

void catalog_change_namespace(struct catalog *catalog, struct catalog_call *call, const struct catalog_namespace *name,
                              const struct str *removals, size_t removal_count, const struct catalog_pair *updates,
                              size_t update_count)
{
    struct namespace_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, name)) {
        operation_fail_mirror(operation);
        return;
    }
    self->name = *name;
    self->removals = removals;
    self->removal_count = removal_count;
    self->updates = updates;
    self->update_count = update_count;
    for (size_t i = 0; i < update_count; i++) {
        if (namespace_has(removals, removal_count, updates[i].key)) {
            operation_fail(operation, CATALOG_UNPROCESSABLE, "the property '%.*s' is to be set and removed",
                           STR_ARG(str_slice(updates[i].key, 0, 80)));
            return;
        }
    }
    const struct operation_name lock = {.key = index_key(operation->arena, name)};
    operation_lock(operation, &lock, 1, namespace_change_locked);
}
