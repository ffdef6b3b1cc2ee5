/* The lists. Each is short enough to read; a lookup walks a list only for names that stand before a bracket or begin a
 * statement, so a sorted search is worth it for the functions alone. */
#include "domain/query/gate_words.h"

#include <stdlib.h>

struct gate_words_verb {
    const char *word;
    enum gate_verb verb;
    const char *why;
};

static const struct gate_words_verb gate_verbs[] = {
    {"select", GATE_VERB_READ, NULL},
    {"with", GATE_VERB_READ, NULL},
    {"values", GATE_VERB_READ, NULL},
    {"from", GATE_VERB_TABLE, NULL},
    {"table", GATE_VERB_TABLE, NULL},
    {"describe", GATE_VERB_TABLE, NULL},
    {"desc", GATE_VERB_TABLE, NULL},
    {"show", GATE_VERB_TABLE, NULL},
    {"summarize", GATE_VERB_TABLE, NULL},
    {"pivot", GATE_VERB_TABLE, NULL},
    {"pivot_wider", GATE_VERB_TABLE, NULL},
    {"pivot_longer", GATE_VERB_TABLE, NULL},
    {"unpivot", GATE_VERB_TABLE, NULL},
    {"insert", GATE_VERB_WRITE, NULL},
    {"update", GATE_VERB_WRITE, NULL},
    {"delete", GATE_VERB_WRITE, NULL},
    {"merge", GATE_VERB_WRITE, NULL},
    {"truncate", GATE_VERB_WRITE, NULL},
    {"analyze", GATE_VERB_WRITE, NULL},
    {"vacuum", GATE_VERB_WRITE, NULL},
    {"create", GATE_VERB_CREATE, NULL},
    {"drop", GATE_VERB_DROP, NULL},
    {"alter", GATE_VERB_ALTER, NULL},
    {"comment", GATE_VERB_COMMENT, NULL},
    {"set", GATE_VERB_SET, NULL},
    {"reset", GATE_VERB_RESET, NULL},
    {"use", GATE_VERB_USE, NULL},
    {"pragma", GATE_VERB_PRAGMA, NULL},
    {"call", GATE_VERB_CALL, NULL},
    {"explain", GATE_VERB_EXPLAIN, NULL},
    {"prepare", GATE_VERB_PREPARE, NULL},
    {"begin", GATE_VERB_SESSION, NULL},
    {"start", GATE_VERB_SESSION, NULL},
    {"commit", GATE_VERB_SESSION, NULL},
    {"end", GATE_VERB_SESSION, NULL},
    {"rollback", GATE_VERB_SESSION, NULL},
    {"abort", GATE_VERB_SESSION, NULL},
    {"execute", GATE_VERB_SESSION, NULL},
    {"deallocate", GATE_VERB_SESSION, NULL},
    {"attach", GATE_VERB_REFUSED, "reaches other databases"},
    {"detach", GATE_VERB_REFUSED, "reaches other databases"},
    {"copy", GATE_VERB_REFUSED, "reads and writes files"},
    {"export", GATE_VERB_REFUSED, "writes files"},
    {"import", GATE_VERB_REFUSED, "reads files"},
    {"install", GATE_VERB_REFUSED, "brings in extensions"},
    {"load", GATE_VERB_REFUSED, "brings in extensions"},
    {"checkpoint", GATE_VERB_REFUSED, "is the server's work"},
    {"force", GATE_VERB_REFUSED, "is the server's work"},
};

/* Table functions of DuckDB 1.5 that read nothing but the tenant's own data, the catalog or their arguments. Sorted. */
static const char *const gate_tables[] = {
    "duckdb_columns",
    "duckdb_constraints",
    "duckdb_coordinate_systems",
    "duckdb_dependencies",
    "duckdb_functions",
    "duckdb_indexes",
    "duckdb_keywords",
    "duckdb_memory",
    "duckdb_optimizers",
    "duckdb_prepared_statements",
    "duckdb_schemas",
    "duckdb_sequences",
    "duckdb_table_sample",
    "duckdb_tables",
    "duckdb_types",
    "duckdb_variables",
    "duckdb_views",
    "generate_series",
    "histogram",
    "histogram_values",
    "icu_calendar_names",
    "json_each",
    "json_tree",
    "pg_timezone_names",
    "pragma_collations",
    "pragma_database_size",
    "pragma_metadata_info",
    "pragma_platform",
    "pragma_storage_info",
    "pragma_table_info",
    "pragma_user_agent",
    "pragma_version",
    "range",
    "repeat",
    "repeat_row",
    "summary",
    "test_all_types",
    "test_vector_types",
    "unnest",
};

