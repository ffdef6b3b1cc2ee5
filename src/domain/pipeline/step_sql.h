/* What a tenant's worker is told of a step that is SQL. Pure. */
#pragma once
#include "base/buf.h"
#include "domain/pipeline/step.h"

struct json_writer;

/* BUILD's arguments. ERR_INVALID, ERR_RANGE: the run's partition is none of the asset's. */
bool step_sql_build_arguments(const struct step_work *work, struct buf *out, struct err *err) MUST_USE;
/* EXPORT's. */
void step_sql_export_arguments(const struct step_work *work, const struct asset_export *export, struct buf *out);
/* Relative to the project: that of production, or in the environment's own directory below it. In the work's arena. */
struct str step_sql_export_path(const struct step_work *work, const struct asset_export *export);
/* The member "ephemerals": what stands in for names of ephemeral assets in the node's text, in order. */
void step_sql_write_ephemerals(const struct graph *graph, const struct graph_node *node, struct json_writer *writer);
/* The node, or what it reads, is in the Iceberg catalog. */
bool step_sql_needs_iceberg(const struct graph *graph, const struct graph_node *node);
