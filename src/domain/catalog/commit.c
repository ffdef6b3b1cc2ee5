/* Commits: one or more tables (or one view), all of them or none. The names are taken for the whole time, so what is
 * read at the beginning is what the swap finds; who comes meanwhile waits and is checked against the result. */
#include <assert.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "domain/catalog/mirror.h"
#include "platform/json/json.h"

/* Properties that name places. */
static const struct str commit_paths[] = {{"write.data.path", 15}, {"write.metadata.path", 19}};

/* Tables of one transaction. */
#define COMMIT_TABLES_MAX 256

/* One table or view of a commit. */
struct commit_change {
    struct str key, name;
    const struct json *requirements, *updates;
    bool creates;                   /* assert-create */
    struct index_item *item;        /* ours while the name is; NULL: there is none yet */
    struct str previous;            /* its metadata file */
    struct str earlier;             /* of the mirror that a new table follows; ptr NULL: none */
    int64_t date_ms;                /* of a mirror; 0: it is none */
    struct cache_document *current; /* that file, a reference; NULL: not read yet */
    struct arena *reading;          /* what was read out of it just now */
    const struct document *read;    /* in there, or with the file in the cache; NULL: not yet */
    struct document base, after;
    bool same; /* nothing changes */
    struct str location;
    struct index_place *place; /* taken for a new location */
    struct index_row row;
    struct cache_document *cached; /* of the result */
    bool paths;                    /* its properties name other places than before */
    const struct str *added;       /* manifest lists */
    size_t added_count;
    const struct str *outdated; /* metadata files that may be deleted afterwards */
    size_t outdated_count;
};

struct commit_operation {
    struct operation operation;
    bool many;
    bool written; /* files are there */
    struct commit_change *changes;
    size_t count;
    size_t checked; /* names that no DuckDB table has */
};

/* --- Computing, on a thread of the pool --- */

static struct str commit_text(const struct json *update, const char *key)
{
    return json_text(json_get(update, key));
}

static bool commit_has_create(const struct json *requirements)
{
    for (size_t i = 0; i < json_count(requirements); i++)
        if (str_equal(commit_text(json_at(requirements, i), "type"), S("assert-create")))
            return true;
    return false;
}

/* Engines read "file:///dir" only; a client that says "file:/dir" or "/dir" gets it in the normal form. */
static bool commit_normal_updates(struct operation *operation, const struct json *updates,
                                  const struct json **updates_out, struct err *err)
{
    struct arena *arena = operation->arena;
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    bool changed = false;
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < json_count(updates); i++) {
        const struct json *update = json_at(updates, i);
        struct str location = commit_text(update, "location"), normal = location;
        bool moves = str_equal(commit_text(update, "action"), S("set-location"));
        if (moves && table_is_outside(&operation->catalog->warehouse, arena, location)) {
            changed = true; /* it stays where it is */
            continue;
        }
        if (moves && !location_normal(arena, location, &normal, err))
            return false;
        if (!moves || str_equal(location, normal)) {
            json_write_value(&writer, NULL, update);
            continue;
        }
        changed = true;
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "action", S("set-location"));
        json_write_text(&writer, "location", normal);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    *updates_out = changed ? json_parse(arena, str_copy(arena, buf_str(&text)), err) : updates;
    return *updates_out != NULL;
}

/* A client repeats a creation whose answer it did not see: the table has the uuid that the staging gave out. */
static bool commit_is_created(const struct commit_change *change, const struct metadata *base)
{
    for (size_t i = 0; i < json_count(change->updates); i++) {
        const struct json *update = json_at(change->updates, i);
        if (str_equal(commit_text(update, "action"), S("assign-uuid")))
            return str_equal(commit_text(update, "uuid"), metadata_uuid(base));
    }
    return false;
}

