/* Uploads of tables: eider's own, named by a PATH, with options in headers or app_metadata and an answer in JSON; and
 * Flight SQL's CommandStatementIngest. */
#include "face/flight/put.h"
#include "platform/json/json.h"

static bool flight_put_table_open(struct flight_put *put, struct err *err)
{
    struct flight_call *call = &put->call;
    const struct query_upload_request request = {
        .who = call->who,
        .tenant = put->table.tenant.len ? put->table.tenant : put->options.tenant,
        .schema = put->table.schema,
        .table = put->table.table,
        .mode = put->options.mode,
        .target = put->options.target,
        .partition_by = put->options.partition_by,
        .sort_by = put->options.sort_by,
        .temporary = put->sql.temporary,
        .session = call->session,
        .transaction = put->sql.transaction,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    const struct query_sink sink = flight_put_sink(put);
    call->statement = query_upload(call->flight->query, &request, &sink, flight_put_on_ready, err);
    if (!call->statement) {
        edge_set_meant(&call->edge, call->flight->tenants, call->who, request.tenant);
        return false;
    }
    edge_set_tenant(&call->edge, query_statement_tenant(call->statement));
    edge_set_statement(&call->edge, query_statement_id(call->statement));
    return true;
}

/* --- PATH --- */

static void flight_put_table_answer(struct flight_put *put, const struct query_end *end)
{
    AUTO(buf) struct buf metadata = {0};
    struct json_writer writer = {.buf = &metadata};
    bool lake = end->target == QUERY_TARGET_ICEBERG;
    struct str schema = put->table.schema.len ? put->table.schema : lake ? S("iceberg") : S("default");
    struct str table =
        str_format(put->call.arena, "%s.%.*s.%.*s", put->call.edge.tenant, STR_ARG(schema), STR_ARG(put->table.table));
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "table", table);
    json_write_i64(&writer, "rows", (int64_t)end->rows);
    json_write_i64(&writer, "bytes", (int64_t)end->bytes);
    json_write_text(&writer, "target", lake ? S("iceberg") : S("duckdb"));
    json_write_text(&writer, "reason", end->reason);
    json_write_text(&writer, "statement", str_from(put->call.edge.statement));
    json_end_object(&writer);
    flight_put_answer(put, buf_str(&metadata));
}

const struct flight_put_way *flight_put_table(struct flight_put *put, const struct flight_descriptor *descriptor,
                                              struct err *err)
{
    static const struct flight_put_way way = {.open = flight_put_table_open, .answer = flight_put_table_answer};
    if (put->schema_header.len == 0) {
        err_set(err, ERR_INVALID, "the first message of an upload has no schema");
        return NULL;
    }
    put->has_json = true;
    bool ok = flight_options_from_headers(put->call.rpc, true, &put->options, err) &&
              flight_table_from_path(descriptor, &put->table, err);
    return ok ? &way : NULL;
}

/* --- CommandStatementIngest --- */

/* TableDefinitionOptions: what if there is no such table (1 create, 2 fail), and if there is one (1 fail, 2 append,
 * 3 replace). */
static bool flight_put_ingest_mode(const struct flight_sql *sql, enum query_mode *mode_out, struct err *err)
{
    static const struct {
        int if_not_exist, if_exists;
        enum query_mode mode;
    } modes[] = {{1, 1, QUERY_MODE_CREATE},
                 {2, 2, QUERY_MODE_APPEND},
                 {1, 3, QUERY_MODE_REPLACE},
                 {1, 2, QUERY_MODE_CREATE_APPEND}};
    static const char *const not_exist[] = {"unspecified", "create", "fail"};
    static const char *const exists[] = {"unspecified", "fail", "append", "replace"};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (modes[i].if_not_exist == sql->if_not_exist && modes[i].if_exists == sql->if_exists) {
            *mode_out = modes[i].mode;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "ingest with if_not_exist %s (%d) and if_exists %s (%d) is not served",
            sql->if_not_exist >= 0 && sql->if_not_exist <= 2 ? not_exist[sql->if_not_exist] : "unknown",
            sql->if_not_exist, sql->if_exists >= 0 && sql->if_exists <= 3 ? exists[sql->if_exists] : "unknown",
            sql->if_exists);
    return err_hint(err, "create+fail, fail+append, create+replace or create+append");
}

const struct flight_put_way *flight_put_ingest(struct flight_put *put, struct err *err)
{
    static const struct flight_put_way way = {.open = flight_put_table_open, .answer = flight_put_answer_count};
    struct flight_sql *sql = &put->sql;
    if (sql->option.ptr) {
        err_set(err, ERR_INVALID, "unknown option '%.*s' of ingest", STR_ARG(str_slice(sql->option, 0, 64)));
        err_hint(err, "eider knows no options of ingest");
        return NULL;
    }
    if (!flight_options_from_headers(put->call.rpc, true, &put->options, err) ||
        !flight_put_ingest_mode(sql, &put->options.mode, err))
        return NULL;
    if (put->options.target == QUERY_TARGET_AUTO)
        put->options.target = QUERY_TARGET_STAY;
    if (str_equal(sql->catalog, S("temp"))) /* DuckDB's catalog of temporary tables */
        sql->temporary = true;
    else
        put->table.tenant = sql->catalog;
    put->table.schema = sql->schema;
    put->table.table = sql->table;
    return &way;
}
