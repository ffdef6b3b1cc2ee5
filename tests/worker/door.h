/* What the tests of the one door share: a door with a store, two tenants (acme, beta) and real workers, and statements
 * with what came of them. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/query/import.h"
#include "domain/query/session.h"
#include "platform/store/store.h"

extern const struct principal anna; /* the administrator */
extern const struct principal rita; /* a reader of acme */
extern const struct principal will; /* a writer of acme */

struct fixture {
    char data[64];
    struct arena *arena;
    struct loop *loop;
    struct store *store;
    struct tenant_list *tenants;
    struct query *query;
    pthread_t store_thread;
    bool done;
    struct err error;
};

/* One statement and what came of it. */
struct outcome {
    struct fixture *fixture;
    struct statement *statement;
    VEC(struct query_piece) kept;
    struct buf text; /* bodies */
    struct buf first_header;
    size_t pieces;
    uint64_t rows;
    bool keep; /* pieces are not released until the test does it */
    bool ended;
    bool ready;                                    /* an upload has room again */
    size_t roles[QUERY_ROLE_PARAMETER_SCHEMA + 1]; /* pieces of each */
    enum query_kind kind;
    bool ran;
    char transaction[40]; /* that it opened */
    struct err error;     /* code ERR_OK: success */
};

/* Before the setup: acme belongs to a project, whose root is <data>/project. */
extern bool fixture_has_project;
/* cmocka's setup and teardown. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
bool create_tenant(struct fixture *fixture, const char *id);
/* How many statements who sees of the tenant (empty: of all). */
size_t count_statements(struct fixture *fixture, const struct principal *who, const char *tenant);
/* For what answers once: sets done and error, and stops the loop. */
void on_done(void *owner, const struct err *error);

struct query_sink outcome_sink(struct outcome *outcome);
void outcome_on_ready(void *owner);
/* who and protocol are filled in where they are missing. */
void outcome_request(struct outcome *outcome, struct fixture *fixture, const struct query_request *request);
void outcome_start(struct outcome *outcome, struct fixture *fixture, const char *tenant, const char *sql,
                   enum query_format format, int64_t deadline_us);
void outcome_wait(struct outcome *outcome);
/* Gives back what was kept. */
void outcome_release(struct outcome *outcome);
void outcome_done(struct outcome *outcome);
static inline void outcome_cleanup(struct outcome *outcome)
{
    outcome_done(outcome);
}

/* Runs to the end; the outcome must be success. */
#define RUN(name, fixture, tenant, sql, format)                      \
    AUTO(outcome) struct outcome name = {0};                         \
    outcome_start(&name, fixture, tenant, sql, format, CLOCK_NEVER); \
    outcome_wait(&name);                                             \
    if (name.error.code != ERR_OK)                                   \
    fail_msg("%s: %s", sql, name.error.message)

void assert_csv(struct fixture *fixture, const char *tenant, const char *sql, const char *wanted);
/* The result is this CSV; line ends as \n. */
void assert_text(struct outcome *outcome, const char *wanted);

/* Lets the loop run for so long. */
void pause_for(struct fixture *fixture, int64_t us);
/* acme's; 0: none. */
int worker_pid(struct fixture *fixture);
/* Returns when the front knows. */
void kill_worker(struct fixture *fixture);

/* --- Sessions --- */

/* Runs until it is cancelled. */
#define LONG "select count(*) as n from range(100000000) a, range(100000) b"

/* Sets the fixture's done. */
void on_expired(void *owner);
/* Of anna, with on_expired. */
struct query_session *open_session(struct fixture *fixture);
/* In acme, as CSV; session and transaction may be NULL. */
void start(struct outcome *outcome, struct fixture *fixture, struct query_session *session, const char *transaction,
           const char *sql);
/* The same to its end; gives the code. */
enum err_code run(struct fixture *fixture, struct query_session *session, const char *transaction, const char *sql);

#define RUN_IN(name, fixture, session, transaction, sql) \
    AUTO(outcome) struct outcome name = {0};             \
    start(&name, fixture, session, transaction, sql);    \
    outcome_wait(&name);                                 \
    if (name.error.code != ERR_OK)                       \
    fail_msg("%s: %s", sql, name.error.message)

/* Succeeds with this CSV. */
void assert_in(struct fixture *fixture, struct query_session *session, const char *transaction, const char *sql,
               const char *wanted);

/* --- Arrow messages --- */

/* Keeps the messages of a result, for an upload or as values of parameters. */
void collect(struct outcome *source, struct fixture *fixture, const char *sql);
/* The flatbuffer of a kept message. */
struct str bare_header(const struct outcome *source, size_t index);
