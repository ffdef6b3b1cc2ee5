/* The store over SQLite: opening, statements, and the thread that groups jobs into commits.
 *
 * One transaction holds all jobs that waited when it began, each in its own savepoint. When the commit itself fails,
 * none of them happened and each is told so. */
#include "platform/store/store.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "platform/net/loop.h"
#include "platform/store/store_priv.h"

/* Longest that a writer waits for another process (a backup, a curious administrator). */
#define STORE_BUSY_MS 5000
/* Statements that stay prepared; the store knows a few dozen texts. */
#define STORE_PREPARED_MAX 64

struct store_db {
    sqlite3 *sqlite;
    struct {
        const char *sql; /* the caller's literal: compared by address first, by text then */
        sqlite3_stmt *statement;
    } prepared[STORE_PREPARED_MAX];
    size_t prepared_count;
};

struct store {
    struct store_db db;
    struct loop *loop; /* set by store_thread; where done callbacks run */
    pthread_mutex_t lock;
    pthread_cond_t waiting;
    struct store_job *first; /* guarded by lock: */
    struct store_job *last;
    bool stopping; /* until here */
};

/* Jobs that ended together; the loop's thread tells each and frees it. */
struct store_group {
    struct store_job *first;
};

static bool store_sqlite_err(struct store_db *db, struct err *err, const char *what)
{
    int code = db->sqlite ? sqlite3_errcode(db->sqlite) & 0xff : SQLITE_NOMEM;
    enum err_code kind = ERR_INTERNAL;
    if (code == SQLITE_CONSTRAINT)
        kind = ERR_EXISTS;
    else if (code == SQLITE_FULL || code == SQLITE_NOMEM)
        kind = ERR_RESOURCE;
    else if (code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_IOERR || code == SQLITE_CANTOPEN)
        kind = ERR_UNAVAILABLE;
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        kind = ERR_DATA_LOSS;
    else if (code == SQLITE_READONLY || code == SQLITE_PERM)
        kind = ERR_DENIED;
    return err_set(err, kind, "%s: %s", what, db->sqlite ? sqlite3_errmsg(db->sqlite) : "out of memory");
}

static bool store_exec(struct store_db *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return store_sqlite_err(db, err, "server tables");
}

static void store_keep_number(void *owner, const struct store_value *columns, size_t count)
{
    assert(count == 1);
    *(int64_t *)owner = columns[0].number;
}

/* All that are missing, or none. */
static bool store_apply_migrations(struct store_db *db, size_t done, struct err *err)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", store_migration_count);
    bool ok = store_exec(db, "BEGIN IMMEDIATE", err);
    for (size_t version = done + 1; ok && version <= store_migration_count; version++)
        ok = store_exec(db, store_migrations[version - 1], err) || err_wrap(err, "migration %zu", version);
    if (ok && store_exec(db, sql, err) && store_exec(db, "COMMIT", err))
        return true;
    sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool store_migrate(struct store_db *db, struct err *err)
{
    int64_t version = 0;
    if (!store_run(db, "PRAGMA user_version", NULL, 0, store_keep_number, &version, err))
        return false;
    if (version > (int64_t)store_migration_count) {
        err_set(err, ERR_PRECONDITION,
                "the data directory was written by a newer eider (schema %lld, this one knows %zu)", (long long)version,
                store_migration_count);
        return err_hint(err, "start the newer program, or restore a backup made by this one");
    }
    return version == (int64_t)store_migration_count || store_apply_migrations(db, (size_t)version, err);
}

static bool store_configure(struct store_db *db, struct err *err)
{
    sqlite3_busy_timeout(db->sqlite, STORE_BUSY_MS);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return store_exec(db, "PRAGMA journal_mode = WAL", err) && store_exec(db, "PRAGMA synchronous = FULL", err) &&
           store_exec(db, "PRAGMA foreign_keys = ON", err) && store_migrate(db, err);
}

