/* Running SQL: the statements of a text one after the other, each checked by its kind, the last one's result sent. */
#include <sched.h>
#include <time.h>

#include "platform/arrow/message.h"
#include "platform/engine/failure.h"
#include "platform/engine/guard.h"
#include "platform/engine/iceberg.h"
#include "platform/engine/kind.h"
#include "platform/engine/parameter.h"
#include "platform/engine/parquet.h"
#include "platform/engine/prepared.h"
#include "platform/engine/result.h"
#include "platform/engine/rows.h"
#include "platform/engine/statement.h"

/* Waiting for DuckDB's other threads: some yields, since most waits are short, then sleeps. */
enum { ENGINE_WAIT_YIELDS = 20, ENGINE_WAIT_SHORT_US = 50, ENGINE_WAIT_LONG_US = 1000 };

static void engine_wait(unsigned round)
{
    if (round < ENGINE_WAIT_YIELDS) {
        sched_yield();
        return;
    }
    long microseconds = round < 2 * ENGINE_WAIT_YIELDS ? ENGINE_WAIT_SHORT_US : ENGINE_WAIT_LONG_US;
    struct timespec pause = {.tv_nsec = microseconds * 1000};
    nanosleep(&pause, NULL);
}

bool engine_statement_execute(struct engine_session *session, duckdb_prepared_statement statement,
                              duckdb_result *result_out, struct err *err)
{
    duckdb_pending_result pending = NULL;
    if (engine_db.pending_prepared_streaming(statement, &pending) == DuckDBError) {
        engine_failure_text(session->engine, engine_db.pending_error(pending), err);
        engine_db.destroy_pending(&pending);
        return false;
    }
    bool ok = true;
    for (unsigned waited = 0;;) {
        duckdb_pending_state state = engine_db.pending_execute_task(pending);
        if (state == DUCKDB_PENDING_RESULT_READY)
            break;
        if (state == DUCKDB_PENDING_ERROR) {
            ok = engine_failure_text(session->engine, engine_db.pending_error(pending), err);
            break;
        }
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
            engine_wait(waited++);
        else
            waited = 0;
    }
    duckdb_result result;
    if (ok && engine_db.execute_pending(pending, &result) == DuckDBError)
        ok = engine_failure_result(session->engine, &result, err);
    else if (ok)
        *result_out = result;
    engine_db.destroy_pending(&pending);
    return ok;
}

bool engine_statement_effect(struct engine_session *session, duckdb_prepared_statement statement, struct err *err)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    if (!engine_parameter_bind(statement, NULL, err) || !engine_statement_execute(session, statement, &duckdb, err))
        return false;
    bool ok = engine_result_init(&result, session, &duckdb, err);
    while (ok) {
        bool failed;
        duckdb_data_chunk chunk = engine_result_fetch(&result, &failed, err);
        ok = !failed;
        if (!chunk)
            break;
        engine_db.destroy_data_chunk(&chunk);
    }
    engine_result_done(&result);
    return ok;
}

/* --- One statement --- */

struct engine_run {
    struct engine_session *session;
    const struct engine_request *request;
    const struct engine_output *output;
    const struct json *parameters; /* for the last statement; NULL: none */
    struct engine_rows *rows;      /* the same as Arrow; NULL: none */
    struct engine_text text;
    struct engine_split split; /* none when the statement was prepared before */
    struct engine_stats stats;
    struct engine_guard guard; /* of the statement at hand */
    bool watched;              /* it changes rows of Iceberg tables: what it saw of them is checked before it ends */
    struct engine_iceberg_seen seen;
    struct err *err;
};

/* See struct engine_iceberg_seen. The user's own transaction cannot be committed any more when it lost. */
static bool engine_run_look(struct engine_run *run)
{
    const struct engine_request *request = run->request;
    bool ok = engine_iceberg_see(run->session, request->changed, request->changed_count, &run->seen, run->err);
    if (!ok && run->session->in_transaction)
        engine_guard_abandon(run->session);
    return ok;
}

static bool engine_run_check(struct engine_run *run)
{
    const struct engine_request *request = run->request;
    run->watched = false;
    bool ok = engine_iceberg_saw(run->session, request->changed, request->changed_count, &run->seen, run->err);
    if (!ok && run->session->in_transaction)
        engine_guard_abandon(run->session);
    return ok;
}

/* A change of Iceberg tables is committed before its result goes out, so that it may lose, and run again, unseen. */
static bool engine_run_commit(struct engine_run *run)
{
    if (!run->watched || run->rows || run->stats.kind != ENGINE_KIND_WRITE)
        return true;
    return engine_run_check(run) && engine_guard_leave(&run->guard, &run->request->policy, true, run->err);
}

static bool engine_run_add(struct engine_run *run, duckdb_prepared_statement statement, struct engine_sender *sender)
{
    duckdb_result duckdb;
    if (!engine_statement_execute(run->session, statement, &duckdb, run->err))
        return false;
    if (engine_run_commit(run))
        return engine_sender_add(sender, &duckdb, run->err);
    engine_db.destroy_result(&duckdb);
    return false;
}

