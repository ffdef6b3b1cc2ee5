/* What the front knows itself comes from here: the catalogs, which are the tenants that the asker may see, and what is
 * the same everywhere. All else is asked of the tenant's worker. */
#include "face/flight/metadata.h"

#include "domain/query/session.h"
#include "domain/tenant/tenant.h"
#include "face/flight/get.h"
#include "face/flight/sql_info.h"
#include "face/flight/xdbc.h"

bool flight_metadata_is(enum flight_sql_kind kind)
{
    return kind >= FLIGHT_SQL_GET_CATALOGS && kind <= FLIGHT_SQL_GET_XDBC_TYPE_INFO;
}

static const struct arrow_shape *flight_metadata_shape(const struct flight_sql *sql)
{
    switch ((int)sql->kind) {
    case FLIGHT_SQL_GET_CATALOGS:
        return &arrow_sql_catalogs;
    case FLIGHT_SQL_GET_SCHEMAS:
        return &arrow_sql_schemas;
    case FLIGHT_SQL_GET_TABLES:
        return sql->include_schema ? &arrow_sql_tables_with_schema : &arrow_sql_tables;
    case FLIGHT_SQL_GET_TABLE_TYPES:
        return &arrow_sql_table_types;
    case FLIGHT_SQL_GET_PRIMARY_KEYS:
        return &arrow_sql_primary_keys;
    case FLIGHT_SQL_GET_EXPORTED_KEYS:
    case FLIGHT_SQL_GET_IMPORTED_KEYS:
    case FLIGHT_SQL_GET_CROSS_REFERENCE:
        return &arrow_sql_foreign_keys;
    case FLIGHT_SQL_GET_SQL_INFO:
        return &arrow_sql_info;
    case FLIGHT_SQL_GET_XDBC_TYPE_INFO:
        return &arrow_sql_xdbc_types;
    default:
        mem_panic("not a question about metadata");
    }
}

struct str flight_metadata_schema(struct arena *arena, const struct flight_sql *sql)
{
    AUTO(buf) struct buf message = {0};
    arrow_shape_message(flight_metadata_shape(sql), &message);
    return str_copy(arena, buf_str(&message));
}

static void flight_metadata_text(struct arrow_writer *writer, struct str text)
{
    arrow_put_text(arrow_writer_cell(writer, 0), text);
    arrow_writer_row(writer);
}

/* In order. DuckDB's `temp` is one of them while the session keeps a connection, where temporary tables are. */
static void flight_metadata_catalogs(const struct flight_call *call, struct arrow_writer *writer)
{
    const struct tenant_list *tenants = call->flight->tenants;
    bool temporary = call->session && query_session_is_kept(call->session);
    for (size_t i = 0; i < tenant_count(tenants); i++) {
        struct str id = tenant_at(tenants, i)->id;
        if (principal_role(call->who, id) == ROLE_NONE)
            continue;
        if (temporary && str_compare(S("temp"), id) < 0) {
            flight_metadata_text(writer, S("temp"));
            temporary = false;
        }
        flight_metadata_text(writer, id);
    }
    if (temporary)
        flight_metadata_text(writer, S("temp"));
}

/* The types that engine/metadata.h tells of. */
static void flight_metadata_table_types(struct arrow_writer *writer)
{
    flight_metadata_text(writer, S("LOCAL TEMPORARY"));
    flight_metadata_text(writer, S("TABLE"));
    flight_metadata_text(writer, S("VIEW"));
}

/* Answers from here, to the end of the call. No rows for what the front does not know. */
static void flight_metadata_answer(struct flight_get *get, const struct flight_sql *sql)
{
    AUTO(buf) struct buf header = {0};
    AUTO(buf) struct buf body = {0};
    struct arrow_writer *writer = arrow_writer_new(flight_metadata_shape(sql));
    switch ((int)sql->kind) {
    case FLIGHT_SQL_GET_CATALOGS:
        flight_metadata_catalogs(&get->call, writer);
        break;
    case FLIGHT_SQL_GET_TABLE_TYPES:
        flight_metadata_table_types(writer);
        break;
    case FLIGHT_SQL_GET_SQL_INFO:
        flight_sql_info_write(sql, writer);
        break;
    case FLIGHT_SQL_GET_XDBC_TYPE_INFO:
        flight_xdbc_write(sql, writer);
        break;
    default:
        break;
    }
    arrow_shape_schema(flight_metadata_shape(sql), &header);
    flight_get_send(get, buf_str(&header), S(""));
    if (arrow_writer_rows(writer) > 0) {
        buf_clear(&header);
        arrow_writer_batch(writer, &header, &body);
        flight_get_send(get, buf_str(&header), buf_str(&body));
    }
    arrow_writer_free(&writer);
    flight_call_finish(&get->call, NULL);
}

