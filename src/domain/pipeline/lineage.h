/* OpenLineage 2-0-2 events (openlineage.io/spec) of runs and of the assets in them: to a file of the project, one JSON
 * document per line, or posted to an address. They are made on the loop and leave it by a bounded queue; when that is
 * full, events are dropped and counted, and no run ever waits for them. Loop thread only. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct lineage;
struct pipeline;

/* Watches the pipeline's runs from now on. Without `lineage:` in eider.yaml it does nothing. */
struct lineage *lineage_new(struct pipeline *pipeline, struct err *err);
/* What waits is tried once more. After the work pool's threads have returned. Accepts NULL inside. */
void lineage_free(struct lineage **lineage);

/* OpenLineage's runId of a step: a UUID made of the run's and the step's name (RFC 9562, version 8). Pure. */
struct str lineage_step_id(struct arena *arena, struct str run, struct str asset);