/* Once per row of values. A query over no rows still has a schema, which NULLs tell. */
static bool engine_run_rows(struct engine_run *run, duckdb_prepared_statement statement, struct engine_sender *sender)
{
    int more;
    while ((more = engine_rows_bind(run->rows, statement, run->err)) > 0)
        if (!engine_run_add(run, statement, sender))
            return false;
    if (more < 0 || sender->encoder || run->stats.kind != ENGINE_KIND_READ)
        return more == 0;
    sender->dry = true;
    return engine_rows_bind_nulls(run->rows, statement, run->err) && engine_run_add(run, statement, sender);
}

static bool engine_run_result(struct engine_run *run, duckdb_prepared_statement statement)
{
    struct engine_sender sender;
    engine_sender_init(&sender, run->session, run->request, run->output, &run->stats);
    bool ok = run->rows ? engine_run_rows(run, statement, &sender)
                        : engine_parameter_bind(statement, run->parameters, run->err) &&
                              engine_run_add(run, statement, &sender);
    ok = ok && engine_sender_finish(&sender, run->err);
    engine_sender_done(&sender);
    return ok;
}

static bool engine_run_last(struct engine_run *run, duckdb_prepared_statement statement)
{
    if (run->request->format != ENGINE_FORMAT_PARQUET)
        return engine_run_result(run, statement);
    if (run->stats.kind != ENGINE_KIND_READ || run->rows)
        return err_set(run->err, ERR_INVALID, "only a query has a result that fits into Parquet");
    return engine_parquet_send(run->session, run->request, run->parameters, run->output, &run->stats, run->err);
}

/* What a statement may have changed, also one that failed: perhaps only its answer did. */
static void engine_run_changed(struct engine_run *run, const struct engine_guarded *what)
{
    AUTO(arena) struct arena *arena = arena_new();
    bool explains = what->explain && run->request->policy.rights != ENGINE_MAY_READ;
    bool changes = what->kind == ENGINE_KIND_WRITE || what->kind == ENGINE_KIND_DDL;
    if ((!changes && !explains) || run->text.temporary || what->added)
        return;
    bool known = run->text.single && !explains;
    engine_change_note(run->session, known ? engine_change_target(run->request->sql, arena) : (struct str){0});
}

/* What a statement leaves behind, seen after it ran, well or not. */
static bool engine_run_left(struct engine_run *run, bool ok)
{
    struct engine_session *session = run->session;
    if (run->stats.kind == ENGINE_KIND_SETTING && ok) {
        session->used = true;
        engine_session_repath(session);
    }
    if (run->stats.kind == ENGINE_KIND_DDL && (run->text.temp || session->temporary)) {
        session->defined = true;
        session->macros = session->macros || run->text.macro;
    }
    if (run->stats.kind == ENGINE_KIND_TRANSACTION)
        return engine_guard_turned(session, &run->request->policy, ok, run->err);
    return ok;
}

bool engine_statement_returns(duckdb_prepared_statement statement)
{
    if (engine_db.prepared_statement_column_count(statement) != 1)
        return true;
    const char *name = engine_db.prepared_statement_column_name(statement, 0);
    bool count = name && strcmp(name, "Count") == 0;
    engine_db.free((void *)(uintptr_t)name);
    return !count;
}

static bool engine_run_prepared(struct engine_run *run, duckdb_prepared_statement statement, idx_t index)
{
    bool last = index + 1 >= run->split.to, added = engine_split_is_added(&run->split, index, statement);
    const struct engine_policy *policy = &run->request->policy;
    duckdb_statement_type type = engine_db.prepared_statement_type(statement);
    const struct engine_request *request = run->request;
    run->stats.kind = ENGINE_KIND_DDL;
    if (!added && !engine_kind_check(type, policy, &run->stats.kind, run->err))
        return false;
    if (last && run->rows && !engine_rows_match(run->rows, statement, run->err))
        return false;
    /* What it returns has to arrive, or nothing was changed. */
    bool many = last && ((run->rows && engine_rows_are_many(run->rows)) ||
                         (run->stats.kind == ENGINE_KIND_WRITE && engine_statement_returns(statement)));
    bool explain = type == DUCKDB_STATEMENT_TYPE_EXPLAIN;
    run->watched = request->changed_count && run->session->engine->iceberg && policy->rights != ENGINE_MAY_READ &&
                   (explain || run->stats.kind == ENGINE_KIND_WRITE);
    struct engine_guarded what = {.kind = run->stats.kind,
                                  .explain = explain,
                                  .many = many,
                                  .whole = run->watched,
                                  .inside = run->split.cut,
                                  .added = added,
                                  .text = &run->text};
    if (!engine_guard_enter(&run->guard, run->session, policy, &what, run->err))
        return false;
    bool ok = !run->watched || engine_run_look(run);
    if (ok)
        ok = last ? engine_run_last(run, statement) : engine_statement_effect(run->session, statement, run->err);
    ok = ok && (!run->watched || engine_run_check(run));
    if (what.explain)
        ok = engine_guard_explained(&run->guard, ok, run->err);
    ok = engine_guard_leave(&run->guard, policy, ok, run->err);
    engine_run_changed(run, &what);
    return engine_run_left(run, ok);
}