struct store *store_open(struct str path, struct err *err)
{
    struct store *store = mem_new(struct store);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->waiting, NULL);
    AUTO(arena) struct arena *arena = arena_new();
    /* NOMUTEX: one thread at a time uses the connection, first the opener's, then the store's. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    bool ok = sqlite3_open_v2(str_cstr(arena, path), &store->db.sqlite, flags, NULL) == SQLITE_OK;
    if (!ok)
        store_sqlite_err(&store->db, err, "open");
    if (ok && store_configure(&store->db, err))
        return store;
    err_wrap(err, "%.*s", (int)(path.len > 200 ? 200 : path.len), path.ptr);
    store_close(&store);
    return NULL;
}

void store_close(struct store **store)
{
    struct store *old = *store;
    *store = NULL;
    if (!old)
        return;
    assert(!old->first);
    for (size_t i = 0; i < old->db.prepared_count; i++)
        sqlite3_finalize(old->db.prepared[i].statement);
    sqlite3_close(old->db.sqlite);
    pthread_cond_destroy(&old->waiting);
    pthread_mutex_destroy(&old->lock);
    mem_free(old);
}

struct store_db *store_db(struct store *store)
{
    return &store->db;
}

/* The prepared statement of a text; *cached_out tells whether it stays. */
static sqlite3_stmt *store_prepare(struct store_db *db, const char *sql, bool *cached_out)
{
    *cached_out = true;
    for (size_t i = 0; i < db->prepared_count; i++) {
        /* A busy one belongs to a caller further up, who runs us from its on_row. */
        if (db->prepared[i].sql == sql && !sqlite3_stmt_busy(db->prepared[i].statement) &&
            !strcmp(sqlite3_sql(db->prepared[i].statement), sql))
            return db->prepared[i].statement;
    }
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        return NULL;
    *cached_out = db->prepared_count < STORE_PREPARED_MAX;
    if (*cached_out) {
        db->prepared[db->prepared_count].sql = sql;
        db->prepared[db->prepared_count++].statement = statement;
    }
    return statement;
}

static bool store_bind(sqlite3_stmt *statement, const struct store_value *values, size_t count)
{
    assert((int)count == sqlite3_bind_parameter_count(statement));
    for (int i = 0; i < (int)count; i++) {
        const struct store_value *value = &values[i];
        int code = SQLITE_OK;
        switch (value->kind) {
        case STORE_NULL:
            code = sqlite3_bind_null(statement, i + 1);
            break;
        case STORE_I64:
            code = sqlite3_bind_int64(statement, i + 1, value->number);
            break;
        case STORE_TEXT:
            code = sqlite3_bind_text64(statement, i + 1, value->text.len ? value->text.ptr : "", value->text.len,
                                       SQLITE_STATIC, SQLITE_UTF8);
            break;
        }
        if (code != SQLITE_OK)
            return false;
    }
    return true;
}

static void store_give_row(sqlite3_stmt *statement,
                           void (*on_row)(void *owner, const struct store_value *columns, size_t count), void *owner)
{
    struct store_value columns[STORE_COLUMNS_MAX] = {0};
    int count = sqlite3_column_count(statement);
    assert(count <= STORE_COLUMNS_MAX);
    for (int i = 0; i < count; i++) {
        int type = sqlite3_column_type(statement, i);
        if (type == SQLITE_INTEGER) {
            columns[i] = STORE_NUMBER(sqlite3_column_int64(statement, i));
        } else if (type != SQLITE_NULL) {
            const void *text = sqlite3_column_text(statement, i);
            columns[i] = STORE_STRING(str_bytes(text, (size_t)sqlite3_column_bytes(statement, i)));
        }
    }
    on_row(owner, columns, (size_t)count);
}

bool store_run(struct store_db *db, const char *sql, const struct store_value *values, size_t value_count,
               void (*on_row)(void *owner, const struct store_value *columns, size_t count), void *owner,
               struct err *err)
{
    bool cached;
    sqlite3_stmt *statement = store_prepare(db, sql, &cached);
    if (!statement)
        return store_sqlite_err(db, err, "server tables");
    int code = store_bind(statement, values, value_count) ? SQLITE_ROW : SQLITE_ERROR;
    while (code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW && on_row)
            store_give_row(statement, on_row, owner);
    }
    bool ok = code == SQLITE_DONE;
    if (!ok)
        store_sqlite_err(db, err, "server tables");
    if (cached) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    } else {
        sqlite3_finalize(statement);
    }
    return ok;
}

