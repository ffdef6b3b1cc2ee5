/* What the store's own files share: the schema's history. */
#pragma once
#include <stddef.h>

/* A result of the store never has more columns. */
#define STORE_COLUMNS_MAX 32

/* Migration n (from 1) brings the schema from n - 1 to n; each runs in its own transaction. Never edited after a
 * release. */
extern const char *const store_migrations[];
extern const size_t store_migration_count;
