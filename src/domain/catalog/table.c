/* Tables and views: lists, loading, and what the other files share about them. */
#include "domain/catalog/table.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/catalog/catalog_priv.h"
#include "domain/catalog/page.h"

static const char *table_word(enum catalog_kind kind)
{
    return kind == CATALOG_TABLE ? "Table" : "View";
}

/* --- Names --- */

struct index_item *table_find(const struct operation *operation, enum catalog_kind kind, struct str key,
                              struct str name)
{
    if (!operation->request.internal && index_is_hidden(key))
        return NULL;
    const struct index_space *space = index_space_find(operation->tenant, key);
    struct index_item *item = space ? index_item_find(space, name) : NULL;
    return item && item->kind == kind ? item : NULL;
}

void table_fail_missing(struct operation *operation, enum catalog_kind kind, struct str key, struct str name)
{
    operation_fail(operation, kind == CATALOG_TABLE ? CATALOG_NO_TABLE : CATALOG_NO_VIEW, "%s does not exist: %.*s",
                   table_word(kind), STR_ARG(str_slice(operation_show(operation, key, name), 0, 300)));
}

bool table_check_free(struct operation *operation, enum catalog_kind kind, struct str key, struct str name)
{
    const struct index_space *space = index_space_find(operation->tenant, key);
    const struct index_item *item = space ? index_item_find(space, name) : NULL;
    if (!item)
        return true;
    operation_fail(operation, CATALOG_EXISTS, "%s%s already exists: %.*s", table_word(item->kind),
                   item->kind == kind ? "" : " with same name",
                   STR_ARG(str_slice(operation_show(operation, key, name), 0, 300)));
    return false;
}

struct table_local {
    struct str name;
    operation_step *next;
};

static void table_on_locals(void *owner, const struct catalog_local *locals, size_t count, const struct err *error)
{
    struct operation *operation = owner;
    const struct table_local *local = operation->data;
    (void)locals;
    operation->asking = false;
    if (error) {
        operation->error = *error;
        operation_fail_error(operation);
    } else if (count) {
        err_hint(&operation->error, "choose another name, another namespace, or drop the DuckDB table first");
        operation_fail(operation, CATALOG_EXISTS,
                       "'%.*s' is a DuckDB table or view of %.*s; a name is on one side only",
                       STR_ARG(str_slice(local->name, 0, 100)), STR_ARG(operation->request.tenant));
    } else {
        local->next(operation);
    }
}

void table_check_local(struct operation *operation, struct str key, struct str name, operation_step *next)
{
    const struct catalog_engine *engine = operation_engine(operation);
    if (!engine || !engine->locals || !str_equal(key, S("iceberg"))) {
        next(operation);
        return;
    }
    struct table_local *local = arena_new_object(operation->arena, struct table_local);
    *local = (struct table_local){name, next};
    operation->data = local;
    operation->asking = true;
    engine->locals(engine->owner, operation->request.tenant, name, table_on_locals, operation);
}

struct str table_uuid(struct arena *arena)
{
    struct str hex = random_hex(arena, 16);
    char *text = arena_alloc(arena, 37);
    size_t used = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            text[used++] = '-';
        text[used++] = hex.ptr[i];
    }
    text[14] = '4'; /* RFC 9562: version and variant */
    text[19] = "89ab"[(unsigned char)text[19] % 4];
    return str_bytes(text, used);
}

/* --- Places --- */

bool table_check_location(void *owner, struct str location, struct err *err)
{
    const struct table_bounds *bounds = owner;
    return table_is_outside(bounds->warehouse, bounds->arena, location) ||
           location_check(bounds->arena, bounds->root, location, err);
}

bool table_is_outside(const struct catalog_warehouse *warehouse, struct arena *arena, struct str location)
{
    struct str normal;
    struct err ignored;
    return warehouse->outside && location_normal(arena, location, &normal, &ignored) &&
           !str_equal(normal, warehouse->root) && !location_is_below(warehouse->root, normal);
}

struct metadata_context table_context(struct table_bounds *bounds)
{
    struct metadata_context context = {
        .now_ms = clock_wall_us() / CLOCK_MILLISECOND, .check_location = table_check_location, .owner = bounds};
    random_bytes(&context.random, sizeof(context.random));
    return context;
}