bool store_copy(struct store_db *db, struct str target, struct err *err)
{
    const struct store_value value = STORE_STRING(target);
    /* A connection of its own: VACUUM is refused inside the group's transaction, and what that transaction has not
     * committed must not be in the copy. */
    struct store_db reader = {0};
    bool ok = sqlite3_open_v2(sqlite3_db_filename(db->sqlite, "main"), &reader.sqlite, SQLITE_OPEN_READWRITE, NULL) ==
              SQLITE_OK;
    if (ok)
        ok = store_run(&reader, "VACUUM INTO ?1", &value, 1, NULL, NULL, err);
    else
        store_sqlite_err(&reader, err, "server tables");
    for (size_t i = 0; i < reader.prepared_count; i++)
        sqlite3_finalize(reader.prepared[i].statement);
    sqlite3_close(reader.sqlite);
    return ok || err_wrap(err, "copy");
}

void store_submit(struct store *store, struct store_job *job)
{
    job->next = NULL;
    job->failed = false;
    job->error = (struct err){0};
    pthread_mutex_lock(&store->lock);
    if (store->stopping) { /* the process ends: what a crash would leave undone stays undone */
        pthread_mutex_unlock(&store->lock);
        return;
    }
    if (store->last)
        store->last->next = job;
    else
        store->first = job;
    store->last = job;
    pthread_cond_signal(&store->waiting);
    pthread_mutex_unlock(&store->lock);
}

/* All jobs that wait; NULL when the store stops and none is left. */
static struct store_job *store_take(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (!store->first && !store->stopping)
        pthread_cond_wait(&store->waiting, &store->lock);
    struct store_job *first = store->first;
    store->first = store->last = NULL;
    pthread_mutex_unlock(&store->lock);
    return first;
}

static void store_fail(struct store_job *job, const struct err *error)
{
    job->failed = true;
    job->error = *error;
}

/* A job inside its savepoint. False: the savepoint cannot be undone, so the whole group has to go. */
static bool store_apply(struct store_db *db, struct store_job *job, struct err *err)
{
    struct err error = {0};
    if (!store_exec(db, "SAVEPOINT job", err))
        return false;
    if (job->apply(job, db, &error))
        return store_exec(db, "RELEASE job", err);
    assert(error.code != ERR_OK);
    store_fail(job, &error);
    if (sqlite3_get_autocommit(db->sqlite)) {
        /* A full disk or an I/O error: SQLite has undone the whole transaction by itself. */
        *err = error;
        return false;
    }
    return store_exec(db, "ROLLBACK TO job; RELEASE job", err);
}

static bool store_commit(struct store_db *db, struct store_job *first, struct err *err)
{
    if (!store_exec(db, "BEGIN IMMEDIATE", err))
        return false;
    for (struct store_job *job = first; job; job = job->next) {
        if (!store_apply(db, job, err))
            return false;
    }
    return store_exec(db, "COMMIT", err);
}

/* On the loop's thread: a job is its owner's again when done begins. */
static void store_tell(void *owner)
{
    struct store_group *group = owner;
    struct store_job *job = group->first;
    mem_free(group);
    while (job) {
        struct store_job *next = job->next;
        struct err error = job->error;
        job->done(job, job->failed ? &error : NULL);
        job = next;
    }
}

void store_thread(struct store *store, struct loop *loop)
{
    store->loop = loop;
    struct store_job *first;
    while ((first = store_take(store))) {
        struct err error = {0};
        if (!store_commit(&store->db, first, &error)) {
            sqlite3_exec(store->db.sqlite, "ROLLBACK", NULL, NULL, NULL);
            for (struct store_job *job = first; job; job = job->next) {
                if (!job->failed)
                    store_fail(job, &error);
            }
        }
        struct store_group *group = mem_new(struct store_group);
        group->first = first;
        loop_post(store->loop, store_tell, group);
    }
}

void store_stop(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->waiting);
    pthread_mutex_unlock(&store->lock);
}
