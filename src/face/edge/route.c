#include "face/edge/route.h"

/* Text up to the next '/', which stays in *rest. */
static struct str edge_segment(struct str *rest)
{
    ptrdiff_t slash = str_find_char(*rest, '/');
    size_t len = slash < 0 ? rest->len : (size_t)slash;
    struct str segment = str_slice(*rest, 0, len);
    *rest = str_from_index(*rest, len);
    return segment;
}

static bool edge_route_matches(struct str pattern, struct str path, struct str *parameters_out)
{
    size_t count = 0;
    while (pattern.len > 0 && path.len > 0) {
        if (path.ptr[0] != '/')
            return false;
        pattern = str_from_index(pattern, 1);
        path = str_from_index(path, 1);
        struct str wanted = edge_segment(&pattern);
        if (str_ends_with(wanted, S("+}"))) {
            parameters_out[count] = path;
            return path.len > 0;
        }
        struct str given = edge_segment(&path);
        if (str_starts_with(wanted, S("{"))) {
            if (given.len == 0)
                return false;
            parameters_out[count++] = given;
        } else if (!str_equal(wanted, given)) {
            return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

const struct edge_route *edge_route_find(const struct edge_routes *routes, struct arena *arena, struct str method,
                                         struct str path, struct str *parameters_out, struct str *allow_out)
{
    const struct edge_route *get = NULL;
    bool head = str_equal(method, S("HEAD"));
    struct str allow = S("");
    for (size_t i = 0; i < routes->count; i++) {
        const struct edge_route *route = (const void *)((const char *)routes->items + i * routes->size);
        struct str parameters[EDGE_PARAMETERS_MAX] = {0};
        if (!edge_route_matches(str_from(route->pattern), path, parameters))
            continue;
        bool is_get = strcmp(route->method, "GET") == 0;
        if (str_equal(str_from(route->method), method) || (head && is_get))
            memcpy(parameters_out, parameters, sizeof(parameters));
        if (str_equal(str_from(route->method), method))
            return route;
        if (is_get)
            get = route;
        if (!get || strcmp(route->method, "HEAD") != 0)
            allow = str_format(arena, "%.*s%s%s%s", STR_ARG(allow), allow.len ? ", " : "", route->method,
                               is_get ? ", HEAD" : "");
    }
    if (head && get)
        return get;
    *allow_out = allow;
    return NULL;
}
