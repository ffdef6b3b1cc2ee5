/* One request on its way. It moves between three places, each step saying what comes next: the loop's thread (where
 * the index is), a thread of the work pool (files and documents: operation_work) and the store's thread
 * (operation_store). It lives in the request's arena, which one place at a time uses. */
#pragma once
#include "domain/catalog/index.h"
#include "domain/catalog/lock.h"
#include "domain/tenant/audit.h"
#include "platform/net/loop.h"
#include "platform/net/work.h"
#include "platform/store/store.h"

struct operation;
typedef void operation_step(struct operation *operation);

/* The first member of whatever an operation needs. */
struct operation {
    struct catalog *catalog;
    struct list node;          /* in the catalog's operations */
    struct catalog_call *call; /* NULL: nobody waits any more */
    struct catalog_request request;
    struct arena *arena; /* the request's; owns this */
    struct index_tenant *tenant;
    struct str root; /* of the tenant's warehouse */
    struct catalog_answer answer;
    struct err error;
    enum catalog_kind kind;
    bool changes; /* it is no reading */
    bool asking;  /* the engine will call back */
    struct work_job work;
    struct store_job store;
    struct loop_task later;
    struct lock_set locks;
    void *data;           /* of the step it is in */
    operation_step *next; /* after what it waits for */
    operation_step *run;  /* on a thread of the pool */
    bool (*apply)(struct operation *operation, struct store_db *db, struct err *err);
    bool keyed;                   /* the idempotency key was stored with the change */
    bool replayed;                /* it had been seen: the answer is the earlier one */
    bool recalled;                /* that answer has been looked for */
    enum catalog_problem refusal; /* what apply found, where error alone does not say it */
    int64_t started_us;
    enum audit_action action;
    struct str object; /* of the audit row; empty: none */
};

/* A zeroed struct of that size in the request's arena, an operation being its first member. role: what it needs on
 * the tenant. A refusal is in it already: operation_ready says so. */
void *operation_new(struct catalog *catalog, struct catalog_call *call, size_t size, enum role role, bool changes);
/* False: it was refused, and its answer is on its way. */
bool operation_ready(struct operation *operation) MUST_USE;
/* The reference at the place, if there is one by then, goes when the operation does. */
void operation_hold(struct operation *operation, struct cache_document **place);
/* The row that its end leaves in the audit trail, unless the tenant's own worker asks. */
void operation_audit(struct operation *operation, enum audit_action action, struct str object);
/* Each of the following ends what the step does; the next one comes later. */
void operation_later(struct operation *operation, operation_step *next);
void operation_work(struct operation *operation, operation_step *run, operation_step *next);
/* With the idempotency key in the same transaction: what the answer will be has to be in it already. next comes with
 * error set when it failed. */
void operation_store(struct operation *operation, bool (*apply)(struct operation *, struct store_db *, struct err *),
                     operation_step *next);
/* Takes the names of tables and views ("key of the namespace", "name"), or of namespaces (name empty). */
struct operation_name {
    struct str key, name;
};
void operation_lock(struct operation *operation, const struct operation_name *names, size_t count,
                    operation_step *next);
/* The engine, when there is one and the request comes from outside; else NULL. */
const struct catalog_engine *operation_engine(const struct operation *operation);
/* Asks the engine whether these manifest lists name files of the tenant's warehouse only. next comes at once where
 * nobody has to be asked, and with error set when they do not. */
void operation_inspect(struct operation *operation, const struct str *manifest_lists, size_t count,
                       operation_step *next);
/* Leads to the answer; it comes, and the operation goes, with the next turn of the loop. */
void operation_end(struct operation *operation);
/* Ends with a problem; the message is formatted. */
void operation_fail(struct operation *operation, enum catalog_problem problem, const char *format, ...) PRINTF(3, 4);
/* Ends with the problem that fits operation->error. */
void operation_fail_error(struct operation *operation);
enum catalog_problem operation_problem(enum err_code code);

/* The namespace that a request names, its key in key_out; NULL: it failed. Hidden ones are there for the tenant's own
 * worker only. */
struct index_space *operation_space(struct operation *operation, const struct catalog_namespace *name,
                                    struct str *key_out);
/* Names follow the rules: not empty, no ".", "..", control characters; else it failed. */
bool operation_check_name(struct operation *operation, struct str name) MUST_USE;
bool operation_check_namespace(struct operation *operation, const struct catalog_namespace *name) MUST_USE;
/* The namespace of mirrors, seen from outside. */
bool operation_is_mirror(const struct operation *operation, const struct catalog_namespace *name);
/* Ends with CATALOG_READ_ONLY. */
void operation_fail_mirror(struct operation *operation);
/* "a.b.t" */
struct str operation_show(struct operation *operation, struct str key, struct str name);