/* Everything else that DuckDB 1.5 and the extensions of these registries offer and that reaches files, the network,
 * other databases, extensions, secrets, logs, settings or paths of the server, or that runs text as SQL. Sorted. */
static const char *const gate_closed[] = {
    "add_parquet_key",
    "all_profiling_output",
    "arrow_scan",
    "arrow_scan_dumb",
    "checkpoint",
    "copy_database",
    "database_list",
    "dbgen",
    "delta_scan",
    "disable_checkpoint_on_shutdown",
    "disable_logging",
    "disable_object_cache",
    "disable_optimizer",
    "disable_peg_parser",
    "disable_profile",
    "disable_profiling",
    "dsdgen",
    "duckdb_approx_database_count",
    "duckdb_connection_count",
    "duckdb_databases",
    "duckdb_extensions",
    "duckdb_external_file_cache",
    "duckdb_log_contexts",
    "duckdb_logs",
    "duckdb_logs_parsed",
    "duckdb_profiling_settings",
    "duckdb_secret_types",
    "duckdb_secrets",
    "duckdb_settings",
    "duckdb_temporary_files",
    "enable_checkpoint_on_shutdown",
    "enable_logging",
    "enable_object_cache",
    "enable_optimizer",
    "enable_peg_parser",
    "enable_profile",
    "enable_profiling",
    "extension_versions",
    "force_checkpoint",
    "from_substrait",
    "from_substrait_json",
    "getenv",
    "glob",
    "import_database",
    "index_scan",
    "json_execute_serialized_sql",
    "json_serialize_plan",
    "load_aws_credentials",
    "pandas_scan",
    "pg_clear_cache",
    "pragma_show",
    "python_map_function",
    "query",
    "query_table",
    "scan_arrow_ipc",
    "seq_scan",
    "set_log_level",
    "set_log_mode",
    "set_log_storage",
    "sniff_csv",
    "sql_auto_complete",
    "start_ui",
    "start_ui_server",
    "stop_ui_server",
    "truncate_duckdb_logs",
    "ui_is_started",
    "which_secret",
    "write_log",
};

/* Open to texts of pipelines. Sorted. */
static const char *const gate_file_readers[] = {
    "glob",           "parquet_scan",      "read_blob",
    "read_csv",       "read_csv_auto",     "read_json",
    "read_json_auto", "read_json_objects", "read_json_objects_auto",
    "read_ndjson",    "read_ndjson_auto",  "read_ndjson_objects",
    "read_parquet",   "read_text",
};

/* What these tell of a table is in the catalog for everybody who may read it. */
static const char *const gate_of_iceberg[] = {"iceberg_snapshots", "iceberg_metadata", "iceberg_table_properties"};

/* Families: a name that begins like this is closed, known or not. */
static const char *const gate_closed_families[] = {
    "__internal", "avro_",   "delta_",     "disable_verif", "ducklake_", "enable_verif",   "excel_",        "http_",
    "iceberg_",   "mysql_",  "mssql_",     "parquet_",      "postgres_", "remove_iceberg", "set_iceberg",   "quack_",
    "read_",      "sqlite_", "st_drivers", "st_read",       "unity_",    "verify_",        "write_parquet",
};

/* Views that DuckDB makes itself and that show the server's paths, settings and logs. */
static const char *const gate_closed_views[] = {"duckdb_databases", "duckdb_logs", "pg_settings",
                                                "pragma_database_list"};

static const char *const gate_objects[] = {"table", "view", "schema", "sequence", "index", "type", "macro", "function"};

static const char *const gate_settings[] = {
    "calendar",         "default_collation", "default_null_order", "default_order", "ieee_floating_point_ops",
    "integer_division", "lambda_syntax",     "null_order",         "schema",        "search_path",
    "timezone",
};

