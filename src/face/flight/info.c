/* GetFlightInfo and GetSchema describe the statement in the worker; they differ in what they answer with, and in that
 * GetFlightInfo of Flight SQL runs what does more than read, once: drivers call nothing else for DDL. Its result waits
 * for a DoGet. The schema is the worker's own message, the same that DoGet begins with. */
#include "face/flight/info.h"

#include "base/clock.h"
#include "base/limits.h"
#include "face/flight/flight_data.h"
#include "face/flight/flight_info.h"
#include "face/flight/held.h"
#include "face/flight/metadata.h"
#include "face/flight/prepared.h"
#include "face/flight/run.h"

static const struct edge_method flight_info_method = {.name = "GetFlightInfo"};
static const struct edge_method flight_schema_method = {.name = "GetSchema"};

struct flight_describe {
    struct flight_call call;
    struct flight_descriptor descriptor;
    struct flight_command command;
    struct buf schema;
    struct flight_held *held; /* what ran leaves its result here; NULL: nothing did */
    size_t held_bytes;
};

/* --- Answers --- */

static bool flight_describe_is_info(const struct flight_describe *describe)
{
    return describe->call.edge.method == &flight_info_method;
}

static void flight_describe_answer(struct flight_describe *describe, struct flight_info *info)
{
    AUTO(buf) struct buf message = {0};
    info->descriptor = describe->descriptor;
    if (flight_describe_is_info(describe))
        flight_info_encode(&message, info);
    else
        flight_schema_result_encode(&message, info->schema);
    flight_call_send(&describe->call, &message);
    flight_call_finish(&describe->call, NULL);
}

struct flight_endpoint flight_info_endpoint(struct flight_call *call, const struct flight_command *command)
{
    return (struct flight_endpoint){
        .ticket = flight_tickets_add(&call->flight->tickets, command, call->who->user, call->arena),
        .expires_us = clock_wall_us() + limits_get(LIMIT_TICKET_LIFE) * CLOCK_SECOND};
}

/* Endpoints that share a statement, which the first DoGet starts. */
static void flight_describe_split(struct flight_describe *describe, struct flight_info *info, size_t count)
{
    struct flight_held *held = flight_held_new(&describe->call, count);
    flight_held_run_later(held, flight_info_endpoint(&describe->call, &describe->command).ticket);
    for (size_t i = 0; i < count; i++)
        info->endpoints[i] = (struct flight_endpoint){.ticket = flight_held_name(held, i)};
    info->endpoint_count = count;
}

/* The command was described; DoGet will run it. */
static void flight_describe_answer_command(struct flight_describe *describe, struct str schema)
{
    struct flight_info info = {.schema = schema, .ordered = true};
    int64_t parallel = flight_session_parallel(&describe->call);
    if (flight_describe_is_info(describe) && parallel > 1 && flight_run_is_unordered(describe->command.sql)) {
        flight_describe_split(describe, &info,
                              parallel < FLIGHT_ENDPOINTS_MAX ? (size_t)parallel : FLIGHT_ENDPOINTS_MAX);
        info.ordered = false;
    } else if (flight_describe_is_info(describe)) {
        info.endpoints[0] = flight_info_endpoint(&describe->call, &describe->command);
        info.endpoint_count = 1;
    }
    flight_describe_answer(describe, &info);
}

static void flight_describe_answer_ticket(struct flight_describe *describe, struct str schema, struct str ticket)
{
    struct flight_info info = {
        .schema = schema, .endpoints = {{.ticket = ticket}}, .endpoint_count = 1, .ordered = true};
    flight_describe_answer(describe, &info);
}

/* --- The statement --- */

/* A piece of the result of what ran; a copy, so that nobody waits for the DoGet. */
static void flight_describe_keep(struct flight_describe *describe, struct query_piece *piece)
{
    struct flight_call *call = &describe->call;
    describe->held_bytes += piece->header.len + piece->body.len;
    if (describe->held_bytes > (size_t)limits_get(LIMIT_KEPT_RESULT)) {
        struct err err;
        limits_err(LIMIT_KEPT_RESULT, &err);
        err_hint(&err, "what changes data returns its result at once; return fewer rows, or select them afterwards");
        flight_call_finish(call, &err);
        return;
    }
    if (!describe->held)
        describe->held = flight_held_new(call, 1);
    struct query_piece copy = *piece;
    copy.header = slice_copy(str_bytes(piece->header.ptr, piece->header.len));
    copy.body = slice_copy(str_bytes(piece->body.ptr, piece->body.len));
    flight_held_add(describe->held, &copy);
}

