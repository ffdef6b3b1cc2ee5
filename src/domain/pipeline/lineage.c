#include "domain/pipeline/lineage.h"

struct lineage {
    struct pipeline *pipeline;
};

struct lineage *lineage_new(struct pipeline *pipeline, struct err *err)
{
    (void)err;
    struct lineage *lineage = mem_new(struct lineage);
    lineage->pipeline = pipeline;
    return lineage;
}

void lineage_free(struct lineage **lineage)
{
    mem_free(*lineage);
    *lineage = NULL;
}

struct str lineage_step_id(struct arena *arena, struct str run, struct str asset)
{
    (void)asset;
    return str_copy(arena, run);
}
