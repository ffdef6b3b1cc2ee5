/* What the files of the room share: the routes, one request on its way, and how it is answered. */
#pragma once
#include "domain/catalog/catalog.h"
#include "face/edge/exchange.h"
#include "face/edge/route.h"
#include "face/iceberg/iceberg.h"
#include "platform/json/json.h"

struct iceberg_exchange;

struct iceberg {
    struct iceberg_options options;
    struct http_service public_service, internal_service;
    struct http_service *next; /* where other paths go */
    bool draining;
};

enum iceberg_access {
    ICEBERG_OPEN,     /* everybody */
    ICEBERG_KNOWN,    /* who says who they are */
    ICEBERG_TENANTED, /* and sees the tenant that is the path's {prefix} */
};

struct iceberg_route {
    struct edge_route route;
    enum iceberg_access access;
    enum catalog_kind kind; /* what it is about, where both have the same handler */
    bool takes_json;        /* the body is a JSON object */
    void (*handle)(struct iceberg_exchange *exchange);
};
/* All routes. */
extern const struct edge_routes iceberg_routes;
/* What /v1/config lists: "GET /v1/{prefix}/namespaces". Empty for what is not listed. */
struct str iceberg_route_endpoint(struct arena *arena, const struct iceberg_route *route);

/* Encodes the catalog's answer, which has no problem; ends the exchange. Texts of the answer are gone afterwards. */
typedef void iceberg_answered(struct iceberg_exchange *exchange, struct catalog_answer *answer);

/* One request; lives in the request's arena and ends with its answer. */
struct iceberg_exchange {
    struct edge_exchange edge;
    struct iceberg *iceberg;
    const struct iceberg_route *route;
    bool internal;
    struct str parameters[EDGE_PARAMETERS_MAX]; /* what the braces matched, as it came */
    struct str tenant;
    /* Of the call to the catalog, which gets it with all that it points at; NULL before and afterwards. */
    struct arena *arena;
    struct catalog_name *name; /* of the path, in arena; its parts are empty where the route has none */
    const struct json *body;   /* where the route takes one, in arena */
    struct catalog_call call;
    bool asking; /* the catalog has the call */
    iceberg_answered *answered;
    struct iceberg_loaded *loaded; /* while credentials are asked for */
};

/* --- Asking the catalog (exchange.c) --- */

/* Makes the arena of a call to the catalog, with the path's names in it. */
bool iceberg_prepare(struct iceberg_exchange *exchange, struct err *err) MUST_USE;
/* The call to give to a function of the catalog, together with the arena; answered comes when there is no problem. */
struct catalog_call *iceberg_ask(struct iceberg_exchange *exchange, iceberg_answered *answered);

/* --- Each of these ends the exchange: nothing of it may be touched afterwards --- */

/* etag without quotes; empty: none. */
void iceberg_answer(struct iceberg_exchange *exchange, int status, struct str body, struct str etag);
void iceberg_answer_empty(struct iceberg_exchange *exchange, struct catalog_answer *answer); /* 204 */
/* A large document in its place in a JSON text, without a copy of it. */
void iceberg_answer_around(struct iceberg_exchange *exchange, struct str before, struct slice document,
                           struct str after, struct str etag);
/* A failure that is not the catalog's. */
void iceberg_fail(struct iceberg_exchange *exchange, const struct err *error);
void iceberg_fail_as(struct iceberg_exchange *exchange, const struct err *error, int status, const char *type,
                     const struct http_field *fields, size_t field_count);

/* --- Errors (error.c) --- */

struct iceberg_error {
    int status;
    const char *type;
};
struct iceberg_error iceberg_error_of(enum err_code code);
struct iceberg_error iceberg_error_of_problem(enum catalog_problem problem);
struct iceberg_error iceberg_error_of_status(int status);
/* {"error": {"message", "type", "code", "stack"}} */
void iceberg_error_encode(struct buf *buf, struct iceberg_error error, struct str message);
/* Message and hint in one text, in the arena. */
struct str iceberg_error_text(struct arena *arena, const struct err *error);