static bool commit_update(struct operation *operation, struct commit_change *change)
{
    struct arena *arena = operation->arena;
    struct err *err = &operation->error;
    struct table_bounds bounds = {arena, operation->root, &operation->catalog->warehouse};
    struct metadata_context context = table_context(&bounds);
    context.previous = change->previous;
    const struct json *updates;
    if (!commit_normal_updates(operation, change->updates, &updates, err) ||
        !document_require(operation->kind, &change->base, change->requirements, err))
        return false;
    if (change->date_ms) {
        context.now_ms = change->date_ms;
        updates = mirror_dated(arena, updates, change->date_ms, err);
        if (!updates)
            return false;
    }
    if (change->earlier.ptr &&
        !mirror_base(operation->catalog, arena, change->earlier, &context, &change->base, &updates, err))
        return false;
    if (!document_update(arena, operation->kind, &change->base, updates, &context, &change->after, err))
        return false;
    change->same = document_is_same(&change->base, &change->after);
    return true;
}

/* Reads what is there. It stays with the file in the cache: many who want to change one table, and lose, cost no second
 * reading. */
static bool commit_read(struct operation *operation, struct commit_change *change)
{
    struct err *err = &operation->error;
    change->reading = arena_new();
    struct document *read = arena_new_object(change->reading, struct document);
    if (change->current) {
        if (!document_parse(change->reading, operation->kind, cache_document_text(change->current), read, err))
            return false;
    } else {
        struct str text;
        AUTO(buf) struct buf bytes = {0};
        if (!file_read(operation->catalog, change->reading, operation->kind, change->previous, &text, read, err))
            return false;
        buf_append_str(&bytes, text);
        change->current = cache_document_new(&bytes);
    }
    change->read = read;
    return true;
}

/* Makes of what is there what is asked for. */
static bool commit_compute(struct operation *operation, struct commit_change *change)
{
    struct arena *arena = operation->arena;
    struct err *err = &operation->error;
    if (change->item && !change->read && !commit_read(operation, change))
        return false;
    if (change->item)
        change->base = *change->read;
    const struct metadata *table = change->base.table;
    bool created = table && change->creates && commit_is_created(change, table);
    if (table && (created || !change->creates) && metadata_is_replay(table, change->updates))
        created = change->same = true;
    if (change->item && change->creates && !created) {
        operation->refusal = CATALOG_COMMIT_FAILED;
        return err_set(err, ERR_CONFLICT, "Requirement failed: %s already exists", table ? "table" : "view");
    }
    change->same = change->same || created;
    if (!change->same && !commit_update(operation, change))
        return false;
    if (change->same)
        return true;
    if (!location_check(arena, operation->root, document_location(&change->after), err) ||
        !location_normal(arena, document_location(&change->after), &change->location, err))
        return false;
    if (operation->kind == CATALOG_TABLE) {
        change->added_count = metadata_added(arena, table, change->after.table, &change->added);
        for (size_t i = 0; i < sizeof(commit_paths) / sizeof(commit_paths[0]); i++)
            change->paths = change->paths || !str_equal(table ? metadata_property(table, commit_paths[i]) : S(""),
                                                        metadata_property(change->after.table, commit_paths[i]));
        if (table)
            change->outdated_count = metadata_dropped_files(arena, table, change->after.table, &change->outdated);
    }
    return true;
}

static bool commit_write(struct commit_operation *self)
{
    struct operation *operation = &self->operation;
    struct arena *arena = operation->arena;
    for (size_t i = 0; i < self->count; i++) {
        struct commit_change *change = &self->changes[i];
        if (change->same)
            continue;
        int64_t version = change->item ? metadata_file_version(change->previous) + 1 : 0;
        if (change->place &&
            !file_make_directories(operation->catalog, arena, operation->kind, change->location, &operation->error))
            return false;
        if (!file_write(operation->catalog, arena, &change->after, version, &change->row.metadata, &change->cached,
                        &operation->error))
            return false;
        change->row.uuid = document_uuid(&change->after);
    }
    return self->written = true;
}

static void commit_write_run(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    if (!commit_write(self))
        assert(operation->error.code);
}

/* What only the loop's thread can decide: whether a location is free; what only the engine can: what manifests name. */
static bool commit_needs_loop(const struct commit_operation *self)
{
    const struct catalog_engine *engine = operation_engine(&self->operation);
    for (size_t i = 0; i < self->count; i++) {
        const struct commit_change *change = &self->changes[i];
        if (!change->same && (!change->item || !str_equal(change->location, change->row.location) || change->paths ||
                              (engine && engine->inspect && change->added_count)))
            return true;
    }
    return false;
}

