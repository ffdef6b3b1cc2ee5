/* Registering: a metadata file that lies in the warehouse becomes a table or view. What was dropped and is registered
 * again is taken back. */
#include "base/failpoint.h"
#include "base/limits.h"
#include "domain/catalog/catalog_priv.h"

struct register_operation {
    struct operation operation;
    struct str key, name, file;
    bool overwrite;
    struct index_item *item;    /* what it takes the place of; NULL: nothing */
    struct index_item *dropped; /* what it takes back, busy while we have it; NULL: nothing */
    struct index_place *place;  /* taken for a location that is new */
    struct document document;
    struct cache_document *cached;
    struct index_row row;
    const struct str *lists; /* manifest lists */
    size_t list_count;
};

static void register_fail(struct register_operation *self)
{
    index_place_give(self->operation.tenant, self->place);
    if (self->dropped)
        self->dropped->busy = false;
    operation_fail_error(&self->operation);
}

static void register_run(struct operation *operation)
{
    struct register_operation *self = (void *)operation;
    struct arena *arena = operation->arena;
    struct err *err = &operation->error;
    struct str text;
    if (!file_read(operation->catalog, arena, operation->kind, self->file, &text, &self->document, err)) {
        if (err->code == ERR_DATA_LOSS) /* it is the client's file, not ours */
            err->code = ERR_INVALID;
        return;
    }
    struct str location = document_location(&self->document);
    if (!location_check(arena, operation->root, location, err) ||
        !location_normal(arena, location, &self->row.location, err))
        return;
    AUTO(buf) struct buf bytes = {0};
    buf_append_str(&bytes, text);
    self->cached = cache_document_new(&bytes);
    self->row.uuid = document_uuid(&self->document);
    if (operation->kind == CATALOG_TABLE)
        self->list_count = metadata_added(arena, NULL, self->document.table, &self->lists);
}

static bool register_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct register_operation *self = (const void *)operation;
    FAILPOINT("catalog.register.before_row");
    const struct store_value values[] = {STORE_NUMBER(self->item ? self->item->id : 0),
                                         STORE_STRING(self->row.metadata), STORE_STRING(self->row.uuid),
                                         STORE_STRING(self->row.location)};
    if (self->dropped &&
        !store_run(db, "DELETE FROM catalog_items WHERE id = ?", &STORE_NUMBER(self->dropped->id), 1, NULL, NULL, err))
        return false;
    if (!self->item)
        return rows_item(operation, db, &self->row, err);
    return store_run(db, "UPDATE catalog_items SET metadata = ?2, uuid = ?3, location = ?4 WHERE id = ?1", values, 4,
                     NULL, NULL, err);
}

static void register_stored(struct operation *operation)
{
    struct register_operation *self = (void *)operation;
    struct index_tenant *tenant = operation->tenant;
    FAILPOINT("catalog.register.stored");
    if (operation->error.code) {
        register_fail(self);
        return;
    }
    tenant->marked = true;
    const struct index_place *other;
    if (self->dropped) {
        index_item_remove(self->dropped);
        self->place = index_place_take(tenant, self->row.location, self->item, &other);
    }
    if (!self->item) {
        self->item = index_item_add(tenant, &self->row, self->place);
    } else {
        index_item_point(self->item, self->row.metadata, self->row.uuid);
        if (self->place)
            index_item_move(self->item, self->place);
    }
    cache_put(&operation->catalog->cache, &self->item->whole, self->cached);
    operation_end(operation);
}

static void register_inspected(struct operation *operation)
{
    struct register_operation *self = (void *)operation;
    if (operation->error.code) {
        register_fail(self);
        return;
    }
    table_show(operation, self->row.metadata, self->row.location, self->cached, false);
    operation_store(operation, register_apply, register_stored);
}

/* The place is free, is that of the item that is replaced, or of the same table, dropped. */
static bool register_take_place(struct register_operation *self)
{
    struct operation *operation = &self->operation;
    const struct index_place *other;
    const struct metadata *table = self->document.table;
    if (table &&
        (!table_check_path(operation, metadata_property(table, S("write.data.path")), self->row.location, self->item) ||
         !table_check_path(operation, metadata_property(table, S("write.metadata.path")), self->row.location,
                           self->item)))
        return false;
    if (self->item && str_equal(self->item->location, self->row.location))
        return true;
    self->place = index_place_take(operation->tenant, self->row.location, self->item, &other);
    if (self->place)
        return true;
    struct index_item *item = other->item;
    if (item && item->dropped_us && !item->busy && str_equal(item->location, self->row.location) &&
        str_equal(item->uuid, self->row.uuid)) {
        self->dropped = item;
        item->busy = true;
        return true;
    }
    return table_place_taken(operation, self->row.location, other);
}

static void register_read(struct operation *operation)
{
    struct register_operation *self = (void *)operation;
    if (operation->error.code || !register_take_place(self))
        register_fail(self);
    else
        operation_inspect(operation, self->lists, self->list_count, register_inspected);
}

static void register_allowed(struct operation *operation)
{
    struct register_operation *self = (void *)operation;
    const struct catalog_namespace levels = index_levels(operation->arena, self->key);
    if (!operation_space(operation, &levels, &self->key))
        return;
    if (self->overwrite)
        self->item = table_find(operation, operation->kind, self->key, self->name);
    if (!self->item && !table_check_free(operation, operation->kind, self->key, self->name))
        return;
    if (!self->item && operation->tenant->items >= (size_t)limits_get(LIMIT_CATALOG_TABLES)) {
        limits_err(LIMIT_CATALOG_TABLES, &operation->error);
        operation_fail_error(operation);
        return;
    }
    self->row = (struct index_row){.id = operation->catalog->next_item++,
                                   .kind = operation->kind,
                                   .in = self->key,
                                   .name = self->name,
                                   .metadata = self->file};
    operation_work(operation, register_run, register_read);
}

static void register_locked(struct operation *operation)
{
    const struct register_operation *self = (const void *)operation;
    table_check_local(operation, self->key, self->name, register_allowed);
}

void catalog_register(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                      const struct catalog_name *name, struct str metadata_location, bool overwrite)
{
    struct register_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    operation->kind = kind;
    operation_hold(operation, &self->cached);
    self->key = index_key(operation->arena, &name->in);
    self->name = name->name;
    self->overwrite = overwrite;
    operation_audit(operation, AUDIT_TABLE_REGISTER, operation_show(operation, self->key, self->name));
    if (!operation_ready(operation) || !operation_check_name(operation, self->name))
        return;
    if (operation_is_mirror(operation, &name->in)) {
        operation_fail_mirror(operation);
        return;
    }
    if (!location_check(operation->arena, operation->root, metadata_location, &operation->error) ||
        !location_normal(operation->arena, metadata_location, &self->file, &operation->error)) {
        operation_fail_error(operation);
        return;
    }
    const struct operation_name lock = {self->key, self->name};
    operation_lock(operation, &lock, 1, register_locked);
}