/* --- Names (name.c): pure --- */

/* "a\x1f b" of a path or a parameter, decoded. */
bool iceberg_split_namespace(struct arena *arena, struct str text, struct catalog_namespace *name_out,
                             struct err *err) MUST_USE;
/* ["a", "b"]; key is for errors. */
bool iceberg_parse_namespace(struct arena *arena, const struct json *object, const char *key,
                             struct catalog_namespace *name_out, struct err *err) MUST_USE;
/* {"namespace": ["a", "b"], "name": "t"} */
bool iceberg_parse_identifier(struct arena *arena, const struct json *object, const char *key,
                              struct catalog_name *name_out, struct err *err) MUST_USE;
/* The name of a table or view: valid UTF-8 that is not empty. */
bool iceberg_check_name(struct str name, struct err *err) MUST_USE;
void iceberg_namespace_encode(struct json_writer *writer, const char *key, const struct catalog_namespace *name);
/* {"a": "b"} */
bool iceberg_parse_pairs(struct arena *arena, const struct json *object, const char *key,
                         struct catalog_pair **pairs_out, size_t *count_out, struct err *err) MUST_USE;
void iceberg_pairs_encode(struct arena *arena, struct json_writer *writer, const char *key,
                          const struct catalog_pair *pairs, size_t count);
bool iceberg_parse_texts(struct arena *arena, const struct json *object, const char *key, struct str **texts_out,
                         size_t *count_out, struct err *err) MUST_USE;
void iceberg_texts_encode(struct json_writer *writer, const char *key, const struct str *texts, size_t count);
/* The first entity tag of If-None-Match, without quotes; empty: none, or "*". */
struct str iceberg_parse_etag(struct str header);
/* pageToken and pageSize. */
bool iceberg_parse_page(struct arena *arena, struct str query, struct catalog_page *page_out, struct err *err) MUST_USE;

/* --- Tables and views as they are answered (load.c) --- */

/* Answers with a LoadTableResult or LoadViewResult, with credentials where they are asked for and there are some. */
void iceberg_answer_loaded(struct iceberg_exchange *exchange, struct catalog_answer *answer);
/* The same without credentials: a CommitTableResponse. */
void iceberg_answer_committed(struct iceberg_exchange *exchange, struct catalog_answer *answer);
/* There are no credentials to be had. A table that was made stays made, so its maker is answered without them: true.
 * Else what waits for them is given up. */
bool iceberg_loaded_anyway(struct iceberg_exchange *exchange);
/* Gives up what waits for its credentials, if any. */
void iceberg_loaded_drop(struct iceberg_exchange *exchange);

/* --- Handlers --- */
void iceberg_config_get(struct iceberg_exchange *exchange);
void iceberg_token_post(struct iceberg_exchange *exchange);
void iceberg_namespaces_get(struct iceberg_exchange *exchange);
void iceberg_namespaces_post(struct iceberg_exchange *exchange);
void iceberg_namespace_get(struct iceberg_exchange *exchange);
void iceberg_namespace_head(struct iceberg_exchange *exchange);
void iceberg_namespace_delete(struct iceberg_exchange *exchange);
void iceberg_properties_post(struct iceberg_exchange *exchange);
void iceberg_list_get(struct iceberg_exchange *exchange);
void iceberg_create_post(struct iceberg_exchange *exchange);
void iceberg_load_get(struct iceberg_exchange *exchange);
void iceberg_load_head(struct iceberg_exchange *exchange);
void iceberg_commit_post(struct iceberg_exchange *exchange);
void iceberg_transaction_post(struct iceberg_exchange *exchange);
void iceberg_drop_delete(struct iceberg_exchange *exchange);
void iceberg_unregister_post(struct iceberg_exchange *exchange);
void iceberg_register_post(struct iceberg_exchange *exchange);
void iceberg_rename_post(struct iceberg_exchange *exchange);
void iceberg_metrics_post(struct iceberg_exchange *exchange);
void iceberg_credentials_get(struct iceberg_exchange *exchange);
void iceberg_sign_post(struct iceberg_exchange *exchange);
