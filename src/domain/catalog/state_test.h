/* What the tests of the catalog's state start: a store, a work pool, tenants, and a catalog over a directory. A call
 * comes back when its answer is there, and leaves it in `answer`. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "domain/catalog/catalog_priv.h"
#include "platform/json/json.h"

#define STATE_THREADS 4

struct state {
    char data[64];
    struct str warehouse; /* "file:///..." */
    struct arena *arena;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct audit *audit;
    struct work_pool *pool;
    struct catalog *catalog;
    pthread_t store_thread, threads[STATE_THREADS];
    const struct principal *who;
    bool internal;
    struct str key, fingerprint; /* of the next call's idempotency */
    size_t waiting;              /* calls without an answer */
    /* Of the last call: */
    struct catalog_answer answer; /* texts in the arena */
    struct str message;
    const struct json *metadata; /* the document, or NULL */
};

/* Over files that may be there already; the tenant "acme" is there, or is made. */
struct state *state_begin(const char *data);
/* The files stay. */
void state_end(struct state **state);
bool state_remove(const char *data);
/* cmocka's, over files of their own. */
int state_setup(void **state);
int state_teardown(void **state);
/* Ends everything and starts it over the same files. */
void state_restart(struct state *state);
extern const struct principal state_owner, state_writer, state_reader, state_stranger;

/* A call with an arena of its own, for acme. */
struct state_call {
    struct catalog_call call;
    struct state *state;
    bool done;
    struct catalog_answer answer;
    struct str message, metadata;
};
struct state_call *state_call(struct state *state);
/* Runs the loop until each call that was made has its answer; that of this one becomes the state's. */
enum catalog_problem state_wait(struct state_call *call);
const struct json *state_json(struct arena *arena, const char *text);
/* "a.b" */
struct catalog_namespace state_space(struct arena *arena, const char *text);
/* "a.b.t" */
struct catalog_name state_name(struct arena *arena, const char *text);

enum catalog_problem state_create_space(struct state *state, const char *space);
/* A table with one column; location NULL: the server's choice. */
enum catalog_problem state_create(struct state *state, const char *name, const char *location);
enum catalog_problem state_stage(struct state *state, const char *name);
enum catalog_problem state_create_view(struct state *state, const char *name);
enum catalog_problem state_load(struct state *state, enum catalog_kind kind, const char *name);
enum catalog_problem state_commit(struct state *state, const char *name, const char *requirements, const char *updates);
/* Begins one; not waited for. */
struct state_call *state_commit_begin(struct state *state, const char *name, const char *requirements,
                                      const char *updates);
enum catalog_problem state_drop(struct state *state, enum catalog_kind kind, const char *name, bool now);
enum catalog_problem state_rename(struct state *state, enum catalog_kind kind, const char *from, const char *to);
enum catalog_problem state_register(struct state *state, const char *name, struct str file, bool overwrite);
/* Names of the last list, "a,b". */
struct str state_list(struct state *state, enum catalog_kind kind, const char *space);
/* One page of it. */
struct str state_page(struct state *state, const char *space, struct str token, size_t size, struct str *next_out);
/* Last levels of the children of a namespace (NULL: the top); page NULL: all, else how many. */
struct str state_spaces(struct state *state, const char *parent, const char *page);
enum catalog_problem state_drop_space(struct state *state, const char *space);
enum catalog_problem state_change_space(struct state *state, const char *space, const struct str *removals,
                                        size_t removal_count, const struct catalog_pair *updates, size_t update_count);
/* "key=value " of each property. */
struct str state_show_space(struct state *state, const char *space);
/* Does this location have a file or directory? */
bool state_has(struct state *state, struct str location);
/* Lets the loop turn until nothing is pending in the pool and the store. */
void state_settle(struct state *state);
