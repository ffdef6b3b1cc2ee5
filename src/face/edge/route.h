/* Tables of routes: a method and the pattern of a path. Pure. */
#pragma once
#include "face/edge/edge.h"

/* Parts of a pattern in braces. */
#define EDGE_PARAMETERS_MAX 3

/* The first member of a face's own route. */
struct edge_route {
    const char *method;
    /* Segments as they are; {name} for one segment; {name+} at the end for all that is left, at least one. */
    const char *pattern;
    struct edge_method edge;
};
#define EDGE_ROUTE(verb, path)                                            \
    {                                                                     \
        .method = verb, .pattern = path, .edge = {.name = verb " " path } \
    }
#define EDGE_QUIET_ROUTE(verb, path)                                                     \
    {                                                                                    \
        .method = verb, .pattern = path, .edge = {.name = verb " " path, .quiet = true } \
    }

struct edge_routes {
    const void *items;
    size_t count;
    size_t size; /* of an item */
};

/* The route of a request, with what the braces matched in parameters_out[EDGE_PARAMETERS_MAX]; or NULL: then
 * *allow_out lists the methods that the path knows (in the arena), empty for an unknown path. HEAD finds GET where
 * there is no HEAD. */
const struct edge_route *edge_route_find(const struct edge_routes *routes, struct arena *arena, struct str method,
                                         struct str path, struct str *parameters_out, struct str *allow_out);
