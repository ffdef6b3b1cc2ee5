/* The server's own tables: one SQLite file (WAL, synchronous=FULL). Reading at start happens on the caller's thread;
 * after that every access is a job on the store's one thread, where all jobs that wait share one transaction and one
 * fsync. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct store;
struct loop;

/* Opens or creates the file and migrates it to this program's version; refuses a newer one (ERR_PRECONDITION). */
struct store *store_open(struct str path, struct err *err);
void store_close(struct store **store);

/* The connection inside a job, or before the thread runs. */
struct store_db;
struct store_db *store_db(struct store *store);

enum store_kind { STORE_NULL, STORE_I64, STORE_TEXT };
struct store_value {
    enum store_kind kind;
    int64_t number;
    struct str text; /* in results: valid until the callback returns */
};
#define STORE_NUMBER(value) ((struct store_value){.kind = STORE_I64, .number = (value)})
#define STORE_STRING(value) ((struct store_value){.kind = STORE_TEXT, .text = (value)})

/* Runs one statement with bound values; on_row (may be NULL) is called per row. */
bool store_run(struct store_db *db, const char *sql, const struct store_value *values, size_t value_count,
               void (*on_row)(void *owner, const struct store_value *columns, size_t count), void *owner,
               struct err *err) MUST_USE;

/* Inside a job: a consistent copy of what is committed, as a new file (which must not exist). */
bool store_copy(struct store_db *db, struct str target, struct err *err) MUST_USE;

/* A job: apply runs on the store's thread inside the group's transaction (its own savepoint: a false undoes this job
 * only); done runs on the loop's thread when the group is durable, with NULL or the error. The job is the caller's
 * memory until done. */
struct store_job {
    bool (*apply)(struct store_job *job, struct store_db *db, struct err *err);
    void (*done)(struct store_job *job, const struct err *error);
    void *owner;
    struct err error; /* store's own use, as the next */
    struct store_job *next;
    bool failed;
};
/* After store_stop nothing is taken any more, and done never comes. */
void store_submit(struct store *store, struct store_job *job);

/* The store's thread; app/ creates it. Returns after store_stop, when every submitted job is done. */
void store_thread(struct store *store, struct loop *loop);
void store_stop(struct store *store);