struct str table_default_place(struct operation *operation, const struct catalog_namespace *name,
                               const struct catalog_pair *properties, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(properties[i].key, S("location")))
            return properties[i].value;
    struct str location = operation->root;
    for (size_t i = 0; i < name->count; i++)
        location = location_join(operation->arena, location, name->levels[i]);
    return location;
}

bool table_check_path(struct operation *operation, struct str path, struct str location,
                      const struct index_item *except)
{
    struct str normal;
    if (!path.ptr || path.len == 0)
        return true;
    if (!location_normal(operation->arena, path, &normal, &operation->error))
        return false;
    if (str_equal(normal, location) || location_is_below(location, normal))
        return true;
    const struct index_place *other = index_place_other(operation->tenant, normal, except);
    return !other || table_place_taken(operation, normal, other);
}

bool table_place_taken(struct operation *operation, struct str location, const struct index_place *other)
{
    const struct index_item *item = other->item;
    struct str name = item ? operation_show(operation, item->in, item->name) : S("a table that is being created");
    err_set(&operation->error, ERR_INVALID, "location '%.*s' overlaps that of %.*s",
            STR_ARG(str_slice(location, 0, 200)), STR_ARG(str_slice(name, 0, 200)));
    if (item && item->dropped_us)
        err_hint(&operation->error,
                 "that one was dropped, and its files are still kept; eider drop --now removes them");
    return false;
}

/* --- Lists --- */

void catalog_list(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_namespace *in, const struct catalog_page *page)
{
    struct operation *operation = operation_new(catalog, call, sizeof(*operation), ROLE_READER, false);
    struct arena *arena = operation->arena;
    struct str key, after = S("");
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, in)) {
        mirror_list(operation, kind, page);
        return;
    }
    const struct index_space *space = operation_space(operation, in, &key);
    if (!space)
        return;
    if (page->token.len && !page_after(arena, page->token, &after, &operation->error)) {
        operation_fail_error(operation);
        return;
    }
    size_t max = (size_t)limits_get(LIMIT_CATALOG_PAGE);
    if (page->all)
        max = space->items.count;
    else if (page->size && page->size < max)
        max = page->size;
    struct catalog_name *names = arena_array(arena, max + 1, sizeof(*names));
    struct catalog_answer *answer = &operation->answer;
    const struct catalog_namespace levels = index_levels(arena, key);
    /* Copies are written by their names; whoever lists all of DuckDB's tables need not see them. */
    size_t count = index_is_hidden(key) ? 0 : space->items.count;
    for (size_t i = index_item_from(space, after); i < count; i++) {
        const struct index_item *item = space->items.items[i];
        if (item->kind != kind || (after.len && str_equal(item->name, after)))
            continue;
        if (answer->name_count == max) {
            answer->next_page = page_token(arena, names[max - 1].name);
            break;
        }
        names[answer->name_count++] = (struct catalog_name){levels, str_copy(arena, item->name)};
    }
    answer->names = names;
    operation_end(operation);
}

/* --- Loading --- */

/* FNV-1a of the file's name: each file is written once. */
static struct str table_etag(struct arena *arena, struct str metadata, bool refs_only)
{
    uint64_t hash[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x9ae16a3b2f90404f)};
    for (size_t i = 0; i < metadata.len; i++) {
        hash[0] = (hash[0] ^ (unsigned char)metadata.ptr[i]) * UINT64_C(0x100000001b3);
        hash[1] = (hash[1] ^ hash[0]) * UINT64_C(0x100000001b3);
    }
    return str_format(arena, "%016llx%016llx%s", (unsigned long long)hash[0], (unsigned long long)hash[1],
                      refs_only ? "-refs" : "");
}

void table_show(struct operation *operation, struct str metadata, struct str location, struct cache_document *document,
                bool refs_only)
{
    struct catalog_answer *answer = &operation->answer;
    answer->metadata_location = str_copy(operation->arena, metadata);
    answer->location = str_copy(operation->arena, location);
    answer->etag = table_etag(operation->arena, metadata, refs_only);
    if (document)
        answer->metadata = cache_document_slice(document);
}

