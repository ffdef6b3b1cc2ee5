/* Running SQL: the statements of a text one after the other, each checked by its kind, the last one's result sent. */
#include <sched.h>
#include <time.h>

#include "platform/arrow/message.h"
#include "platform/engine/failure.h"
#include "platform/engine/kind.h"
#include "platform/engine/parameter.h"
#include "platform/engine/parquet.h"
#include "platform/engine/result.h"
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

/* What a statement leaves behind, seen after it ran, well or not. */
static void engine_statement_left(struct engine_session *session, enum engine_kind kind)
{
    if (kind == ENGINE_KIND_TRANSACTION)
        engine_session_look(session);
    if (kind == ENGINE_KIND_SETTING || kind == ENGINE_KIND_DDL)
        session->used = true;
}

/* For its effect only; a result is thrown away. */
static bool engine_statement_effect(struct engine_session *session, duckdb_prepared_statement statement,
                                    struct err *err)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    if (!engine_statement_execute(session, statement, &duckdb, err))
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

static bool engine_statement_result(struct engine_session *session, duckdb_prepared_statement statement,
                                    const struct engine_request *request, const struct engine_output *output,
                                    struct engine_stats *stats, struct err *err)
{
    duckdb_result duckdb;
    struct engine_result result = {0};
    if (!engine_statement_execute(session, statement, &duckdb, err))
        return false;
    bool ok =
        engine_result_init(&result, session, &duckdb, err) && engine_result_send(&result, request, output, stats, err);
    uint64_t changed = ok && stats->kind == ENGINE_KIND_WRITE ? engine_db.rows_changed(&result.result) : 0;
    if (changed > 0) /* not with RETURNING: then they were sent */
        stats->rows = changed;
    engine_result_done(&result);
    return ok;
}

struct engine_run {
    struct engine_session *session;
    const struct engine_request *request;
    const struct engine_output *output;
    const struct json *parameters; /* for the last statement; NULL: none */
    struct engine_stats stats;
    struct err *err;
};

static bool engine_run_one(struct engine_run *run, duckdb_extracted_statements all, idx_t index, bool last)
{
    struct engine_session *session = run->session;
    duckdb_prepared_statement statement = NULL;
    bool ok = true;
    if (engine_db.prepare_extracted_statement(session->connection, all, index, &statement) == DuckDBError)
        ok = engine_failure_text(session->engine, engine_db.prepare_error(statement), run->err);
    ok = ok && engine_kind_check(engine_db.prepared_statement_type(statement), &run->request->policy, &run->stats.kind,
                                 run->err);
    ok = ok && engine_parameter_bind(statement, last ? run->parameters : NULL, run->err);
    if (ok) {
        bool parquet = last && run->request->format == ENGINE_FORMAT_PARQUET;
        if (!last)
            ok = engine_statement_effect(session, statement, run->err);
        else if (parquet && run->stats.kind == ENGINE_KIND_READ)
            ok = engine_parquet_send(session, run->request, run->parameters, run->output, &run->stats, run->err);
        else if (parquet)
            ok = err_set(run->err, ERR_INVALID, "only a query has a result that fits into Parquet");
        else
            ok = engine_statement_result(session, statement, run->request, run->output, &run->stats, run->err);
        engine_statement_left(session, run->stats.kind);
    }
    engine_db.destroy_prepare(&statement);
    return ok;
}

bool engine_statement_extract(struct engine_session *session, const char *sql, duckdb_extracted_statements *all_out,
                              idx_t *count_out, struct err *err)
{
    *count_out = engine_db.extract_statements(session->connection, sql, all_out);
    if (*count_out > 0)
        return true;
    const char *message = engine_db.extract_statements_error(*all_out);
    if (message && *message)
        engine_failure_text(session->engine, message, err);
    else
        err_set(err, ERR_INVALID, "there is no statement in the text");
    engine_db.destroy_extracted(all_out);
    return false;
}

static bool engine_run_all(struct engine_run *run, const char *sql)
{
    duckdb_extracted_statements all = NULL;
    idx_t count;
    if (!engine_statement_extract(run->session, sql, &all, &count, run->err))
        return false;
    bool ok = true;
    for (idx_t i = 0; ok && i < count; i++)
        ok = engine_run_one(run, all, i, i + 1 == count);
    engine_db.destroy_extracted(&all);
    return ok;
}

/* A reader's statements run where DuckDB itself refuses to write. */
static bool engine_run_reading(struct engine_run *run, const char *sql)
{
    struct engine_session *session = run->session;
    struct err ignored;
    if (!engine_query(session->connection, "BEGIN TRANSACTION READ ONLY", run->err))
        return false;
    bool ok = engine_run_all(run, sql);
    if (!engine_query(session->connection, "ROLLBACK", ok ? run->err : &ignored))
        ok = false;
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

bool engine_run(struct engine_session *session, const struct engine_request *request,
                const struct engine_output *output, struct engine_stats *stats_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_run run = {.session = session, .request = request, .output = output, .err = err};
    if (request->parameters.len > 0 && !(run.parameters = json_parse(arena, request->parameters, err)))
        return err_wrap(err, "parameters");
    const char *sql = str_cstr(arena, request->sql);
    bool ok = request->policy.rights == ENGINE_MAY_READ && !session->in_transaction ? engine_run_reading(&run, sql)
                                                                                    : engine_run_all(&run, sql);
    if (ok && request->policy.writes_refused && run.stats.kind != ENGINE_KIND_READ)
        engine_give_back(session);
    if (ok)
        *stats_out = run.stats;
    return ok;
}
