/* Requests about a tenant's Iceberg tables: one call of the catalog after the other, each with an arena of its own. */
#pragma once
#include "domain/catalog/catalog.h"
#include "face/rest/rest_priv.h"

struct rest_lake;
/* The catalog's answer has no problem. Either ends the exchange or asks again. */
typedef void rest_lake_answered(struct rest_lake *lake, struct catalog_answer *answer);

/* The table's metadata, which lives in the request's arena, was loaded. The same. */
typedef void rest_lake_loaded(struct rest_lake *lake, const struct json *metadata);

/* One request; lives in the request's arena. */
struct rest_lake {
    struct rest_exchange *exchange;
    struct str tenant;
    struct str namespace_name; /* "a.b" */
    struct str table;
    struct str parameter;    /* the third of the path, or empty */
    const struct json *body; /* where there is one */
    /* Of the call that is made next; the catalog's while asking. */
    struct arena *arena;
    struct catalog_call call;
    rest_lake_answered *answered;
    rest_lake_loaded *loaded;
    bool asking;
    struct str shown; /* the handler's own, in the request's arena */
    int64_t number;   /* the same */
};

/* The tenant (the asker has the role), the table and the namespace of the request; body_keys NULL: no body is read.
 * NULL: the exchange has ended. */
struct rest_lake *rest_lake_new(struct rest_exchange *exchange, enum role role, const char *const *body_keys);
/* A name in the arena of the next call; namespace "a.b", empty: "iceberg". */
const struct catalog_name *rest_lake_name(struct rest_lake *lake, struct str namespace_name, struct str name);
/* The call to give to a function of the catalog, together with the arena. */
struct catalog_call *rest_lake_ask(struct rest_lake *lake, rest_lake_answered *answered);
void rest_lake_fail(struct rest_lake *lake, const struct err *error);
void rest_lake_load(struct rest_lake *lake, rest_lake_loaded *loaded);
/* Commits JSON texts. */
void rest_lake_commit(struct rest_lake *lake, struct str requirements, struct str updates,
                      rest_lake_answered *answered);
/* 204. */
void rest_lake_done(struct rest_lake *lake, struct catalog_answer *answer);
/* A query parameter that is true or false; absent leaves *value_out. */
bool rest_lake_flag(struct rest_lake *lake, struct str name, bool *value_out, struct err *err) MUST_USE;
