/* The table of routes. */
#include "face/rest/rest_priv.h"

#define REST_ROUTE(who, verb, path, handler)                              \
    {                                                                     \
        .route = EDGE_ROUTE(verb, path), .access = who, .handle = handler \
    }
#define REST_PROBE(who, verb, path, handler)                                    \
    {                                                                           \
        .route = EDGE_QUIET_ROUTE(verb, path), .access = who, .handle = handler \
    }

static const struct rest_route rest_table[] = {
    REST_PROBE(REST_GREETED, "GET", "/health", rest_health_get),
    REST_PROBE(REST_OPEN, "GET", "/ready", rest_ready_get),
    REST_PROBE(REST_SCRAPED, "GET", "/metrics", rest_metrics_get),
    REST_ROUTE(REST_OPEN, "POST", "/api/v1/login", rest_login_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/whoami", rest_whoami_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/users", rest_users_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/users", rest_users_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/users/import", rest_users_import_post),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/users/{name}", rest_user_delete),
    REST_ROUTE(REST_KNOWN, "PUT", "/api/v1/users/{name}/password", rest_user_password_put),
    REST_ROUTE(REST_KNOWN, "PUT", "/api/v1/users/{name}/roles/{role}", rest_user_role_put),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/users/{name}/roles/{role}", rest_user_role_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/grants", rest_grants_get),
    REST_ROUTE(REST_KNOWN, "PUT", "/api/v1/tenants/{id}/grants/{user}", rest_grant_put),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/tenants/{id}/grants/{user}", rest_grant_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tokens", rest_tokens_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tokens", rest_tokens_post),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/tokens/{id}", rest_token_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/audit", rest_audit_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/query", rest_query_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants", rest_tenants_get),
    REST_ROUTE(REST_GOVERNED, "POST", "/api/v1/tenants", rest_tenants_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}", rest_tenant_get),
    REST_ROUTE(REST_GOVERNED, "DELETE", "/api/v1/tenants/{id}", rest_tenant_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/tables", rest_tenant_tables_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/published", rest_published_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tenants/{id}/published", rest_published_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/iceberg/namespaces", rest_lake_namespaces_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/iceberg/tables", rest_lake_tables_get),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/tenants/{id}/iceberg/tables/{table}", rest_lake_table_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/iceberg/tables/{table}/snapshots", rest_lake_snapshots_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/iceberg/tables/{table}/refs", rest_lake_refs_get),
    REST_ROUTE(REST_KNOWN, "PUT", "/api/v1/tenants/{id}/iceberg/tables/{table}/refs/{ref}", rest_lake_ref_put),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/tenants/{id}/iceberg/tables/{table}/refs/{ref}", rest_lake_ref_delete),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tenants/{id}/iceberg/tables/{table}/rollback", rest_lake_rollback_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/tenants/{id}/iceberg/dropped", rest_lake_dropped_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tenants/{id}/iceberg/undrop", rest_lake_undrop_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tenants/{id}/iceberg/maintain", rest_lake_maintain_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/tenants/{id}/iceberg/mirror", rest_lake_mirror_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/statements", rest_statements_get),
    REST_ROUTE(REST_KNOWN, "DELETE", "/api/v1/statements/{id}", rest_statement_delete),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines", rest_pipelines_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/assets", rest_assets_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/assets/{name}", rest_asset_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/graph", rest_graph_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/check", rest_check_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/plan", rest_plan_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/runs", rest_runs_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/runs", rest_runs_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/runs/{id}", rest_run_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/runs/{id}/cancel", rest_run_cancel_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/runs/{id}/retry", rest_run_retry_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/runs/{id}/logs", rest_run_logs_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/runs/{id}/events", rest_run_events_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/schedules", rest_schedules_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/schedules/{name}/pause", rest_schedule_pause_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/schedules/{name}/resume", rest_schedule_resume_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/schedules/{name}/trigger", rest_schedule_trigger_post),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/ticks", rest_ticks_get),
    REST_ROUTE(REST_KNOWN, "GET", "/api/v1/pipelines/backfills", rest_backfills_get),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/backfills", rest_backfills_post),
    REST_ROUTE(REST_KNOWN, "POST", "/api/v1/pipelines/backfills/{id}/cancel", rest_backfill_cancel_post),
    REST_ROUTE(REST_GOVERNED, "GET", "/api/v1/log-level", rest_log_level_get),
    REST_ROUTE(REST_GOVERNED, "PUT", "/api/v1/log-level", rest_log_level_put),
    REST_ROUTE(REST_GOVERNED, "GET", "/api/v1/backups", rest_backups_get),
    REST_ROUTE(REST_GOVERNED, "POST", "/api/v1/backups", rest_backups_post),
    REST_ROUTE(REST_GOVERNED, "DELETE", "/api/v1/backups/{id}", rest_backup_delete),
    REST_ROUTE(REST_GOVERNED, "GET", "/api/v1/backups/{id}/files/{path+}", rest_backup_file_get),
    REST_ROUTE(REST_OPEN, "GET", "/api/v1/openapi.json", rest_openapi_get),
    REST_ROUTE(REST_OPEN, "GET", "/", rest_index_get),
};
#define REST_ROUTE_COUNT (sizeof(rest_table) / sizeof(rest_table[0]))

const struct rest_route *rest_routes(size_t *count_out)
{
    *count_out = REST_ROUTE_COUNT;
    return rest_table;
}

const struct rest_route *rest_route_find(struct arena *arena, struct str method, struct str path,
                                         struct str *parameters_out, struct str *allow_out, struct err *err)
{
    static const struct edge_routes table = {rest_table, REST_ROUTE_COUNT, sizeof(rest_table[0])};
    *allow_out = S("");
    const struct edge_route *found = edge_route_find(&table, arena, method, path, parameters_out, allow_out);
    if (found)
        return (const void *)found; /* its first member */
    if (allow_out->len > 0)
        err_set(err, ERR_UNIMPLEMENTED, "this path does not know the method %.*s", STR_ARG(str_slice(method, 0, 32)));
    else
        err_set(err, ERR_NOT_FOUND, "nothing is at this path"); /* it may hold a secret, and messages are logged */
    err_hint(err, "GET /api/v1/openapi.json describes what there is");
    return NULL;
}
