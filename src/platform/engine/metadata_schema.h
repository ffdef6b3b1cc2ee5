/* Schemas of many tables from the texts of their columns' types: each type is asked for once. */
#pragma once
#include "platform/engine/engine_priv.h"

struct engine_metadata_schema;

struct engine_metadata_column {
    struct str catalog, schema, table;
    struct str name;
    struct str type; /* as DuckDB writes it */
    struct str comment;
    bool nullable, automatic, read_only;
};

struct engine_metadata_schema *engine_metadata_schema_new(struct engine_session *session);
/* Accepts NULL inside. */
void engine_metadata_schema_free(struct engine_metadata_schema **schema);

/* Adds a column to the table; texts are borrowed until engine_metadata_schema_take. */
void engine_metadata_schema_add(struct engine_metadata_schema *schema, const struct engine_metadata_column *column);
/* The encapsulated IPC message of the table's schema, borrowed until the next call; the next table begins. */
struct str engine_metadata_schema_take(struct engine_metadata_schema *schema);
