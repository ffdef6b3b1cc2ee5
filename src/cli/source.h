/* What `eider ingest` reads: files grouped into tables, each with a format, and the SQL by which an import worker reads
 * them. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum cli_source_format {
    CLI_SOURCE_CSV,
    CLI_SOURCE_TSV,
    CLI_SOURCE_JSON,
    CLI_SOURCE_PARQUET,
    CLI_SOURCE_ARROW,
};
#define CLI_SOURCE_FORMATS "csv|tsv|jsonl|parquet|arrow"

struct cli_source {
    struct str table;
    enum cli_source_format format;
    struct str *files; /* absolute paths, NUL-terminated */
    size_t file_count;
    uint64_t bytes; /* of all files together */
};

struct cli_source_request {
    const struct str *paths; /* files, or patterns with * ? [ ] */
    size_t path_count;
    struct str table;  /* for all files; empty: each file's name */
    struct str format; /* one of CLI_SOURCE_FORMATS; empty: by the file's name */
};

/* Fills sources_out (one per table, in order) from files that exist. ERR_NOT_FOUND for a path that names none,
 * ERR_INVALID for a format that is not known or files of several formats in one table. */
bool cli_source_plan(struct arena *arena, const struct cli_source_request *request, struct cli_source **sources_out,
                     size_t *count_out, struct err *err) MUST_USE;

/* The table name that a path suggests: "data/2024 Orders.csv.gz" → "t_2024_orders". */
struct str cli_source_table_name(struct arena *arena, struct str path);
/* The format that a path suggests; false when it says nothing. */
bool cli_source_format_of(struct str path, enum cli_source_format *format_out);

/* What the user says about CSV and TSV. */
struct cli_source_csv {
    struct str null_text; /* stands for NULL besides nothing; may be empty */
    struct str delimiter; /* empty: a tab for TSV, else what the first line has most of , ; tab and | */
};

/* SELECT * FROM read_csv(...); not for CLI_SOURCE_ARROW. CSV is read strictly: DuckDB guesses the types, not what the
 * quotes and delimiters are, so that a broken line is an error and never a table of one column. */
struct str cli_source_sql(struct arena *arena, const struct cli_source *source, const struct cli_source_csv *csv);

/* About how many rows the files hold, from their first lines; 0 when that cannot be told. */
uint64_t cli_source_estimate(const struct cli_source *source);
