/* The catalog's rows: pieces of transactions, on the store's thread, and reading them at the start. */
#pragma once
#include "domain/catalog/operation.h"

/* The warehouse, and the namespace if it is implied, have rows. */
bool rows_space(struct operation *operation, struct store_db *db, struct str key, struct err *err) MUST_USE;
/* A new item; ERR_NOT_FOUND when the namespace went. */
bool rows_item(struct operation *operation, struct store_db *db, const struct index_row *row, struct err *err) MUST_USE;
/* Reads all tenants into the index, before the store's thread runs. */
bool rows_load(struct catalog *catalog, struct err *err) MUST_USE;
/* JSON of properties, and back. */
struct str rows_properties(struct arena *arena, const struct catalog_pair *properties, size_t count);
size_t rows_properties_read(struct arena *arena, struct str text, const struct catalog_pair **properties_out);
/* Runs a statement with RETURNING; *count_out is the number of rows. */
bool rows_count(struct store_db *db, const char *sql, const struct store_value *values, size_t value_count,
                size_t *count_out, struct err *err) MUST_USE;
