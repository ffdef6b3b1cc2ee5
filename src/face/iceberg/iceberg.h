/* Iceberg's REST catalog (open-api/rest-catalog-open-api.yaml) below /iceberg/: decodes, asks domain/catalog, encodes.
 * The warehouse is the tenant, and so is the {prefix} of the paths.
 *
 * Two services share the handlers. The public one asks face by face who comes and passes all other paths on. The
 * internal one serves the server's own workers: Iceberg's paths only, by the pass of a worker's start, which makes it
 * the owner of its tenant and of nothing else.
 *
 * Ownership: the owner keeps everything in the options alive longer, and frees it only when no request is open. Loop
 * thread only. */
#pragma once
#include "base/err.h"

struct audit;
struct auth;
struct catalog;
struct http_service;
struct tenant_list;

struct iceberg;

/* What clients are given as the catalog's address ends so. */
#define ICEBERG_BASE "/iceberg"
/* OAuth's token endpoint: the one path that takes a form. */
#define ICEBERG_TOKEN_PATH "/iceberg/v1/oauth/tokens"

struct iceberg_options {
    struct catalog *catalog;
    struct tenant_list *tenants;
    struct auth *auth;
    struct audit *audit;
};

struct iceberg *iceberg_new(const struct iceberg_options *options);
/* Accepts NULL inside. */
void iceberg_free(struct iceberg **iceberg);

/* Both live as long as the iceberg. next: where other paths go. */
struct http_service *iceberg_public_service(struct iceberg *iceberg, struct http_service *next);
struct http_service *iceberg_internal_service(struct iceberg *iceberg);

/* From now on the public service answers 503; workers are served until they end. */
void iceberg_drain(struct iceberg *iceberg);
