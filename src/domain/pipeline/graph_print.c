/* A graph as text, for dot and mermaid, and as JSON. */
#include "domain/pipeline/graph.h"

void graph_print(const struct graph *graph, const bool *chosen, enum graph_format format, struct buf *out)
{
    (void)graph, (void)chosen, (void)format, (void)out;
}
