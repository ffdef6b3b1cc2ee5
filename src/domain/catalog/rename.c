/* Another name, in the same namespace or another one. Files stay where they are. */
#include "base/failpoint.h"
#include "domain/catalog/catalog_priv.h"

struct rename_operation {
    struct operation operation;
    struct operation_name from, to;
    struct index_item *item; /* ours while the names are */
};

static bool rename_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct rename_operation *self = (const void *)operation;
    const struct store_value values[] = {STORE_NUMBER(self->item->id), STORE_STRING(self->to.key),
                                         STORE_STRING(self->to.name), STORE_STRING(operation->request.tenant)};
    size_t count;
    FAILPOINT("catalog.rename.before_row");
    if (!rows_space(operation, db, self->to.key, err) ||
        !rows_count(db,
                    "UPDATE catalog_items SET namespace = ?2, name = ?3 WHERE id = ?1 AND EXISTS (SELECT 1 FROM "
                    "catalog_namespaces WHERE tenant = ?4 AND name = ?2) RETURNING id",
                    values, 4, &count, err))
        return false;
    operation->refusal = count ? CATALOG_FINE : CATALOG_NO_NAMESPACE;
    return count || err_set(err, ERR_NOT_FOUND, "Namespace does not exist: %.*s",
                            STR_ARG(index_show(operation->arena, self->to.key)));
}

static void rename_stored(struct operation *operation)
{
    const struct rename_operation *self = (const void *)operation;
    FAILPOINT("catalog.rename.stored");
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    index_item_rename(self->item, index_space_find(operation->tenant, self->to.key), self->to.name);
    operation_end(operation);
}

static void rename_allowed(struct operation *operation)
{
    struct rename_operation *self = (void *)operation;
    struct arena *arena = operation->arena;
    self->item = table_find(operation, operation->kind, self->from.key, self->from.name);
    if (!self->item) {
        table_fail_missing(operation, operation->kind, self->from.key, self->from.name);
        return;
    }
    const struct catalog_namespace levels = index_levels(arena, self->to.key);
    const struct index_space *space = operation_space(operation, &levels, &self->to.key);
    if (!space)
        return;
    const struct index_item *other = index_item_find(space, self->to.name);
    if (other) {
        operation_fail(operation, CATALOG_EXISTS, "Cannot rename %.*s to %.*s. %s already exists",
                       STR_ARG(str_slice(operation_show(operation, self->from.key, self->from.name), 0, 150)),
                       STR_ARG(str_slice(operation_show(operation, self->to.key, self->to.name), 0, 150)),
                       other->kind == CATALOG_TABLE ? "Table" : "View");
        return;
    }
    operation_store(operation, rename_apply, rename_stored);
}

static void rename_locked(struct operation *operation)
{
    const struct rename_operation *self = (const void *)operation;
    if (table_find(operation, operation->kind, self->from.key, self->from.name))
        table_check_local(operation, self->to.key, self->to.name, rename_allowed);
    else
        rename_allowed(operation);
}

void catalog_rename(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_name *from, const struct catalog_name *to)
{
    struct rename_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    operation->kind = kind;
    self->from = (struct operation_name){index_key(operation->arena, &from->in), from->name};
    self->to = (struct operation_name){index_key(operation->arena, &to->in), to->name};
    struct str old = operation_show(operation, self->from.key, from->name);
    struct str new = operation_show(operation, self->to.key, to->name);
    operation_audit(operation, AUDIT_TABLE_RENAME,
                    str_format(operation->arena, "%.*s to %.*s", STR_ARG(old), STR_ARG(new)));
    if (!operation_ready(operation) || !operation_check_name(operation, to->name))
        return;
    if (operation_is_mirror(operation, &from->in) || operation_is_mirror(operation, &to->in)) {
        operation_fail_mirror(operation);
        return;
    }
    const struct operation_name names[] = {self->from, self->to};
    operation_lock(operation, names, 2, rename_locked);
}