static enum query_metadata_kind flight_metadata_kind(enum flight_sql_kind kind)
{
    switch ((int)kind) {
    case FLIGHT_SQL_GET_SCHEMAS:
        return QUERY_METADATA_SCHEMAS;
    case FLIGHT_SQL_GET_TABLES:
        return QUERY_METADATA_TABLES;
    case FLIGHT_SQL_GET_PRIMARY_KEYS:
        return QUERY_METADATA_PRIMARY_KEYS;
    case FLIGHT_SQL_GET_EXPORTED_KEYS:
        return QUERY_METADATA_EXPORTED_KEYS;
    case FLIGHT_SQL_GET_IMPORTED_KEYS:
        return QUERY_METADATA_IMPORTED_KEYS;
    case FLIGHT_SQL_GET_CROSS_REFERENCE:
        return QUERY_METADATA_CROSS_REFERENCE;
    default:
        mem_panic("not a question for a worker");
    }
}

/* The tenant whose catalog this is and that the asker may see; empty: none. */
static struct str flight_metadata_tenant(const struct flight_call *call, struct str catalog)
{
    struct err unknown;
    struct str id = catalog.len > 0 ? str_lower(call->arena, catalog) : S("");
    bool visible =
        id.len > 0 && principal_role(call->who, id) != ROLE_NONE && tenant_find(call->flight->tenants, id, &unknown);
    return visible ? id : S("");
}

static bool flight_metadata_ask(struct flight_get *get, const struct flight_sql *sql, struct err *err)
{
    struct flight_call *call = &get->call;
    const struct query_sink sink = flight_get_sink(get);
    struct str named = flight_metadata_tenant(call, sql->catalog);
    struct query_metadata_request request = {
        .who = call->who,
        .tenant = named.len > 0 ? named : get->tenant,
        .kind = flight_metadata_kind(sql->kind),
        .session = call->session,
        .catalog = sql->catalog,
        .schema = sql->schema,
        .table = sql->table,
        .fk_catalog = sql->fk_catalog,
        .fk_schema = sql->fk_schema,
        .fk_table = sql->fk_table,
        .type_count = sql->type_count,
        .include_schema = sql->include_schema,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    memcpy(request.types, sql->types, sizeof(request.types));
    call->statement = query_metadata(call->flight->query, &request, &sink, err);
    if (!call->statement)
        return false;
    edge_set_tenant(&call->edge, query_statement_tenant(call->statement));
    edge_set_statement(&call->edge, query_statement_id(call->statement));
    return true;
}

/* The request names a catalog that is no tenant, and nothing else says which tenant is meant. */
static bool flight_metadata_is_nowhere(const struct flight_get *get, const struct flight_sql *sql)
{
    const struct flight_call *call = &get->call;
    bool session = call->session && query_session_tenant(call->session).len > 0;
    return sql->catalog.ptr && flight_metadata_tenant(call, sql->catalog).len == 0 && get->tenant.len == 0 &&
           call->who->tenant.len == 0 && !session;
}

bool flight_metadata_get(struct flight_get *get, const struct flight_sql *sql, struct err *err)
{
    switch ((int)sql->kind) {
    case FLIGHT_SQL_GET_CATALOGS:
    case FLIGHT_SQL_GET_TABLE_TYPES:
    case FLIGHT_SQL_GET_SQL_INFO:
    case FLIGHT_SQL_GET_XDBC_TYPE_INFO:
        flight_metadata_answer(get, sql);
        return true;
    default:
        break;
    }
    if (flight_metadata_ask(get, sql, err))
        return true;
    if ((err->code != ERR_INVALID && err->code != ERR_NOT_FOUND) || !flight_metadata_is_nowhere(get, sql))
        return false;
    flight_metadata_answer(get, sql);
    return true;
}
