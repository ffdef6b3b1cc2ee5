/* What depends on what: assets as nodes, from what DuckDB's parser says each text reads. Pure. */
#pragma once
#include "base/buf.h"
#include "domain/pipeline/project.h"

/* What the worker found out about one text (procedure ANALYSE); texts in the owner's arena. */
struct analysis_read {
    struct str catalog, schema, table; /* as written; schema and catalog may be empty */
    int line, column;                  /* in the asset's text */
};
struct analysis {
    struct str asset;
    struct err error; /* code ERR_OK: parsed; else its place is in line and column */
    int line, column;
    const struct analysis_read *reads; /* tables and views that are no CTE of the text */
    size_t read_count;
    const struct str *files; /* literals of read_csv and its kin: paths or globs below data/source or seeds */
    size_t file_count;
};

struct graph_node {
    const struct asset *asset;
    const size_t *upstream; /* indexes of nodes, ascending */
    size_t upstream_count;
    const size_t *downstream;
    size_t downstream_count;
    const struct str *sources; /* tables that no asset makes: "orders", "iceberg.orders" */
    size_t source_count;
    const struct str *files;
    size_t file_count;
    bool broken;  /* it or something above it has a problem: it cannot run */
    size_t depth; /* longest way from a root */
};
struct graph {
    struct arena *arena;
    struct project *project;  /* a reference */
    struct graph_node *nodes; /* in an order in which they can run; ties by name */
    size_t node_count;
    const size_t *by_name;                /* the node of each of the project's assets */
    const struct asset_problem *problems; /* the project's, and: syntax of SQL, cycles, depends_on of unknown names */
    size_t problem_count;
};
/* analyses: one per asset that has SQL, in any order. Takes a reference to the project. Reading a table that no asset
 * makes is no problem here (it may exist in the tenant: `eider check` binds), reading a test is. An asset that reads
 * its own name does not depend on itself. */
struct graph *graph_new(struct project *project, const struct analysis *analyses, size_t analysis_count);
/* Accepts NULL inside. */
void graph_free(struct graph **graph);
/* Index of a node, or -1. */
ptrdiff_t graph_find(const struct graph *graph, struct str asset);

enum graph_format { GRAPH_TEXT, GRAPH_DOT, GRAPH_JSON, GRAPH_MERMAID };
/* chosen: node_count flags, or NULL for all. */
void graph_print(const struct graph *graph, const bool *chosen, enum graph_format format, struct buf *out);

/* Selectors, each "name", "tag:x", "group:x", "path/of/x", also with shell wildcards, "+" before: all upstream, behind:
 * all downstream ("2+x": two levels), several are a union, "a,b" an intersection, "!x" takes away. An empty list
 * chooses all. chosen_out: node_count flags. ERR_NOT_FOUND names a selector that matches nothing and the nearest. */
bool graph_select(const struct graph *graph, const struct str *selectors, size_t count, bool *chosen_out,
                  struct err *err) MUST_USE;
