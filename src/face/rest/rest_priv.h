/* What the files of the room share: the routes, one request on its way, and how it is answered. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "domain/query/query.h"
#include "domain/tenant/user.h"
#include "face/edge/exchange.h"
#include "face/edge/route.h"
#include "face/rest/rest.h"
#include "platform/json/json.h"

struct rest_exchange;
struct rest_backup;

struct rest {
    struct loop *loop;
    struct query *query;
    struct tenant_list *tenants;
    struct store *store;
    struct catalog *catalog;
    struct auth *auth;
    struct user_list *users;
    struct audit *audit;
    struct pipeline *pipeline; /* or NULL */
    struct arena *arena;       /* owns data and version */
    struct str data;
    struct str version;
    bool ready;
    int64_t started_us;
    struct http_service service;
    struct buf health; /* the answer of /health, good until health_until_us */
    int64_t health_until_us;
    struct rest_backup *backup; /* the one that exists, or NULL */
};

/* Who may ask at all; what a handler serves depends on the tenant's roles besides. */
enum rest_access {
    REST_OPEN,     /* everybody: nobody is asked who they are */
    REST_GREETED,  /* everybody; whoever says who they are is told more */
    REST_SCRAPED,  /* this machine, and the role metrics */
    REST_KNOWN,    /* users */
    REST_GOVERNED, /* administrators */
};

struct rest_route {
    struct edge_route route;
    enum rest_access access;
    void (*handle)(struct rest_exchange *exchange);
};

/* All routes; the unit test compares them with openapi.json. */
const struct rest_route *rest_routes(size_t *count_out);

/* The route of a request. NULL with ERR_NOT_FOUND for an unknown path; NULL with ERR_UNIMPLEMENTED when the path is
 * known but not the method: then *allow_out lists the known ones (in the arena). HEAD finds GET. */
const struct rest_route *rest_route_find(struct arena *arena, struct str method, struct str path,
                                         struct str *parameters_out, struct str *allow_out, struct err *err);

/* One request; lives in the request's arena and ends with its answer. */
struct rest_exchange {
    struct edge_exchange edge;
    struct rest *rest;
    struct str parameters[EDGE_PARAMETERS_MAX]; /* what the braces matched */
    const struct rest_route *route;
};

struct arena *rest_arena(struct rest_exchange *exchange);

/* Each of these ends the exchange: nothing of it may be touched afterwards. */
void rest_answer(struct rest_exchange *exchange, int status, struct str content_type, struct str body,
                 const struct http_field *fields, size_t field_count);
void rest_answer_json(struct rest_exchange *exchange, int status, const struct buf *body);
void rest_fail(struct rest_exchange *exchange, const struct err *error);
/* The same with a status that the error alone does not give. */
void rest_fail_as(struct rest_exchange *exchange, const struct err *error, int status, const struct http_field *fields,
                  size_t field_count);

/* A refusal that the domain has written into the audit trail itself. */
void rest_fail_noted(struct rest_exchange *exchange, const struct err *error);

/* A streamed answer; the last two end the exchange. */
void rest_begin(struct rest_exchange *exchange, struct str content_type, const struct http_field *fields,
                size_t field_count);
void rest_write(struct rest_exchange *exchange, struct slice slice);
void rest_end(struct rest_exchange *exchange);
void rest_abort(struct rest_exchange *exchange, const struct err *error);

/* Streams a file; ends the exchange. readers counts it until its last byte has left; may be NULL. */
void rest_send_file(struct rest_exchange *exchange, const char *path, size_t *readers);
/* The same of a file that is open; takes the descriptor. */
void rest_send_open(struct rest_exchange *exchange, int fd, size_t *readers);

/* edge_wait_end. */
struct rest_exchange *rest_wait_end(struct edge_wait *wait);
/* The same for what came of it: NULL when the client has gone, or was told the error. */
struct rest_exchange *rest_wait_answer(struct edge_wait *wait, const struct err *error);
/* A change that leaves its own row in the audit trail is made, or refused: 204, or the error. owner: the wait. */
void rest_on_changed(void *owner, const struct err *error);

/* The body as a JSON object with no other members than keys (NULL-terminated). An empty body is {}. */
const struct json *rest_body(struct rest_exchange *exchange, const char *const *keys, struct err *err);
/* The header eider-tenant, or empty; other headers eider-* are refused. */
bool rest_header_tenant(struct rest_exchange *exchange, struct str *tenant_out, struct err *err) MUST_USE;

/* A member that is true or false; absent leaves *value_out. */
bool rest_get_bool(const struct json *object, const char *key, bool *value_out, struct err *err) MUST_USE;

/* A moment as a parameter: RFC 3339, seconds since 1970, or how long before now: 90s, 15m, 2h, 7d. */
bool rest_since(struct str text, int64_t now_us, int64_t *wall_us_out, struct err *err) MUST_USE;

/* HTTP status of an error. */
int rest_error_status(enum err_code code);
/* {"error": {"code", "message", "hint"}} */
void rest_error_encode(struct buf *buf, const struct err *error);