struct table_reading {
    enum catalog_kind kind;
    bool refs_only;
    struct str key, name, metadata; /* key.ptr NULL: no item's */
    struct document document;
    struct cache_document *cached;
};

static void table_read_run(struct operation *operation)
{
    struct table_reading *reading = operation->data;
    struct str text;
    if (!file_read(operation->catalog, operation->arena, reading->kind, reading->metadata, &text, &reading->document,
                   &operation->error))
        return;
    AUTO(buf) struct buf bytes = {0};
    if (reading->refs_only && reading->document.table)
        metadata_write_refs(reading->document.table, &bytes);
    else
        buf_append_str(&bytes, text);
    reading->cached = cache_document_new(&bytes);
}

static void table_read(struct operation *operation)
{
    struct table_reading *reading = operation->data;
    if (operation->error.code == ERR_NOT_FOUND) {
        operation_fail(operation, CATALOG_NO_FILE, "Failed to open input stream for file: %.*s",
                       STR_ARG(str_slice(reading->metadata, 0, 400)));
        return;
    }
    if (operation->error.code) {
        operation_fail_error(operation);
        return;
    }
    /* The item may have changed or gone meanwhile: then the answer is the state of a moment ago. */
    struct index_item *item =
        reading->key.ptr ? table_find(operation, reading->kind, reading->key, reading->name) : NULL;
    if (item && str_equal(item->metadata, reading->metadata))
        cache_put(&operation->catalog->cache, reading->refs_only ? &item->refs : &item->whole, reading->cached);
    struct str location;
    if (!location_normal(operation->arena, document_location(&reading->document), &location, &operation->error))
        location = S("");
    table_show(operation, reading->metadata, location, reading->cached, reading->refs_only);
    operation_end(operation);
}

void table_answer_file(struct operation *operation, enum catalog_kind kind, struct str metadata)
{
    struct table_reading *reading = arena_new_object(operation->arena, struct table_reading);
    *reading = (struct table_reading){.kind = kind, .metadata = str_copy(operation->arena, metadata)};
    operation->data = reading;
    operation_hold(operation, &reading->cached);
    operation_work(operation, table_read_run, table_read);
}

void table_answer(struct operation *operation, const struct index_item *item, const struct catalog_load *load)
{
    struct arena *arena = operation->arena;
    struct index_item *found = table_find(operation, item->kind, item->in, item->name);
    bool refs_only = load && load->refs_only && item->kind == CATALOG_TABLE;
    struct cache_document *document = cache_get(&operation->catalog->cache, refs_only ? &found->refs : &found->whole);
    table_show(operation, item->metadata, item->location, NULL, refs_only);
    operation->answer.not_modified =
        load && load->if_none_match.len && str_equal(load->if_none_match, operation->answer.etag);
    if (document && load && object_is_gone(operation->catalog->objects, item->metadata))
        document = NULL; /* somebody has deleted the file: what reads it says so */
    if (document && !operation->answer.not_modified && !(load && load->head))
        operation->answer.metadata = cache_document_slice(document);
    if (document || operation->answer.not_modified || (load && load->head)) {
        operation_end(operation);
        return;
    }
    struct table_reading *reading = arena_new_object(arena, struct table_reading);
    *reading = (struct table_reading){.kind = item->kind,
                                      .refs_only = refs_only,
                                      .key = str_copy(arena, item->in),
                                      .name = str_copy(arena, item->name),
                                      .metadata = str_copy(arena, item->metadata)};
    operation->data = reading;
    operation_hold(operation, &reading->cached);
    operation_work(operation, table_read_run, table_read);
}

void catalog_load(struct catalog *catalog, struct catalog_call *call, enum catalog_kind kind,
                  const struct catalog_name *name, const struct catalog_load *load)
{
    struct operation *operation = operation_new(catalog, call, sizeof(*operation), ROLE_READER, false);
    if (!operation_ready(operation))
        return;
    if (operation_is_mirror(operation, &name->in)) {
        mirror_load(operation, kind, name->name, load);
        return;
    }
    struct str key = index_key(operation->arena, &name->in);
    const struct index_item *item = table_find(operation, kind, key, name->name);
    if (item)
        table_answer(operation, item, load);
    else
        table_fail_missing(operation, kind, key, name->name);
}