static void flight_describe_on_piece(void *owner, struct query_piece *piece)
{
    struct flight_describe *describe = owner;
    if (piece->role == QUERY_ROLE_RESULT_SCHEMA)
        buf_append(&describe->schema, piece->header.ptr, piece->header.len);
    if (piece->role == QUERY_ROLE_RESULT && !describe->call.finished)
        flight_describe_keep(describe, piece);
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void flight_describe_on_end(void *owner, const struct query_end *end)
{
    struct flight_describe *describe = owner;
    struct flight_call *call = &describe->call;
    if (!flight_call_statement_ended(call))
        return;
    if (end->error) {
        flight_call_finish(call, end->error);
        return;
    }
    if (!describe->held) {
        flight_describe_answer_command(describe, buf_str(&describe->schema));
        return;
    }
    struct flight_held *held = describe->held;
    describe->held = NULL;
    struct str schema = flight_held_schema(held, call->arena);
    struct str ticket = str_copy(call->arena, flight_held_name(held, 0));
    flight_held_end(held, NULL);
    /* It is given out once, so nothing is said of how long it may be asked for. */
    flight_describe_answer_ticket(describe, schema, ticket);
}

/* --- The question --- */

/* In the front alone: its schemas are known. Types of columns may depend on what is bound, so then DoGet tells. */
static bool flight_describe_known(struct flight_describe *describe, const struct query_prepared *prepared)
{
    bool is_info = flight_describe_is_info(describe);
    if (is_info && prepared->kind != QUERY_KIND_READ)
        return false;
    flight_describe_answer_command(describe, is_info && describe->command.binds ? S("") : prepared->result_schema);
    return true;
}

static bool flight_describe_run(struct flight_describe *describe, struct str message, struct err *err)
{
    struct flight_call *call = &describe->call;
    struct flight_sql sql;
    if (!flight_descriptor_decode(message, &describe->descriptor, err) ||
        !flight_run_descriptor(call, &describe->descriptor, &sql, &describe->command, err))
        return false;
    if (flight_metadata_is(sql.kind)) {
        flight_describe_answer_ticket(describe, flight_metadata_schema(call->arena, &sql), describe->descriptor.cmd);
        return true;
    }
    enum query_purpose purpose = QUERY_DESCRIBE;
    if (sql.kind == FLIGHT_SQL_STATEMENT_QUERY && flight_describe_is_info(describe))
        purpose = QUERY_DESCRIBE_OR_RUN;
    if (sql.kind == FLIGHT_SQL_PREPARED_QUERY) {
        const struct query_prepared *prepared = flight_prepared_find(call, sql.handle, err);
        if (!prepared)
            return false;
        if (flight_describe_known(describe, prepared))
            return true;
        purpose = QUERY_RUN;
    }
    const struct query_sink sink = {
        .on_piece = flight_describe_on_piece, .on_end = flight_describe_on_end, .owner = describe};
    return flight_run(call, &describe->command, purpose, false, &sink, err) != NULL;
}

static void flight_describe_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_describe *describe = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(&describe->call, message, &copy) && !flight_describe_run(describe, copy, &err))
        flight_call_finish(&describe->call, &err);
}

static void flight_describe_release(struct flight_call *call)
{
    struct flight_describe *describe = (struct flight_describe *)(void *)call;
    if (describe->held)
        flight_held_drop(describe->held);
    buf_done(&describe->schema);
}

static void flight_describe_start(void *flight, struct rpc_call *rpc, const struct edge_method *method)
{
    static const struct rpc_events events = {.on_message = flight_describe_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed};
    struct flight_describe *describe = flight_call_new(flight, rpc, method, sizeof(*describe), &events);
    describe->call.release = flight_describe_release;
}

void flight_info_start(void *flight, struct rpc_call *rpc)
{
    flight_describe_start(flight, rpc, &flight_info_method);
}

void flight_schema_start(void *flight, struct rpc_call *rpc)
{
    flight_describe_start(flight, rpc, &flight_schema_method);
}