/* The format that an Accept header asks for (empty: JSON), and its name; ERR_INVALID when it is none of ours. */
bool rest_accept(struct str accept, enum query_format *format_out, struct str *content_type_out,
                 struct err *err) MUST_USE;

/* Runs a statement and streams its result in the format; ends the exchange. */
void rest_query_run(struct rest_exchange *exchange, const struct query_request *request, struct str content_type);
void rest_procedure_run(struct rest_exchange *exchange, const struct query_procedure_request *request,
                        struct str content_type);

/* Ends the backup that exists, if any, and forgets its files. */
void rest_backup_drop(struct rest *rest);
/* Removes what a backup left behind when the server was killed. */
void rest_backup_sweep(struct rest *rest);

/* Handlers, one per route, in the file of their resource. */
void rest_index_get(struct rest_exchange *exchange);
void rest_health_get(struct rest_exchange *exchange);
void rest_ready_get(struct rest_exchange *exchange);
void rest_metrics_get(struct rest_exchange *exchange);
void rest_openapi_get(struct rest_exchange *exchange);
void rest_login_post(struct rest_exchange *exchange);
void rest_whoami_get(struct rest_exchange *exchange);
void rest_users_get(struct rest_exchange *exchange);
void rest_users_post(struct rest_exchange *exchange);
void rest_users_import_post(struct rest_exchange *exchange);
void rest_user_delete(struct rest_exchange *exchange);
void rest_user_password_put(struct rest_exchange *exchange);
void rest_user_role_put(struct rest_exchange *exchange);
void rest_user_role_delete(struct rest_exchange *exchange);
void rest_grants_get(struct rest_exchange *exchange);
void rest_grant_put(struct rest_exchange *exchange);
void rest_grant_delete(struct rest_exchange *exchange);
void rest_tokens_get(struct rest_exchange *exchange);
void rest_tokens_post(struct rest_exchange *exchange);
void rest_token_delete(struct rest_exchange *exchange);
void rest_audit_get(struct rest_exchange *exchange);
void rest_query_post(struct rest_exchange *exchange);
void rest_tenants_get(struct rest_exchange *exchange);
void rest_tenants_post(struct rest_exchange *exchange);
void rest_tenant_get(struct rest_exchange *exchange);
void rest_tenant_delete(struct rest_exchange *exchange);
void rest_tenant_tables_get(struct rest_exchange *exchange);
void rest_lake_namespaces_get(struct rest_exchange *exchange);
void rest_lake_tables_get(struct rest_exchange *exchange);
void rest_lake_table_delete(struct rest_exchange *exchange);
void rest_lake_snapshots_get(struct rest_exchange *exchange);
void rest_lake_refs_get(struct rest_exchange *exchange);
void rest_lake_ref_put(struct rest_exchange *exchange);
void rest_lake_ref_delete(struct rest_exchange *exchange);
void rest_lake_rollback_post(struct rest_exchange *exchange);
void rest_lake_dropped_get(struct rest_exchange *exchange);
void rest_lake_undrop_post(struct rest_exchange *exchange);
void rest_lake_maintain_post(struct rest_exchange *exchange);
void rest_lake_mirror_post(struct rest_exchange *exchange);
void rest_published_get(struct rest_exchange *exchange);
void rest_published_post(struct rest_exchange *exchange);
void rest_statements_get(struct rest_exchange *exchange);
void rest_statement_delete(struct rest_exchange *exchange);
void rest_log_level_get(struct rest_exchange *exchange);
void rest_log_level_put(struct rest_exchange *exchange);
void rest_backups_post(struct rest_exchange *exchange);
void rest_backups_get(struct rest_exchange *exchange);
void rest_backup_delete(struct rest_exchange *exchange);
void rest_backup_file_get(struct rest_exchange *exchange);
void rest_pipelines_get(struct rest_exchange *exchange);
void rest_assets_get(struct rest_exchange *exchange);
void rest_asset_get(struct rest_exchange *exchange);
void rest_graph_get(struct rest_exchange *exchange);
void rest_check_post(struct rest_exchange *exchange);
void rest_plan_post(struct rest_exchange *exchange);
void rest_runs_get(struct rest_exchange *exchange);
void rest_runs_post(struct rest_exchange *exchange);
void rest_run_get(struct rest_exchange *exchange);
void rest_run_cancel_post(struct rest_exchange *exchange);
void rest_run_retry_post(struct rest_exchange *exchange);
void rest_run_logs_get(struct rest_exchange *exchange);
void rest_run_events_get(struct rest_exchange *exchange);
void rest_schedules_get(struct rest_exchange *exchange);
void rest_schedule_pause_post(struct rest_exchange *exchange);
void rest_schedule_resume_post(struct rest_exchange *exchange);
void rest_schedule_trigger_post(struct rest_exchange *exchange);
void rest_ticks_get(struct rest_exchange *exchange);
void rest_backfills_get(struct rest_exchange *exchange);
void rest_backfills_post(struct rest_exchange *exchange);
void rest_backfill_cancel_post(struct rest_exchange *exchange);
