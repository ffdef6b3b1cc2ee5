/* The schema of the server's own tables, as the list of steps that made it. */
#include "platform/store/store_priv.h"

const char *const store_migrations[] = {
    /* 1: tenants, and single values such as the installation's id. */
    "CREATE TABLE tenants(id TEXT PRIMARY KEY, created_us INTEGER NOT NULL, state INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};
const size_t store_migration_count = sizeof(store_migrations) / sizeof(store_migrations[0]);
