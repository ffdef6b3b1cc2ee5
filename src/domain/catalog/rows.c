/* The catalog's rows: what the migrations describe. */
#include "domain/catalog/rows.h"

#include "base/clock.h"
#include "domain/catalog/catalog_priv.h"
#include "platform/json/json.h"

static void rows_on_row(void *owner, const struct store_value *columns, size_t count)
{
    (void)columns;
    (void)count;
    ++*(size_t *)owner;
}

bool rows_count(struct store_db *db, const char *sql, const struct store_value *values, size_t value_count,
                size_t *count_out, struct err *err)
{
    size_t count = 0;
    if (!store_run(db, sql, values, value_count, rows_on_row, &count, err))
        return false;
    *count_out = count;
    return true;
}

bool rows_space(struct operation *operation, struct store_db *db, struct str key, struct err *err)
{
    const struct store_value values[] = {STORE_STRING(operation->request.tenant), STORE_NUMBER(clock_wall_us())};
    if (!store_run(db, "INSERT OR IGNORE INTO catalog_warehouses(tenant, made_us) VALUES (?, ?)", values, 2, NULL, NULL,
                   err))
        return false;
    if (!str_equal(key, S("iceberg")) && !index_is_hidden(key))
        return true;
    const struct store_value space[] = {values[0], STORE_STRING(key)};
    return store_run(db, "INSERT OR IGNORE INTO catalog_namespaces(tenant, name, properties) VALUES (?, ?, '{}')",
                     space, 2, NULL, NULL, err);
}

bool rows_item(struct operation *operation, struct store_db *db, const struct index_row *row, struct err *err)
{
    const struct store_value values[] = {STORE_NUMBER(row->id),       STORE_STRING(operation->request.tenant),
                                         STORE_STRING(row->in),       STORE_STRING(row->name),
                                         STORE_NUMBER(row->kind),     STORE_STRING(row->uuid),
                                         STORE_STRING(row->metadata), STORE_STRING(row->location)};
    size_t count;
    if (!rows_space(operation, db, row->in, err) ||
        !rows_count(db,
                    "INSERT INTO catalog_items(id, tenant, namespace, name, kind, uuid, metadata, location, "
                    "dropped_us, delete_us) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0 WHERE EXISTS (SELECT 1 FROM "
                    "catalog_namespaces WHERE tenant = ?2 AND name = ?3) RETURNING id",
                    values, 8, &count, err))
        return false;
    if (count)
        return true;
    operation->refusal = CATALOG_NO_NAMESPACE;
    struct str shown = index_show(operation->arena, row->in);
    return err_set(err, ERR_NOT_FOUND, "Namespace does not exist: %.*s", STR_ARG(str_slice(shown, 0, 200)));
}

struct str rows_properties(struct arena *arena, const struct catalog_pair *properties, size_t count)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < count; i++)
        json_write_text(&writer, str_cstr(arena, properties[i].key), properties[i].value);
    json_end_object(&writer);
    return str_copy(arena, buf_str(&text));
}

size_t rows_properties_read(struct arena *arena, struct str text, const struct catalog_pair **properties_out)
{
    struct err error;
    const struct json *object = json_parse(arena, text, &error);
    size_t count = json_count(object);
    struct catalog_pair *properties = arena_array(arena, count + 1, sizeof(*properties));
    for (size_t i = 0; i < count; i++)
        properties[i] = (struct catalog_pair){.key = json_key_at(object, i), .value = json_text(json_at(object, i))};
    *properties_out = properties;
    return count;
}

/* --- Reading at the start --- */

static void rows_on_warehouse(void *owner, const struct store_value *columns, size_t count)
{
    struct catalog *catalog = owner;
    (void)count;
    struct index_tenant *tenant = catalog_tenant_need(catalog, columns[0].text);
    tenant->marked = true;
    tenant->ending = columns[1].number == 0; /* see removal.c */
}

static void rows_on_namespace(void *owner, const struct store_value *columns, size_t count)
{
    struct index_tenant *tenant = catalog_tenant_need(owner, columns[0].text);
    AUTO(arena) struct arena *arena = arena_new();
    (void)count;
    const struct catalog_pair *properties;
    size_t property_count = rows_properties_read(arena, columns[2].text, &properties);
    struct index_space *space = index_space_find(tenant, columns[1].text);
    if (space)
        index_space_change(space, properties, property_count);
    else
        space = index_space_add(tenant, columns[1].text, properties, property_count);
    space->implied = false;
}

static void rows_on_item(void *owner, const struct store_value *columns, size_t count)
{
    struct catalog *catalog = owner;
    struct index_tenant *tenant = catalog_tenant_need(catalog, columns[1].text);
    (void)count;
    const struct index_row row = {
        .id = columns[0].number,
        .kind = columns[4].number == CATALOG_VIEW ? CATALOG_VIEW : CATALOG_TABLE,
        .in = columns[2].text,
        .name = columns[3].text,
        .uuid = columns[5].text,
        .metadata = columns[6].text,
        .location = columns[7].text,
        .dropped_us = columns[8].number,
        .delete_us = columns[9].number,
    };
    if (row.id >= catalog->next_item)
        catalog->next_item = row.id + 1;
    if (!row.dropped_us && !index_space_find(tenant, row.in))
        index_space_add(tenant, row.in, NULL, 0);
    const struct index_place *other;
    index_item_add(tenant, &row, index_place_take(tenant, row.location, NULL, &other));
}

bool rows_load(struct catalog *catalog, struct err *err)
{
    struct store_db *db = store_db(catalog->store);
    catalog->next_item = 1;
    return store_run(db, "SELECT tenant, made_us FROM catalog_warehouses", NULL, 0, rows_on_warehouse, catalog, err) &&
           store_run(db, "SELECT tenant, name, properties FROM catalog_namespaces ORDER BY tenant, name", NULL, 0,
                     rows_on_namespace, catalog, err) &&
           store_run(db,
                     "SELECT id, tenant, namespace, name, kind, uuid, metadata, location, dropped_us, delete_us FROM "
                     "catalog_items ORDER BY tenant, namespace, name, dropped_us",
                     NULL, 0, rows_on_item, catalog, err);
}