static void commit_run(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    for (size_t i = 0; i < self->count; i++)
        if (!commit_compute(operation, &self->changes[i]))
            return;
    if (!commit_needs_loop(self))
        commit_write_run(operation);
}

/* --- Ending --- */

/* Nothing of it happened. Files are deleted only where it is certain that no row points at them. */
static void commit_fail(struct commit_operation *self)
{
    struct operation *operation = &self->operation;
    bool certain = operation->refusal || operation->replayed || !self->written;
    for (size_t i = 0; i < self->count; i++) {
        struct commit_change *change = &self->changes[i];
        if (certain && change->row.metadata.len)
            file_discard(operation->catalog, &change->row.metadata, 1);
        index_place_give(operation->tenant, change->place);
    }
    operation_fail_error(operation);
}

static void commit_index(struct operation *operation, struct commit_change *change)
{
    if (!change->item) {
        change->row.location = change->location;
        change->item = index_item_add(operation->tenant, &change->row, change->place);
    } else {
        index_item_point(change->item, change->row.metadata, change->row.uuid);
        if (change->place)
            index_item_move(change->item, change->place);
    }
    cache_put(&operation->catalog->cache, &change->item->whole, change->cached);
    file_discard(operation->catalog, change->outdated, change->outdated_count);
}

static void commit_stored(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    if (operation->error.code) {
        commit_fail(self);
        return;
    }
    FAILPOINT("catalog.commit.stored");
    operation->tenant->marked = true;
    for (size_t i = 0; i < self->count; i++) {
        struct commit_change *change = &self->changes[i];
        if (!change->same)
            commit_index(operation, change);
    }
    FAILPOINT("catalog.commit.before_answer");
    operation_end(operation);
}

static bool commit_store_change(struct operation *operation, struct store_db *db, struct commit_change *change,
                                struct err *err)
{
    if (!change->item) {
        change->row.location = change->location;
        return rows_item(operation, db, &change->row, err);
    }
    const struct store_value values[] = {STORE_STRING(change->row.metadata), STORE_STRING(change->location),
                                         STORE_NUMBER(change->row.id), STORE_STRING(change->previous)};
    size_t count;
    if (!rows_count(
            db,
            "UPDATE catalog_items SET metadata = ?, location = ? WHERE id = ? AND metadata = ? AND dropped_us = "
            "0 RETURNING id",
            values, 4, &count, err))
        return false;
    if (count)
        return true;
    operation->refusal = CATALOG_COMMIT_FAILED;
    return err_set(err, ERR_CONFLICT, "the table was changed meanwhile");
}

static bool commit_apply(struct operation *operation, struct store_db *db, struct err *err)
{
    struct commit_operation *self = (void *)operation;
    FAILPOINT("catalog.commit.before_rows");
    for (size_t i = 0; i < self->count; i++) {
        if (!self->changes[i].same && !commit_store_change(operation, db, &self->changes[i], err))
            return false;
        FAILPOINT("catalog.commit.row");
    }
    return true;
}

/* The answer of a single change is what there is now. */
static void commit_show(struct commit_operation *self)
{
    const struct commit_change *change = &self->changes[0];
    struct cache_document *document = change->cached ? change->cached : change->current;
    if (self->many)
        return;
    table_show(&self->operation, change->same ? change->previous : change->row.metadata,
               change->same ? change->row.location : change->location, document, false);
}

static void commit_written(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    if (operation->error.code) {
        commit_fail(self);
        return;
    }
    commit_show(self);
    bool same = true;
    for (size_t i = 0; i < self->count; i++)
        same = same && self->changes[i].same;
    if (same)
        commit_stored(operation);
    else
        operation_store(operation, commit_apply, commit_stored);
}

/* --- Between computing and writing --- */

static void commit_inspected(struct operation *operation)
{
    if (operation->error.code)
        commit_fail((void *)operation);
    else
        operation_work(operation, commit_write_run, commit_written);
}

