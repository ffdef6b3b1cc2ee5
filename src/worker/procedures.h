/* The procedures, one file each, and what they share. */
#pragma once
#include "base/buf.h"
#include "worker/procedure.h"

struct engine_versions;

worker_procedure_run worker_locals, worker_inspect, worker_maintain, worker_mirror, worker_publish, worker_snapshot,
    worker_analyse, worker_bind, worker_build, worker_export;

/* procedure.c: answers that are there already, as lines of JSON whatever format was asked for. */
/* Appends {"name": "text"}. */
void procedure_row(struct buf *lines, const char *name, struct str text);
bool procedure_send(struct worker_statement *statement, struct str lines, uint64_t rows, struct err *err) MUST_USE;

/* locals.c: "tenant"."default"."name" */
struct str procedure_locals_name(struct worker_statement *statement, struct str name);
/* Of a table, or of a view, which changes with anything. */
uint64_t procedure_locals_version(const struct engine_versions *versions, struct str name, bool is_view);
