/* The HTTP interface: health, metrics, statements, tenants, backups, log level, and the OpenAPI file that describes
 * them. Works over HTTP/1.1 and HTTP/2 alike. It decides nothing: each handler decodes, asks the domain, encodes.
 *
 * Ownership: the owner keeps everything in the options alive longer than the rest, and frees it only when no request is
 * open. Loop thread only. */
#pragma once
#include "base/err.h"

struct audit;
struct auth;
struct catalog;
struct loop;
struct pipeline;
struct query;
struct store;
struct tenant_list;
struct user_list;
struct http_service;

struct rest;

struct rest_options {
    struct loop *loop;
    struct query *query;
    struct tenant_list *tenants;
    struct store *store;
    struct str data;    /* the data directory; backups are made below it. Copied */
    struct str version; /* of this program, "0.1.0". Copied */
    struct catalog *catalog;
    struct auth *auth; /* who asks */
    struct user_list *users;
    struct audit *audit;
    struct pipeline *pipeline; /* NULL: the server has no project */
};

struct rest *rest_new(const struct rest_options *options, struct err *err);
/* Accepts NULL inside. */
void rest_free(struct rest **rest);
static inline void rest_cleanup(struct rest **rest)
{
    rest_free(rest);
}

/* Where the server's HTTP requests go; lives as long as the rest. */
struct http_service *rest_http_service(struct rest *rest);

/* What /ready says; true from the start. The app sets it to false when it begins to drain. */
void rest_set_ready(struct rest *rest, bool ready);