static void commit_inspect(struct commit_operation *self)
{
    struct operation *operation = &self->operation;
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->changes[i].added_count;
    struct str *lists = arena_array(operation->arena, count + 1, sizeof(*lists));
    count = 0;
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0; j < self->changes[i].added_count; j++)
            lists[count++] = self->changes[i].added[j];
    operation_inspect(operation, lists, count, commit_inspected);
}

/* False: a location is not free; it failed. */
static bool commit_take_places(struct commit_operation *self)
{
    struct operation *operation = &self->operation;
    for (size_t i = 0; i < self->count; i++) {
        struct commit_change *change = &self->changes[i];
        const struct index_place *other;
        for (size_t j = 0; change->paths && j < sizeof(commit_paths) / sizeof(commit_paths[0]); j++)
            if (!table_check_path(operation, metadata_property(change->after.table, commit_paths[j]), change->location,
                                  change->item))
                return false;
        bool stays = change->same || (change->item && str_equal(change->location, change->row.location));
        if (stays)
            continue;
        change->place = index_place_take(operation->tenant, change->location, change->item, &other);
        if (!change->place)
            return table_place_taken(operation, change->location, other);
    }
    return true;
}

/* What was read is others' as well from now on. */
static void commit_keep_read(struct operation *operation, struct commit_change *change)
{
    struct cache *cache = &operation->catalog->cache;
    if (!change->reading || !change->read)
        return;
    cache_put(cache, &change->item->whole, change->current);
    cache_attach(cache, change->current, change->reading, change->read);
    change->reading = NULL;
}

static void commit_computed(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    for (size_t i = 0; i < self->count; i++)
        commit_keep_read(operation, &self->changes[i]);
    if (operation->error.code)
        commit_fail(self);
    else if (self->written || !commit_needs_loop(self))
        commit_written(operation);
    else if (commit_take_places(self))
        commit_inspect(self);
    else
        commit_fail(self);
}

/* --- Beginning --- */

/* Who has lost already is told at once. */
static bool commit_may_succeed(struct operation *operation, const struct commit_change *change)
{
    struct err lost;
    if (!change->read || !change->read->table || change->creates ||
        metadata_require(change->read->table, change->requirements, &lost) ||
        metadata_is_replay(change->read->table, change->updates))
        return true;
    operation->error = lost;
    return false;
}

/* False: a table that is to be there is not, or the other way round; it failed. */
static bool commit_find(struct commit_operation *self, struct commit_change *change)
{
    struct operation *operation = &self->operation;
    struct arena *arena = operation->arena;
    struct index_item *item = table_find(operation, operation->kind, change->key, change->name);
    if (item) {
        change->item = item;
        change->previous = str_copy(arena, item->metadata);
        change->row.id = item->id;
        change->row.location = str_copy(arena, item->location);
        struct cache_document *document = cache_get(&operation->catalog->cache, &item->whole);
        if (document) {
            change->current = cache_document_ref(document);
            change->read = cache_document_parsed(document);
        }
        return commit_may_succeed(operation, change);
    }
    if (!change->creates) {
        operation->refusal = operation->kind == CATALOG_TABLE ? CATALOG_NO_TABLE : CATALOG_NO_VIEW;
        return err_set(&operation->error, ERR_NOT_FOUND, "%s does not exist: %.*s",
                       operation->kind == CATALOG_TABLE ? "Table" : "View",
                       STR_ARG(str_slice(operation_show(operation, change->key, change->name), 0, 300)));
    }
    change->row = (struct index_row){
        .id = operation->catalog->next_item++, .kind = operation->kind, .in = change->key, .name = change->name};
    struct str earlier = {0};
    if (str_equal(change->key, S("$mirror"))) {
        earlier = mirror_earlier(operation->catalog, operation->tenant, change->name);
        change->date_ms = mirror_date_ms(operation->catalog, operation->tenant, change->name);
    }
    if (earlier.ptr)
        change->earlier = str_copy(arena, earlier);
    const struct index_space *space = index_space_find(operation->tenant, change->key);
    if (!space || (!operation->request.internal && index_is_hidden(change->key))) {
        operation->refusal = CATALOG_NO_NAMESPACE;
        return err_set(&operation->error, ERR_NOT_FOUND, "Namespace does not exist: %.*s",
                       STR_ARG(str_slice(index_show(arena, change->key), 0, 300)));
    }
    if (index_item_find(space, change->name)) {
        operation->refusal = CATALOG_EXISTS;
        return err_set(&operation->error, ERR_EXISTS, "%s with same name already exists: %.*s",
                       operation->kind == CATALOG_TABLE ? "View" : "Table",
                       STR_ARG(str_slice(operation_show(operation, change->key, change->name), 0, 300)));
    }
    return operation->tenant->items < (size_t)limits_get(LIMIT_CATALOG_TABLES) ||
           limits_err(LIMIT_CATALOG_TABLES, &operation->error);
}

