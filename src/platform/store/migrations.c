/* The schema of the server's own tables, as the list of steps that made it. */
#include "platform/store/store_priv.h"

const char *const store_migrations[] = {
    /* 1: tenants, and single values such as the installation's id. */
    "CREATE TABLE tenants(id TEXT PRIMARY KEY, created_us INTEGER NOT NULL, state INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    /* 2: users, what they may do, and what was done. */
    "CREATE TABLE users(name TEXT PRIMARY KEY, password TEXT NOT NULL, admin INTEGER NOT NULL, metrics INTEGER NOT "
    "NULL, audit INTEGER NOT NULL, disabled INTEGER NOT NULL, created_us INTEGER NOT NULL, epoch INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID;"
    "CREATE TABLE grants(user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, tenant TEXT NOT NULL, role "
    "INTEGER NOT NULL, PRIMARY KEY(user, tenant)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX grants_by_tenant ON grants(tenant);"
    "CREATE TABLE tokens(id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, name TEXT "
    "NOT NULL, hash TEXT NOT NULL, tenant TEXT NOT NULL, role INTEGER NOT NULL, admin INTEGER NOT NULL, metrics "
    "INTEGER NOT NULL, audit INTEGER NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, used_us "
    "INTEGER NOT NULL, UNIQUE(user, name)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX tokens_by_tenant ON tokens(tenant);"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, "
    "action INTEGER NOT NULL, object TEXT NOT NULL, tenant TEXT NOT NULL, result INTEGER NOT NULL, times INTEGER NOT "
    "NULL) STRICT;"
    "CREATE INDEX audit_by_time ON audit(at_us);",
    /* 3: the statement log. */
    "CREATE TABLE statements(number INTEGER PRIMARY KEY, id TEXT NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL, "
    "role TEXT NOT NULL, session TEXT NOT NULL, protocol TEXT NOT NULL, sql TEXT NOT NULL, outcome INTEGER NOT NULL, "
    "error TEXT NOT NULL, started_us INTEGER NOT NULL, queued_us INTEGER NOT NULL, run_us INTEGER NOT NULL, rows "
    "INTEGER NOT NULL, bytes INTEGER NOT NULL, memory_bytes INTEGER NOT NULL) STRICT;",
    /* 4: the Iceberg catalog. Rows of a tenant that is not there any more: its warehouse has still to be removed.
     * namespace: levels with U+001F between them; properties, detail: JSON; metadata: the file that is current;
     * dropped_us 0: not dropped. */
    "CREATE TABLE catalog_warehouses(tenant TEXT PRIMARY KEY, made_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE catalog_namespaces(tenant TEXT NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL, PRIMARY "
    "KEY(tenant, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE catalog_items(id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT "
    "NULL, kind INTEGER NOT NULL, uuid TEXT NOT NULL, metadata TEXT NOT NULL, location TEXT NOT NULL, dropped_us "
    "INTEGER NOT NULL, delete_us INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX catalog_items_by_name ON catalog_items(tenant, namespace, name) WHERE dropped_us = 0;"
    "CREATE TABLE catalog_keys(tenant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, problem INTEGER NOT "
    "NULL, message TEXT NOT NULL, metadata TEXT NOT NULL, detail TEXT NOT NULL, at_us INTEGER NOT NULL, PRIMARY "
    "KEY(tenant, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX catalog_keys_by_time ON catalog_keys(at_us);"
    /* A generation of a mirror: the item in the namespace $mirror that shows a DuckDB table as it was then. */
    "CREATE TABLE catalog_mirrors(tenant TEXT NOT NULL, name TEXT NOT NULL, item INTEGER NOT NULL, epoch INTEGER NOT "
    "NULL, version INTEGER NOT NULL, checksum TEXT NOT NULL, made_us INTEGER NOT NULL, PRIMARY KEY(tenant, name, "
    "item)) STRICT, WITHOUT ROWID;",
    /* 5: pipelines. States and kinds are those of domain/pipeline's enums, times are wall clocks (0: not yet), report
     * is JSON; build_run, build_step: under which run and step the tenant's own table remembers the build, those of the
     * first run when a step was taken over from one that did not finish it. */
    "CREATE TABLE pipeline_runs(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, environment TEXT NOT NULL, tenant "
    "TEXT NOT NULL, cause TEXT NOT NULL, user TEXT NOT NULL, selection TEXT NOT NULL, partition TEXT NOT NULL, parent "
    "TEXT NOT NULL, backfill TEXT NOT NULL, full_refresh INTEGER NOT NULL, state INTEGER NOT NULL, created_us INTEGER "
    "NOT NULL, started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, error TEXT NOT NULL) STRICT;"
    "CREATE INDEX pipeline_runs_open ON pipeline_runs(state) WHERE ended_us = 0;"
    "CREATE TABLE pipeline_steps(run INTEGER NOT NULL REFERENCES pipeline_runs(number) ON DELETE CASCADE, step INTEGER "
    "NOT NULL, asset TEXT NOT NULL, kind INTEGER NOT NULL, reason INTEGER NOT NULL, upstream TEXT NOT NULL, state "
    "INTEGER NOT NULL, attempt INTEGER NOT NULL, queued_us INTEGER NOT NULL, started_us INTEGER NOT NULL, ended_us "
    "INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, failure INTEGER NOT NULL, committed INTEGER NOT "
    "NULL, error TEXT NOT NULL, report TEXT NOT NULL, fingerprint TEXT NOT NULL, build_run TEXT NOT NULL, build_step "
    "INTEGER NOT NULL, PRIMARY KEY(run, step)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX pipeline_steps_by_asset ON pipeline_steps(asset, run);"
    "CREATE TABLE pipeline_attempts(run INTEGER NOT NULL REFERENCES pipeline_runs(number) ON DELETE CASCADE, step "
    "INTEGER NOT NULL, attempt INTEGER NOT NULL, started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, failure "
    "INTEGER NOT NULL, error TEXT NOT NULL, PRIMARY KEY(run, step, attempt)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pipeline_assets(tenant TEXT NOT NULL, asset TEXT NOT NULL, partition TEXT NOT NULL, fingerprint TEXT "
    "NOT NULL, built_us INTEGER NOT NULL, version INTEGER NOT NULL, run TEXT NOT NULL, rows INTEGER NOT NULL, bytes "
    "INTEGER NOT NULL, report TEXT NOT NULL, PRIMARY KEY(tenant, asset, partition)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pipeline_schedules(environment TEXT NOT NULL, name TEXT NOT NULL, paused INTEGER NOT NULL, last_us "
    "INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY(environment, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pipeline_ticks(number INTEGER PRIMARY KEY, environment TEXT NOT NULL, schedule TEXT NOT NULL, due_us "
    "INTEGER NOT NULL, at_us INTEGER NOT NULL, outcome TEXT NOT NULL, run TEXT NOT NULL, error TEXT NOT NULL) STRICT;"
    "CREATE TABLE pipeline_backfills(id TEXT PRIMARY KEY, environment TEXT NOT NULL, asset TEXT NOT NULL, user TEXT "
    "NOT "
    "NULL, first TEXT NOT NULL, last TEXT NOT NULL, state INTEGER NOT NULL, created_us INTEGER NOT NULL, ended_us "
    "INTEGER NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, waiting TEXT NOT NULL) "
    "STRICT, WITHOUT ROWID;",
};
const size_t store_migration_count = sizeof(store_migrations) / sizeof(store_migrations[0]);
