/* One OpenLineage 2-0-2 run event as a JSON document. Jobs are the project (a run) and its assets (their steps); names
 * of data sets are those of tables with their schema in a namespace per environment, and paths of files. Pure. */
#pragma once
#include "base/buf.h"
#include "domain/pipeline/run.h"

struct json;

enum lineage_type { LINEAGE_START, LINEAGE_COMPLETE, LINEAGE_FAIL, LINEAGE_ABORT };

struct lineage_event {
    enum lineage_type type;
    int64_t at_us; /* wall clock */
    const struct project_settings *settings;
    const struct run *run;
    const struct run_step *step; /* NULL: of the run itself */
    /* One of the nodes that a dbt step has carried out, and the edges between them, of its report (dbt.h); NULL: of the
     * step itself. */
    const struct json *node, *edges;
};
void lineage_event_write(const struct lineage_event *event, struct buf *out);