static const char *const gate_pragmas[] = {
    "collations",   "database_size",        "functions",  "platform",   "show_databases", "show_tables",
    "storage_info", "show_tables_expanded", "table_info", "user_agent", "version",
};

static const char *const gate_file_endings[] = {
    "csv", "tsv",    "txt", "parquet", "json",  "jsonl",  "ndjson",  "geojson", "gz",   "zst",
    "db",  "duckdb", "ddb", "sqlite",  "arrow", "arrows", "feather", "avro",    "xlsx",
};

static const char *const gate_table_ends[] = {
    "select", "where",  "group", "having",    "window", "qualify",   "order",
    "limit",  "offset", "union", "intersect", "except", "returning",
};

static const char *const gate_query_begins[] = {
    "select", "with",      "from",  "values",      "table",        "describe", "desc",
    "show",   "summarize", "pivot", "pivot_wider", "pivot_longer", "unpivot",
};

#define GATE_COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool gate_words_in(const char *const *list, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(word, str_from(list[i])))
            return true;
    }
    return false;
}

/* Byte order of the lower-case word against an entry. */
static int gate_words_compare(const void *word, const void *entry)
{
    struct str text = *(const struct str *)word, name = str_from(*(const char *const *)entry);
    for (size_t i = 0; i < text.len && i < name.len; i++) {
        char c = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] + ('a' - 'A')) : text.ptr[i];
        if (c != name.ptr[i])
            return (unsigned char)c < (unsigned char)name.ptr[i] ? -1 : 1;
    }
    return (text.len > name.len) - (text.len < name.len);
}

static bool gate_words_in_sorted(const char *const *list, size_t count, struct str word)
{
    return bsearch(&word, list, count, sizeof(*list), gate_words_compare) != NULL;
}

enum gate_verb gate_words_verb(struct str word, const char **why_out)
{
    *why_out = NULL;
    for (size_t i = 0; i < GATE_COUNT(gate_verbs); i++) {
        if (!str_equal_nocase(word, str_from(gate_verbs[i].word)))
            continue;
        *why_out = gate_verbs[i].why;
        return gate_verbs[i].verb;
    }
    return GATE_VERB_REFUSED;
}

enum gate_function gate_words_function(struct str name)
{
    if (gate_words_in_sorted(gate_tables, GATE_COUNT(gate_tables), name))
        return GATE_FUNCTION_TABLE;
    if (gate_words_in_sorted(gate_closed, GATE_COUNT(gate_closed), name))
        return GATE_FUNCTION_CLOSED;
    if (gate_words_in(gate_of_iceberg, GATE_COUNT(gate_of_iceberg), name))
        return GATE_FUNCTION_ICEBERG;
    for (size_t i = 0; i < GATE_COUNT(gate_closed_families); i++) {
        struct str family = str_from(gate_closed_families[i]);
        if (str_equal_nocase(str_slice(name, 0, family.len), family))
            return GATE_FUNCTION_CLOSED;
    }
    return str_equal_nocase(name, S("current_setting")) ? GATE_FUNCTION_SETTING : GATE_FUNCTION_OPEN;
}

bool gate_words_reads_files(struct str name)
{
    return gate_words_in_sorted(gate_file_readers, GATE_COUNT(gate_file_readers), name);
}

bool gate_words_is_closed_view(struct str name)
{
    return gate_words_in(gate_closed_views, GATE_COUNT(gate_closed_views), name);
}

bool gate_words_is_object(struct str word)
{
    return gate_words_in(gate_objects, GATE_COUNT(gate_objects), word);
}

bool gate_words_is_setting(struct str name)
{
    return gate_words_in(gate_settings, GATE_COUNT(gate_settings), name);
}

bool gate_words_is_pragma(struct str name)
{
    return gate_words_in(gate_pragmas, GATE_COUNT(gate_pragmas), name);
}

bool gate_words_is_file_ending(struct str ending)
{
    return gate_words_in(gate_file_endings, GATE_COUNT(gate_file_endings), ending);
}

bool gate_words_ends_tables(struct str word)
{
    return gate_words_in(gate_table_ends, GATE_COUNT(gate_table_ends), word);
}

bool gate_words_begins_query(struct str word)
{
    return gate_words_in(gate_query_begins, GATE_COUNT(gate_query_begins), word);
}
