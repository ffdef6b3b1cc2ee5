/* New tables and views: created, staged, or registered from a metadata file. */
#include <stdio.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/catalog/catalog_priv.h"
#include "platform/json/json.h"

struct create_operation {
    struct operation operation;
    struct str key, name;
    const struct json *request;
    bool staged;
    struct str location;
    struct index_place *place;
    struct str earlier; /* metadata file of the mirror it follows; ptr NULL: none */
    struct document document;
    struct index_row row;
    struct cache_document *cached;
};

/* It did not become a table: its place is free, its file nobody's. */
static void create_undo(struct create_operation *self)
{
    struct operation *operation = &self->operation;
    index_place_give(operation->tenant, self->place);
    self->place = NULL;
    if (self->row.metadata.len && (operation->refusal || operation->replayed))
        file_discard(operation->catalog, &self->row.metadata, 1);
}

static bool create_document(struct create_operation *self)
{
    struct operation *operation = &self->operation;
    struct arena *arena = operation->arena;
    struct table_bounds bounds = {arena, operation->root, &operation->catalog->warehouse};
    const struct metadata_context context = table_context(&bounds);
    struct err *err = &operation->error;
    struct str uuid = table_uuid(arena);
    if (operation->kind == CATALOG_VIEW) {
        self->document.view = view_new(arena, self->request, uuid, self->location, &context, err);
        return self->document.view != NULL;
    }
    struct document earlier = {0};
    struct str text;
    if (self->earlier.ptr && !file_read(operation->catalog, arena, CATALOG_TABLE, self->earlier, &text, &earlier, err))
        return false;
    const struct metadata_create create = {
        .request = self->request, .uuid = uuid, .location = self->location, .names = earlier.table};
    self->document.table = metadata_new(arena, &create, &context, err);
    return self->document.table != NULL;
}

static void create_run(struct operation *operation)
{
    struct create_operation *self = (void *)operation;
    struct arena *arena = operation->arena;
    struct err *err = &operation->error;
    if (!create_document(self) ||
        !file_make_directories(operation->catalog, arena, operation->kind, self->location, err))
        return;
    FAILPOINT("catalog.create.directories");
    if (self->staged) {
        AUTO(buf) struct buf text = {0};
        AUTO(buf) struct buf shown = {0};
        document_write(&self->document, &text);
        if (self->earlier.ptr && !mirror_staged(arena, buf_str(&text), &shown, err))
            return;
        self->cached = cache_document_new(self->earlier.ptr ? &shown : &text);
    } else if (!file_write(operation->catalog, arena, &self->document, 0, &self->row.metadata, &self->cached, err)) {
        return;
    }
    self->row.uuid = document_uuid(&self->document);
}

static bool create_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    const struct create_operation *self = (const void *)operation;
    if (self->staged)
        return rows_space(operation, db, self->key, err);
    FAILPOINT("catalog.create.before_row");
    return rows_item(operation, db, &self->row, err);
}

static void create_stored(struct operation *operation)
{
    struct create_operation *self = (void *)operation;
    FAILPOINT("catalog.create.stored");
    if (operation->error.code) {
        create_undo(self);
        operation_fail_error(operation);
        return;
    }
    operation->tenant->marked = true;
    if (self->staged) {
        create_undo(self);
    } else {
        struct index_item *item = index_item_add(operation->tenant, &self->row, self->place);
        cache_put(&operation->catalog->cache, &item->whole, self->cached);
    }
    operation_end(operation);
}

static void create_written(struct operation *operation)
{
    struct create_operation *self = (void *)operation;
    if (operation->error.code) {
        create_undo(self);
        operation_fail_error(operation);
        return;
    }
    table_show(operation, self->row.metadata, self->location, self->cached, false);
    /* A staged one leaves directories: the warehouse is known from then on. */
    if (!self->staged || !operation->tenant->marked) {
        operation_store(operation, create_apply, create_stored);
        return;
    }
    create_undo(self);
    operation_end(operation);
}

/* "<namespace's>/<name>-<8 hex>": a name that is used again does not meet files of the earlier one. */
static bool create_place(struct create_operation *self, const struct index_space *space)
{
    struct operation *operation = &self->operation;
    struct arena *arena = operation->arena;
    struct str wanted;
    if (!json_get_text(self->request, "location", &wanted, &operation->error)) {
        operation_fail_error(operation);
        return false;
    }
    if (wanted.len && !table_is_outside(&operation->catalog->warehouse, arena, wanted)) {
        if (!location_check(arena, operation->root, wanted, &operation->error) ||
            !location_normal(arena, wanted, &self->location, &operation->error)) {
            operation_fail_error(operation);
            return false;
        }
    } else {
        struct catalog_namespace levels = index_levels(arena, self->key);
        struct str parent = table_default_place(operation, &levels, space->properties, space->property_count);
        struct str name = str_format(arena, "%.*s-%.*s", STR_ARG(self->name), STR_ARG(random_hex(arena, 4)));
        self->location = location_join(arena, parent, name);
    }
    const struct json *properties = json_get(self->request, "properties");
    const struct index_place *other;
    if (table_check_path(operation, json_text(json_get(properties, "write.data.path")), self->location, NULL) &&
        table_check_path(operation, json_text(json_get(properties, "write.metadata.path")), self->location, NULL)) {
        self->place = index_place_take(operation->tenant, self->location, NULL, &other);
        if (!self->place)
            table_place_taken(operation, self->location, other);
    }
    if (!self->place)
        operation_fail_error(operation);
    return self->place != NULL;
}

static void create_allowed(struct operation *operation)
{
    struct create_operation *self = (void *)operation;
    const struct catalog_namespace levels = index_levels(operation->arena, self->key);
    const struct index_space *space = operation_space(operation, &levels, &self->key);
    if (!space || !table_check_free(operation, operation->kind, self->key, self->name))
        return;
    if (operation->tenant->items >= (size_t)limits_get(LIMIT_CATALOG_TABLES)) {
        limits_err(LIMIT_CATALOG_TABLES, &operation->error);
        operation_fail_error(operation);
        return;
    }
    if (!create_place(self, space))
        return;
    if (str_equal(self->key, S("$mirror")))
        self->earlier = mirror_earlier(operation->catalog, operation->tenant, self->name);
    self->row = (struct index_row){.id = operation->catalog->next_item++,
                                   .kind = operation->kind,
                                   .in = self->key,
                                   .name = self->name,
                                   .location = self->location};
    operation_work(operation, create_run, create_written);
}

static void create_locked(struct operation *operation)
{
    const struct create_operation *self = (const void *)operation;
    table_check_local(operation, self->key, self->name, create_allowed);
}

void catalog_create(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_namespace *in, const struct json *request)
{
    bool staged = kind == CATALOG_TABLE && json_bool(json_get(request, "stage-create"));
    struct create_operation *self = operation_new(catalog, call, sizeof(*self), ROLE_OWNER, !staged);
    struct operation *operation = &self->operation;
    operation->kind = kind;
    operation_hold(operation, &self->cached);
    self->key = index_key(operation->arena, in);
    self->name = json_text(json_get(request, "name"));
    self->request = request;
    self->staged = staged;
    if (!staged)
        operation_audit(operation, AUDIT_TABLE_CREATE, operation_show(operation, self->key, self->name));
    if (!operation_ready(operation) || !operation_check_name(operation, self->name))
        return;
    if (operation_is_mirror(operation, in)) {
        operation_fail_mirror(operation);
        return;
    }
    const struct operation_name name = {self->key, self->name};
    if (staged)
        operation_later(operation, create_locked);
    else
        operation_lock(operation, &name, 1, create_locked);
}