static bool engine_run_one(struct engine_run *run, idx_t index)
{
    struct engine_session *session = run->session;
    duckdb_prepared_statement statement = NULL;
    bool ok = engine_split_prepare(&run->split, session, index, &statement, run->err) &&
              engine_run_prepared(run, statement, index);
    if (ok && run->split.to == 1)
        engine_prepared_give(session, run->request->prepared, run->request->sql, &statement);
    engine_db.destroy_prepare(&statement);
    return ok;
}

/* --- A text --- */

/* From the text: what was prepared is bound to the table as it was. */
static bool engine_run_anew(struct engine_run *run, idx_t index)
{
    AUTO(arena) struct arena *arena = arena_new();
    run->stats = (struct engine_stats){0};
    engine_split_done(&run->split);
    return engine_split_init(&run->split, run->session, str_cstr(arena, run->request->sql), &run->text, run->err) &&
           engine_run_one(run, index);
}

/* A statement that is a transaction of its own, of which nothing was sent, and whose commit lost, runs again: nobody
 * can have seen that it failed. alone: no transaction was open before; ok: how the first try went. */
static bool engine_run_persist(struct engine_run *run, idx_t index, bool alone, bool ok)
{
    struct engine_session *session = run->session;
    unsigned tries = 0;
    alone = alone && !run->rows && !run->split.cut;
    while (!ok && alone && engine_iceberg_lost(run->err) && run->stats.bytes == 0 &&
           engine_iceberg_turn(session, tries++)) {
        ok = engine_run_anew(run, index);
        engine_iceberg_turned(session);
    }
    return ok;
}

static bool engine_run_each(struct engine_run *run)
{
    bool ok = true;
    for (idx_t i = run->split.from; ok && i < run->split.to; i++) {
        bool alone = !run->session->in_transaction;
        ok = engine_run_one(run, i);
        ok = engine_run_persist(run, i, alone, ok);
    }
    return ok;
}

/* In one transaction, and rolled back after a query, so that the type goes. */
static bool engine_run_cut(struct engine_run *run)
{
    struct engine_guard guard;
    struct engine_guarded what = {.kind = ENGINE_KIND_READ, .whole = true, .text = &run->text};
    if (!engine_guard_enter(&guard, run->session, &run->request->policy, &what, run->err))
        return false;
    bool ok = engine_run_each(run);
    if (run->stats.kind == ENGINE_KIND_READ && guard.end == ENGINE_GUARD_COMMIT)
        guard.end = ENGINE_GUARD_ROLLBACK;
    return engine_guard_leave(&guard, &run->request->policy, ok, run->err);
}

static bool engine_run_text(struct engine_run *run, const char *sql)
{
    bool ok = engine_split_init(&run->split, run->session, sql, &run->text, run->err);
    if (ok)
        ok = run->split.cut ? engine_run_cut(run) : engine_run_each(run);
    return ok;
}

/* What DELETE and DROP freed goes back to the disk at a checkpoint only. It has to wait while others write: then a
 * later one does it. */
static void engine_give_back(struct engine_session *session)
{
    struct err ignored;
    bool given = !session->in_transaction && engine_query(session->connection, "CHECKPOINT", &ignored);
    (void)given;
}

/* One that is prepared already; taken out meanwhile, so that one that failed is prepared anew the next time. */
static bool engine_run_again(struct engine_run *run, duckdb_prepared_statement statement)
{
    const struct engine_request *request = run->request;
    bool alone = !run->session->in_transaction, ok = engine_run_prepared(run, statement, 0);
    if (ok)
        engine_prepared_give(run->session, request->prepared, request->sql, &statement);
    engine_db.destroy_prepare(&statement);
    return engine_run_persist(run, 0, alone, ok);
}

static bool engine_run_open(struct engine_run *run, struct arena *arena)
{
    const struct engine_request *request = run->request;
    run->text = engine_text_look(request->sql);
    if (request->parameters.len > 0 && !(run->parameters = json_parse(arena, request->parameters, run->err)))
        return err_wrap(run->err, "parameters");
    if (!engine_iceberg_are_free(run->session, request->absent, request->absent_count, run->err))
        return false;
    return !request->binds || (run->rows = engine_rows_open(request->binds, run->err));
}

bool engine_run(struct engine_session *session, const struct engine_request *request,
                const struct engine_output *output, struct engine_stats *stats_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_run run = {.session = session, .request = request, .output = output, .err = err};
    bool ok = engine_run_open(&run, arena);
    duckdb_prepared_statement prepared = ok ? engine_prepared_take(session, request->prepared, request->sql) : NULL;
    if (prepared)
        ok = engine_run_again(&run, prepared);
    else
        ok = ok && engine_run_text(&run, str_cstr(arena, request->sql));
    engine_split_done(&run.split);
    engine_rows_close(&run.rows);
    engine_session_settle(session);
    engine_change_settle(session);
    if (ok && request->policy.writes_refused && run.stats.kind != ENGINE_KIND_READ)
        engine_give_back(session);
    if (ok)
        *stats_out = run.stats;
    return ok;
}
