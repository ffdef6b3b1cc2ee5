/* Tables come from eider.db; places are compared as texts, as all readers of Iceberg do. */
#include "cli/warehouse.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/tree.h"
#include "platform/store/store.h"

/* Between the levels of a namespace (domain/catalog). */
#define SEPARATOR '\x1f'

struct reading {
    struct arena *arena;
    struct cli_warehouse *warehouse;
};

/* tenant, namespace, name, metadata, dropped_us */
static void on_item(void *owner, const struct store_value *columns, size_t count)
{
    struct reading *reading = owner;
    (void)count;
    if (columns[4].number != 0) {
        reading->warehouse->dropped++;
        return;
    }
    struct str namespace = str_copy(reading->arena, columns[1].text);
    for (char *at = str_cstr(reading->arena, namespace); (at = strchr(at, SEPARATOR)); at++)
        *at = '.';
    const struct cli_warehouse_table table = {
        .name = str_format(reading->arena, "%.*s: %.*s.%.*s", STR_ARG(columns[0].text), STR_ARG(namespace),
                           STR_ARG(columns[2].text)),
        .metadata = str_copy(reading->arena, columns[3].text),
    };
    vec_push(&reading->warehouse->tables, table);
}

/* What follows the scheme of a local file's location, in any of the ways to write it. */
static struct str path_of(struct str location)
{
    if (str_starts_with(location, S("file:")))
        location = str_from_index(location, sizeof("file:") - 1);
    return str_starts_with(location, S("//")) ? str_from_index(location, 2) : location;
}

bool cli_warehouse_read(struct arena *arena, struct str database, struct str location,
                        struct cli_warehouse *warehouse_out, struct err *err)
{
    static const char *const forget[] = {"DELETE FROM catalog_items WHERE namespace GLOB '$*'",
                                         "DELETE FROM catalog_mirrors"};
    struct cli_warehouse warehouse = {.location = location};
    struct reading reading = {.arena = arena, .warehouse = &warehouse};
    if (str_starts_with(location, S("file:")))
        warehouse.path = path_of(location);
    struct store *store = store_open(database, err);
    bool ok = store;
    for (size_t i = 0; ok && i < sizeof(forget) / sizeof(forget[0]); i++)
        ok = store_run(store_db(store), forget[i], NULL, 0, NULL, NULL, err);
    ok = ok && store_run(store_db(store),
                         "SELECT tenant, namespace, name, metadata, dropped_us FROM catalog_items ORDER BY 1, 2, 3",
                         NULL, 0, on_item, &reading, err);
    store_close(&store);
    if (ok)
        *warehouse_out = warehouse;
    else
        cli_warehouse_done(&warehouse);
    return ok;
}

void cli_warehouse_done(struct cli_warehouse *warehouse)
{
    vec_done(&warehouse->tables);
}

bool cli_warehouse_is_empty(const struct cli_warehouse *warehouse)
{
    return warehouse->tables.count == 0 && warehouse->dropped == 0;
}

/* What realpath will say when the directory is there; its parent is. */
static struct str real_path(struct arena *arena, struct str directory)
{
    char real[PATH_MAX];
    size_t leaf = directory.len;
    while (leaf > 0 && directory.ptr[leaf - 1] != '/')
        leaf--;
    struct str parent = leaf > 1 ? str_slice(directory, 0, leaf - 1) : leaf == 1 ? S("/") : S(".");
    if (!realpath(str_cstr(arena, parent), real))
        return directory;
    return str_format(arena, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, STR_ARG(str_from_index(directory, leaf)));
}

bool cli_warehouse_find(struct arena *arena, struct cli_warehouse *warehouse, struct str data, struct str part,
                        struct err *err)
{
    struct str real = real_path(arena, data);
    if (str_starts_with(warehouse->path, str_format(arena, "%.*s/", STR_ARG(real)))) {
        struct str below = str_from_index(warehouse->path, real.len + 1);
        warehouse->place = cli_tree_path(arena, part, below);
        return true;
    }
    warehouse->place = warehouse->path;
    if (cli_tree_is_empty(arena, warehouse->path))
        return true;
    (void)err_set(err, ERR_EXISTS, "the Iceberg tables can be read only in %.*s, where they were, and it is not empty",
                  STR_ARG(warehouse->path));
    return err_hint(err, "move it away, or leave the tables' files out with --without-iceberg");
}

bool cli_warehouse_is_inside(const struct cli_warehouse *warehouse)
{
    return !str_equal(warehouse->place, warehouse->path);
}

bool cli_warehouse_confirm(struct arena *arena, const struct cli_warehouse *warehouse, struct err *err)
{
    struct str root = str_format(arena, "%.*s/", STR_ARG(warehouse->path));
    for (size_t i = 0; i < warehouse->tables.count; i++) {
        const struct cli_warehouse_table *table = &warehouse->tables.items[i];
        struct str path = path_of(table->metadata);
        if (!str_starts_with(path, root)) /* another place, which the backup does not speak of */
            continue;
        if (access(cli_tree_path(arena, warehouse->place, str_from_index(path, root.len)).ptr, R_OK) != 0)
            return err_set(err, ERR_DATA_LOSS, "the backup lacks %.*s, the metadata of %.*s", STR_ARG(table->metadata),
                           STR_ARG(table->name));
    }
    return true;
}
