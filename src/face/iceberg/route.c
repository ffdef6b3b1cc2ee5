/* The table of routes. */
#include "face/iceberg/iceberg_priv.h"

#define ICEBERG_TENANT "/iceberg/v1/{prefix}"
#define ICEBERG_NAMESPACE ICEBERG_TENANT "/namespaces/{namespace}"
#define ICEBERG_TABLE_PATH ICEBERG_NAMESPACE "/tables/{table}"
#define ICEBERG_VIEW_PATH ICEBERG_NAMESPACE "/views/{view}"

#define ICEBERG_ROUTE(who, verb, path, handler)                           \
    {                                                                     \
        .route = EDGE_ROUTE(verb, path), .access = who, .handle = handler \
    }
/* About tables or views: GET, HEAD and DELETE; and POST with a body. */
#define ICEBERG_ASKS(what, verb, path, handler)                                                      \
    {                                                                                                \
        .route = EDGE_ROUTE(verb, path), .access = ICEBERG_TENANTED, .kind = what, .handle = handler \
    }
#define ICEBERG_SAYS(what, path, handler)                                                                \
    {                                                                                                    \
        .route = EDGE_ROUTE("POST", path), .access = ICEBERG_TENANTED, .kind = what, .takes_json = true, \
        .handle = handler                                                                                \
    }

static const struct iceberg_route iceberg_table[] = {
    ICEBERG_ROUTE(ICEBERG_KNOWN, "GET", "/iceberg/v1/config", iceberg_config_get),
    ICEBERG_ROUTE(ICEBERG_OPEN, "POST", ICEBERG_TOKEN_PATH, iceberg_token_post),
    ICEBERG_ASKS(CATALOG_TABLE, "GET", ICEBERG_TABLE_PATH, iceberg_load_get),
    ICEBERG_ASKS(CATALOG_TABLE, "HEAD", ICEBERG_TABLE_PATH, iceberg_load_head),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_TABLE_PATH, iceberg_commit_post),
    ICEBERG_ASKS(CATALOG_TABLE, "DELETE", ICEBERG_TABLE_PATH, iceberg_drop_delete),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_TENANT "/transactions/commit", iceberg_transaction_post),
    ICEBERG_ASKS(CATALOG_TABLE, "POST", ICEBERG_TABLE_PATH "/metrics", iceberg_metrics_post),
    ICEBERG_ASKS(CATALOG_TABLE, "GET", ICEBERG_TABLE_PATH "/credentials", iceberg_credentials_get),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_TABLE_PATH "/sign", iceberg_sign_post),
    ICEBERG_ASKS(CATALOG_TABLE, "POST", ICEBERG_TABLE_PATH "/unregister", iceberg_unregister_post),
    ICEBERG_ASKS(CATALOG_TABLE, "GET", ICEBERG_TENANT "/namespaces", iceberg_namespaces_get),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_TENANT "/namespaces", iceberg_namespaces_post),
    ICEBERG_ASKS(CATALOG_TABLE, "GET", ICEBERG_NAMESPACE, iceberg_namespace_get),
    ICEBERG_ASKS(CATALOG_TABLE, "HEAD", ICEBERG_NAMESPACE, iceberg_namespace_head),
    ICEBERG_ASKS(CATALOG_TABLE, "DELETE", ICEBERG_NAMESPACE, iceberg_namespace_delete),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_NAMESPACE "/properties", iceberg_properties_post),
    ICEBERG_ASKS(CATALOG_TABLE, "GET", ICEBERG_NAMESPACE "/tables", iceberg_list_get),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_NAMESPACE "/tables", iceberg_create_post),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_NAMESPACE "/register", iceberg_register_post),
    ICEBERG_SAYS(CATALOG_TABLE, ICEBERG_TENANT "/tables/rename", iceberg_rename_post),
    ICEBERG_ASKS(CATALOG_VIEW, "GET", ICEBERG_NAMESPACE "/views", iceberg_list_get),
    ICEBERG_SAYS(CATALOG_VIEW, ICEBERG_NAMESPACE "/views", iceberg_create_post),
    ICEBERG_ASKS(CATALOG_VIEW, "GET", ICEBERG_VIEW_PATH, iceberg_load_get),
    ICEBERG_ASKS(CATALOG_VIEW, "HEAD", ICEBERG_VIEW_PATH, iceberg_load_head),
    ICEBERG_SAYS(CATALOG_VIEW, ICEBERG_VIEW_PATH, iceberg_commit_post),
    ICEBERG_ASKS(CATALOG_VIEW, "DELETE", ICEBERG_VIEW_PATH, iceberg_drop_delete),
    ICEBERG_SAYS(CATALOG_VIEW, ICEBERG_NAMESPACE "/register-view", iceberg_register_post),
    ICEBERG_SAYS(CATALOG_VIEW, ICEBERG_TENANT "/views/rename", iceberg_rename_post),
};

const struct edge_routes iceberg_routes = {iceberg_table, sizeof(iceberg_table) / sizeof(iceberg_table[0]),
                                           sizeof(iceberg_table[0])};

struct str iceberg_route_endpoint(struct arena *arena, const struct iceberg_route *route)
{
    if (route->access != ICEBERG_TENANTED)
        return S("");
    return str_format(arena, "%s %s", route->route.method, route->route.pattern + sizeof(ICEBERG_BASE) - 1);
}
