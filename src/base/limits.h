/* Every bound of the program has a name, a default and one line of reason. The name is what users see in errors
 * and set in eider.yaml under `limits:`. */
#pragma once
#include <stdint.h>

#include "base/err.h"

/* LIMIT(constant, name, default, unit, what happens at it) */
#define LIMITS_TABLE(LIMIT)                                                                                            \
    LIMIT(LIMIT_CONNECTIONS, "net.max_connections", 15000, "connections", "further ones are closed at accept")         \
    LIMIT(LIMIT_HEADER_TIMEOUT, "net.header_timeout", 10, "s", "a connection that sends no whole request is closed")   \
    LIMIT(LIMIT_IDLE_TIMEOUT, "net.idle_timeout", 600, "s", "an idle connection is closed")                            \
    LIMIT(LIMIT_WRITE_TIMEOUT, "net.write_timeout", 60, "s", "a client that takes nothing is disconnected")            \
    LIMIT(LIMIT_HTTP_HEADER, "http.max_header", 32768, "bytes", "431 / RESOURCE_EXHAUSTED")                            \
    LIMIT(LIMIT_HTTP_FIELDS, "http.max_fields", 100, "fields", "431 / RESOURCE_EXHAUSTED")                             \
    LIMIT(LIMIT_HTTP_BODY, "http.max_body", 16777216, "bytes", "413")                                                  \
    LIMIT(LIMIT_HTTP2_STREAMS, "http2.max_streams", 100, "streams", "REFUSED_STREAM")                                  \
    LIMIT(LIMIT_HTTP2_RESETS, "http2.max_resets", 100, "resets in 10 s", "GOAWAY ENHANCE_YOUR_CALM")                   \
    LIMIT(LIMIT_HTTP2_CONTROL, "http2.max_control", 1000, "control frames in 10 s", "GOAWAY ENHANCE_YOUR_CALM")        \
    LIMIT(LIMIT_HTTP2_GATHERED, "http2.max_gathered", 33554432, "bytes of a connection", "503 / RESOURCE_EXHAUSTED")   \
    LIMIT(LIMIT_MESSAGE, "flight.max_message", 1073741824, "bytes", "RESOURCE_EXHAUSTED")                              \
    LIMIT(LIMIT_UNARY_MESSAGE, "flight.max_request", 4194304, "bytes", "RESOURCE_EXHAUSTED")                           \
    LIMIT(LIMIT_IPC_HEADER, "flight.max_ipc_header", 8388608, "bytes", "RESOURCE_EXHAUSTED")                           \
    LIMIT(LIMIT_BATCH_TARGET, "flight.batch_target", 716800, "bytes", "a result batch is cut at about this size")      \
    LIMIT(LIMIT_UPLOAD_BUFFER, "flight.upload_buffer", 268435456, "bytes", "the sender has to wait")                   \
    LIMIT(LIMIT_UPLOAD_AUTO, "upload.auto_rows", 100000, "rows", "a new table with more goes to Iceberg")              \
    LIMIT(LIMIT_TICKETS, "flight.max_tickets", 10000, "tickets", "the oldest is forgotten")                            \
    LIMIT(LIMIT_TICKET_LIFE, "flight.ticket_life", 300, "s", "the ticket is forgotten")                                \
    LIMIT(LIMIT_SQL, "query.max_sql", 1048576, "bytes", "INVALID_ARGUMENT")                                            \
    LIMIT(LIMIT_SQL_TOKENS, "query.max_tokens", 200000, "tokens", "INVALID_ARGUMENT")                                  \
    LIMIT(LIMIT_SQL_DEPTH, "query.max_depth", 250, "nested brackets", "INVALID_ARGUMENT")                              \
    LIMIT(LIMIT_SQL_OPERATORS, "query.max_operators", 250, "operators in a row", "INVALID_ARGUMENT")                   \
    LIMIT(LIMIT_RUNNING, "query.max_running", 8, "statements of a tenant", "further ones wait")                        \
    LIMIT(LIMIT_QUEUED, "query.max_queued", 64, "statements of a tenant", "RESOURCE_EXHAUSTED")                        \
    LIMIT(LIMIT_QUEUE_WAIT, "query.queue_wait", 300, "s", "RESOURCE_EXHAUSTED")                                        \
    LIMIT(LIMIT_STATEMENT_TIMEOUT, "query.timeout", 3600, "s", "DEADLINE_EXCEEDED")                                    \
    LIMIT(LIMIT_KILL_GRACE, "query.kill_grace", 1000, "ms", "the worker is killed")                                    \
    LIMIT(LIMIT_WORKERS, "worker.max_workers", 200, "processes", "the longest idle one is stopped, else UNAVAILABLE")  \
    LIMIT(LIMIT_WORKER_IDLE, "worker.idle_stop", 300, "s", "an idle worker is stopped")                                \
    LIMIT(LIMIT_WORKER_MEMORY, "worker.memory", 0, "bytes", "DuckDB's memory_limit; 0 = half of the RAM")              \
    LIMIT(LIMIT_WORKER_THREADS, "worker.threads", 0, "threads", "DuckDB's threads; 0 = one per processor")             \
    LIMIT(LIMIT_WORKER_START, "worker.start_timeout", 20, "s", "a worker that is not ready is killed")                 \
    LIMIT(LIMIT_BLOCK, "channel.block", 1048576, "bytes", "a larger message travels in several blocks")                \
    LIMIT(LIMIT_STREAM_BLOCKS, "channel.stream_blocks", 4, "blocks", "the worker waits for the client")                \
    LIMIT(LIMIT_FRAME, "channel.max_frame", 20971520, "bytes", "the worker is killed")                                 \
    LIMIT(LIMIT_TENANTS, "tenant.max_tenants", 10000, "tenants", "RESOURCE_EXHAUSTED")                                 \
    LIMIT(LIMIT_DISK_QUOTA, "tenant.disk_quota", 0, "bytes", "writes are refused; 0 = no quota")                       \
    LIMIT(LIMIT_DISK_FREE, "disk.min_free", 5, "% of the disk", "writes are refused")                                  \
    LIMIT(LIMIT_DRAIN, "server.drain", 30, "s", "statements that still run are cancelled")                             \
    LIMIT(LIMIT_LOG_FILE, "log.file", 10485760, "bytes of --log-file", "it becomes FILE.1; 0 = it grows")              \
    LIMIT(LIMIT_LOG_FILES, "log.files", 5, "files", "the oldest is removed")                                           \
    LIMIT(LIMIT_JSON_DEPTH, "json.max_depth", 64, "levels", "INVALID_ARGUMENT")                                        \
    LIMIT(LIMIT_PARQUET_FILE, "query.max_parquet", 10737418240, "bytes", "RESOURCE_EXHAUSTED")                         \
    LIMIT(LIMIT_KEPT_RESULT, "flight.kept_result", 16777216, "bytes", "a result that waits for its DoGet is refused")  \
    LIMIT(LIMIT_KEPT_LIFE, "flight.kept_life", 60, "s", "a result that nobody fetches is dropped")                     \
    LIMIT(LIMIT_KEPT_TOTAL, "flight.kept_total", 268435456, "bytes", "the oldest kept result is dropped")              \
    LIMIT(LIMIT_BINDS, "flight.max_binds", 16777216, "bytes", "RESOURCE_EXHAUSTED")                                    \
    LIMIT(LIMIT_SESSIONS, "session.max_sessions", 4096, "sessions of a user", "RESOURCE_EXHAUSTED")                    \
    LIMIT(LIMIT_SESSION_IDLE, "session.idle_timeout", 1800, "s", "the session ends, its transaction is rolled back")   \
    LIMIT(LIMIT_SESSION_STATEMENTS, "session.max_statements", 100, "statements at once", "RESOURCE_EXHAUSTED")         \
    LIMIT(LIMIT_SESSION_PREPARED, "session.max_prepared", 1000, "prepared statements", "RESOURCE_EXHAUSTED")           \
    LIMIT(LIMIT_SESSION_TRANSACTIONS, "session.max_transactions", 16, "open transactions", "RESOURCE_EXHAUSTED")       \
    LIMIT(LIMIT_SESSION_WAIT, "session.busy_wait", 60, "s", "ABORTED: another statement of the session still runs")    \
    LIMIT(LIMIT_SLOW, "query.slow", 1000, "ms", "the statement goes to the slow log")                                  \
    LIMIT(LIMIT_STATEMENT_LOG, "query.log_keep", 30, "days", "older entries leave the statement log")                  \
    LIMIT(LIMIT_STATEMENT_LOG_ROWS, "query.log_rows", 1000000, "statements", "older entries leave the statement log")  \
    LIMIT(LIMIT_STATEMENT_LOG_QUEUE, "query.log_queue", 10000, "statements in 1 s", "further ones are not logged")     \
    LIMIT(LIMIT_USERS, "user.max_users", 10000, "users", "RESOURCE_EXHAUSTED")                                         \
    LIMIT(LIMIT_TOKENS, "user.max_tokens", 100, "tokens of a user", "RESOURCE_EXHAUSTED")                              \
    LIMIT(LIMIT_LOGIN_LIFE, "user.login_life", 43200, "s", "a login by password has to be repeated")                   \
    LIMIT(LIMIT_LOGIN_FAILURES, "user.max_failures", 5, "failed logins in 5 min", "further ones wait ever longer")     \
    LIMIT(LIMIT_PASSWORD_QUEUE, "user.max_hashing", 64, "passwords in work", "UNAVAILABLE")                            \
    LIMIT(LIMIT_AUDIT, "audit.keep", 90, "days", "older entries leave the audit trail")                                \
    LIMIT(LIMIT_ICEBERG_TRIES, "iceberg.max_tries", 30, "tries", "ABORTED: others changed the table each time")        \
    LIMIT(LIMIT_CATALOG_METADATA, "catalog.max_metadata", 67108864, "bytes", "the change is refused")                  \
    LIMIT(LIMIT_CATALOG_CACHE, "catalog.cache", 16777216, "bytes", "metadata is read from its file again")             \
    LIMIT(LIMIT_CATALOG_PAGE, "catalog.page", 1000, "names", "the rest comes with the next page")                      \
    LIMIT(LIMIT_CATALOG_RETENTION, "catalog.retention", 604800, "s", "what was dropped is deleted")                    \
    LIMIT(LIMIT_CATALOG_NAMESPACES, "catalog.max_namespaces", 1000, "namespaces of a tenant", "422")                   \
    LIMIT(LIMIT_CATALOG_TABLES, "catalog.max_tables", 100000, "tables and views of a tenant", "422")                   \
    LIMIT(LIMIT_CATALOG_PROPERTIES, "catalog.max_properties", 65536, "bytes of a namespace's properties", "422")       \
    LIMIT(LIMIT_CATALOG_WAITING, "catalog.max_waiting", 256, "changes of one table", "503: further ones do not wait")  \
    LIMIT(LIMIT_CATALOG_CHANGES, "catalog.max_changes", 1024, "changes of a tenant at once", "503")                    \
    LIMIT(LIMIT_MODEL_UPDATES, "catalog.max_updates", 50000, "updates or requirements of one commit", "422")           \
    LIMIT(LIMIT_MODEL_PROPERTIES, "catalog.max_table_properties", 1000, "properties of a table", "422")                \
    LIMIT(LIMIT_MODEL_PARTITIONS, "catalog.max_partition_fields", 1000, "fields of a partition spec", "422")           \
    LIMIT(LIMIT_MODEL_VERSIONS, "catalog.max_view_versions", 1000, "versions of a view", "422")                        \
    LIMIT(LIMIT_CATALOG_ANSWER, "catalog.max_answer", 16777216, "bytes of a worker's answer", "500")                   \
    LIMIT(LIMIT_MIRROR_WAIT, "mirror.wait", 10, "s", "the last snapshot is shown, or 503 where there is none")         \
    LIMIT(LIMIT_MIRROR_STALENESS, "mirror.max_staleness", 0, "s", "the table is asked whether it has changed")         \
    LIMIT(LIMIT_MIRROR_BYTES, "mirror.max_bytes", 1073741824, "bytes", "written by `eider mirror` only")               \
    LIMIT(LIMIT_MIRROR_GRACE, "mirror.grace", 3600, "s", "the files of a mirror that was replaced are deleted")        \
    LIMIT(LIMIT_MAINTAIN_GRACE, "maintain.grace", 3600, "s", "files of a snapshot that was replaced may be deleted")   \
    LIMIT(LIMIT_MAINTAIN_ORPHAN_AGE, "maintain.orphan_age", 259200, "s", "files that no snapshot needs are deleted")   \
    LIMIT(LIMIT_PIPELINE_FILE, "pipeline.max_file", 1048576, "bytes of a file of the project",                         \
          "the file is a problem of the project")                                                                      \
    LIMIT(LIMIT_PIPELINE_ASSETS, "pipeline.max_assets", 10000, "assets of a project",                                  \
          "further ones are a problem of it")                                                                          \
    LIMIT(LIMIT_PIPELINE_RUNS, "pipeline.max_runs", 1000, "runs that have not ended", "RESOURCE_EXHAUSTED")            \
    LIMIT(LIMIT_PIPELINE_KEEP, "pipeline.keep", 30, "days", "older runs and their logs are removed")                   \
    LIMIT(LIMIT_PIPELINE_KEEP_RUNS, "pipeline.keep_runs", 10000, "runs", "older ones and their logs are removed")      \
    LIMIT(LIMIT_PIPELINE_LOG, "pipeline.max_log", 268435456, "bytes of a run's log",                                   \
          "further lines are counted, not kept")                                                                       \
    LIMIT(LIMIT_PIPELINE_LINE, "pipeline.max_line", 65536, "bytes of a log line", "the rest of it is cut")             \
    LIMIT(LIMIT_PIPELINE_REPORT, "pipeline.max_report", 1048576, "bytes of a step's report", "its parts are left out") \
    LIMIT(LIMIT_PIPELINE_PARTITIONS, "pipeline.max_partitions", 10000, "partitions of a backfill", "OUT_OF_RANGE")     \
    LIMIT(LIMIT_PIPELINE_GRACE, "pipeline.kill_grace", 10, "s", "a program that was asked to stop is killed")          \
    LIMIT(LIMIT_PIPELINE_PROCESSES, "pipeline.max_processes", 4096, "processes of the user",                           \
          "a program of a step cannot start another")                                                                  \
    LIMIT(LIMIT_PIPELINE_MEMORY, "pipeline.command_memory", 68719476736, "bytes of addresses",                         \
          "a program of a step gets no more; 0 = no limit")                                                            \
    LIMIT(LIMIT_PIPELINE_RESCAN, "pipeline.rescan", 10, "s", "files and schedules of the project are looked at again") \
    LIMIT(LIMIT_PIPELINE_TICKS, "pipeline.keep_ticks", 100000, "ticks", "older ones are removed")                      \
    LIMIT(LIMIT_PIPELINE_NOTICES, "pipeline.max_notices", 10000, "lineage events or alerts that wait",                 \
          "further ones are dropped")                                                                                  \
    LIMIT(LIMIT_JWT, "oidc.max_token", 8192, "bytes", "UNAUTHENTICATED")                                               \
    LIMIT(LIMIT_OBJECT_TIMEOUT, "object.timeout", 30, "s", "a request to the S3 store is repeated, then UNAVAILABLE")  \
    LIMIT(LIMIT_TLS_HANDSHAKE, "tls.handshake_timeout", 10, "s", "the connection is closed")

enum limit {
#define LIMIT_CONSTANT(constant, name, value, unit, effect) constant,
    LIMITS_TABLE(LIMIT_CONSTANT)
#undef LIMIT_CONSTANT
        LIMIT_COUNT
};

/* The value in force. */
int64_t limits_get(enum limit limit);
const char *limits_name(enum limit limit);
const char *limits_unit(enum limit limit);

/* Sets by name, before threads start. ERR_INVALID for an unknown name or a negative value. */
bool limits_set(struct str name, int64_t value, struct err *err);

/* "limit http.max_body reached (16777216 bytes)", ERR_RESOURCE, with a hint that names the setting. Always false. */
bool limits_err(enum limit limit, struct err *err);
