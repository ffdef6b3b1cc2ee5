/* What dbt says: a line of its log (`--log-format json`), and what it leaves behind (manifest.json v12,
 * run_results.json v6). Made by a program that is not ours: bounded, and nothing of it is trusted. Pure. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct json_writer;

struct dbt_line {
    int level;       /* enum log_level */
    struct str text; /* one line; empty: says nothing */
    bool is_failure; /* the reason why a node failed */
};
/* One that is no JSON is a text as it stands. Texts in the arena or in the line. */
void dbt_line_parse(struct str line, struct arena *arena, struct dbt_line *line_out);

enum dbt_status { DBT_SUCCESS, DBT_WARNED, DBT_FAILED, DBT_SKIPPED };
/* A model, seed, snapshot or test that dbt has carried out. */
struct dbt_node {
    struct str name;            /* of its table; of a test: its own */
    struct str kind;            /* "model", "seed", "snapshot", "test" */
    struct str catalog, schema; /* where dbt has made it */
    struct str status;          /* as dbt says: "success", "pass", "error", "fail", "warn", "skipped", … */
    enum dbt_status outcome;
    struct str message;
    double seconds;
    int64_t rows;  /* -1: not known */
    bool is_table; /* it has made a table or a view */
    bool keeps;    /* what it makes depends on what it has made before: incremental, snapshot */
};
struct dbt_edge {
    struct str from, to; /* names of tables; from: also of a source */
};
struct dbt_results {
    struct dbt_node *nodes; /* in dbt's order */
    size_t node_count;
    const struct dbt_edge *edges;
    size_t edge_count;
    bool keeps; /* any of the project's nodes does */
};
#define DBT_NODES_MAX 100000
/* Two tables of one name are an error: they would be the same table of the tenant. Texts in the arena. */
bool dbt_results_parse(struct str manifest, struct str results, struct arena *arena, struct dbt_results *results_out,
                       struct err *err) MUST_USE;
/* The first that failed, or NULL. */
const struct dbt_node *dbt_results_failure(const struct dbt_results *results);
/* {"kind": "dbt", "nodes": [{"name", "kind", "status", "rows", "seconds", "message"}], "edges": [{"from", "to"}]} */
void dbt_results_write(const struct dbt_results *results, struct json_writer *writer);