/* Names of new tables are asked for one after the other. */
static void commit_check_locals(struct operation *operation)
{
    struct commit_operation *self = (void *)operation;
    while (self->checked < self->count) {
        const struct commit_change *change = &self->changes[self->checked++];
        if (change->creates && !table_find(operation, operation->kind, change->key, change->name)) {
            table_check_local(operation, change->key, change->name, commit_check_locals);
            return;
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        if (!commit_find(self, &self->changes[i])) {
            commit_fail(self);
            return;
        }
    }
    operation_work(operation, commit_run, commit_computed);
}

static void commit_free_reading(void *place)
{
    arena_free(place);
}

static bool commit_check_names(struct commit_operation *self)
{
    struct operation *operation = &self->operation;
    for (size_t i = 0; i < self->count; i++) {
        const struct commit_change *change = &self->changes[i];
        for (size_t j = 0; j < i; j++) {
            if (str_equal(change->key, self->changes[j].key) && str_equal(change->name, self->changes[j].name)) {
                operation_fail(operation, CATALOG_BAD_REQUEST, "a transaction names a table once: %.*s",
                               STR_ARG(str_slice(change->name, 0, 80)));
                return false;
            }
        }
        if (change->creates && !operation_check_name(operation, change->name))
            return false;
    }
    return true;
}

static void commit_begin(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                         const struct catalog_change *changes, size_t count, bool many)
{
    bool adds = kind == CATALOG_TABLE;
    for (size_t i = 0; i < count; i++)
        adds = adds && metadata_is_write(changes[i].updates) && !commit_has_create(changes[i].requirements);
    struct commit_operation *self = operation_new(catalog, call, sizeof(*self), adds ? ROLE_WRITER : ROLE_OWNER, true);
    struct operation *operation = &self->operation;
    operation->kind = kind;
    self->many = many;
    for (size_t i = 0; i < count; i++)
        if (commit_has_create(changes[i].requirements))
            operation_audit(
                operation, AUDIT_TABLE_CREATE,
                operation_show(operation, index_key(operation->arena, &changes[i].name.in), changes[i].name.name));
    if (!operation_ready(operation))
        return;
    if (count == 0 || count > COMMIT_TABLES_MAX) {
        operation_fail(operation, CATALOG_BAD_REQUEST, "a transaction changes 1 to %d tables", COMMIT_TABLES_MAX);
        return;
    }
    self->changes = arena_array(operation->arena, count, sizeof(*self->changes));
    struct operation_name *names = arena_array(operation->arena, count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        struct commit_change *change = &self->changes[self->count++];
        change->key = names[i].key = index_key(operation->arena, &changes[i].name.in);
        change->name = names[i].name = changes[i].name.name;
        operation_hold(operation, &change->current);
        operation_hold(operation, &change->cached);
        arena_defer(operation->arena, commit_free_reading, &change->reading);
        change->requirements = changes[i].requirements;
        change->updates = changes[i].updates;
        change->creates = commit_has_create(change->requirements);
        if (operation_is_mirror(operation, &changes[i].name.in)) {
            operation_fail_mirror(operation);
            return;
        }
    }
    if (commit_check_names(self))
        operation_lock(operation, names, count, commit_check_locals);
}

void catalog_commit(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                    const struct catalog_change *change)
{
    commit_begin(catalog, call, kind, change, 1, false);
}

void catalog_commit_all(struct catalog *catalog, struct catalog_call *call, const struct catalog_change *changes,
                        size_t count)
{
    commit_begin(catalog, call, CATALOG_TABLE, changes, count, true);
}
