#include "app/warehouse.h"

#include "app/config.h"
#include "base/random.h"
#include "platform/object/object.h"

static const char *warehouse_ways(const struct catalog_warehouse *warehouse, bool vends)
{
    if (vends)
        return "clients get keys by STS";
    if (warehouse->sign)
        return "requests of clients are signed";
    return warehouse->share_keys ? "clients get the server's keys" : "clients need keys of their own";
}

static bool warehouse_try(struct arena *arena, const struct catalog_warehouse *warehouse, struct str *detail_out,
                          struct err *err)
{
    const struct object_options options = {.root = warehouse->root, .s3 = warehouse->s3};
    AUTO(object) struct object_store *store = object_open(&options, err);
    if (!store)
        return false;
    struct str name = random_hex(arena, 16), read;
    struct str directory = str_format(arena, "%.*s/doctor-%.*s", STR_ARG(warehouse->root), STR_ARG(name));
    struct str file = str_format(arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(name));
    if (!object_put(store, file, name, OBJECT_PUT_IF_ABSENT, err) ||
        !object_read(store, arena, file, name.len, &read, err) || !object_delete(store, &file, 1, err))
        return false;
    if (!str_equal(read, name))
        return err_set(err, ERR_DATA_LOSS, "%.*s: what was written is not what is read", STR_ARG(warehouse->root));
    struct object_credentials credentials;
    bool vends = warehouse->s3 && warehouse->vend && object_vend(store, arena, directory, false, &credentials, err);
    if (warehouse->s3 && warehouse->vend && !vends && err->code != ERR_UNIMPLEMENTED)
        return err_wrap(err, "keys for clients");
    *detail_out = warehouse->s3
                      ? str_format(arena, "%.*s; %s", STR_ARG(warehouse->root), warehouse_ways(warehouse, vends))
                      : warehouse->root;
    return true;
}

bool warehouse_check(struct arena *arena, struct str data, struct str *detail_out, struct err *err)
{
    /* Where it listens is not what is asked here. */
    const struct config_flags flags = {.data = data, .insecure = true};
    struct config config;
    if (!config_load(arena, &flags, &config, err))
        return false;
    if (config.warehouse)
        return warehouse_try(arena, config.warehouse, detail_out, err);
    *detail_out = S("in the data directory");
    return true;
}

bool warehouse_misses(struct arena *arena, struct str data, struct str root, const struct str *files, size_t count,
                      bool *missing_out, struct err *err)
{
    const struct config_flags flags = {.data = data, .insecure = true};
    struct config config;
    if (!config_load(arena, &flags, &config, err))
        return false;
    if (!config.warehouse || !str_equal(config.warehouse->root, root))
        return err_set(err, ERR_INVALID, "eider.yaml does not name it as its warehouse");
    const struct object_options options = {.root = root, .s3 = config.warehouse->s3};
    AUTO(object) struct object_store *store = object_open(&options, err);
    for (size_t i = 0; store && i < count; i++) {
        struct object_info info;
        missing_out[i] = !object_head(store, files[i], &info, err);
        if (missing_out[i] && err->code != ERR_NOT_FOUND)
            return false;
    }
    return store != NULL;
}
