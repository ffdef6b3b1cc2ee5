/* One statement at a time: a tenant's list of tables, then the schema of each table, then the next tenant.
 *
 * The list of names comes from the worker as JSON lines, and this is the one place where the front reads what a worker
 * made. It does so with the same bounded parser that reads clients' JSON (size by flight.max_request, depth by
 * json.max_depth), so a worker under somebody's control can do no more here than a client can. */
#include "face/flight/list.h"

#include "base/limits.h"
#include "base/vec.h"
#include "face/flight/call.h"
#include "face/flight/flight_info.h"
#include "platform/json/json.h"

/* Unsent bytes at which the list waits for the client. */
#define FLIGHT_LIST_UNSENT_MAX (1 << 20)

static const struct edge_method flight_list_method = {.name = "ListFlights"};

struct flight_list_table {
    struct str schema, name;
};

struct flight_list {
    struct flight_call call;
    VEC(struct str) tenants; /* in the call's arena, as the next */
    size_t tenant;           /* the one at work */
    struct str pattern;
    struct arena *arena; /* of this tenant's tables; NULL while its list is being read */
    VEC(struct flight_list_table) tables;
    size_t table;                  /* the next one */
    struct flight_command command; /* of the table at work */
    struct buf bytes;              /* what the statement at work has given so far */
    bool too_large;
    bool waiting; /* for the client to take what was sent */
};

static void flight_list_next(struct flight_list *list);

static void flight_list_on_piece(void *owner, struct query_piece *piece)
{
    struct flight_list *list = owner;
    size_t len = piece->header.len + piece->body.len;
    if (buf_len(&list->bytes) + len > (size_t)limits_get(LIMIT_UNARY_MESSAGE)) {
        list->too_large = true;
    } else {
        buf_append(&list->bytes, piece->header.ptr, piece->header.len);
        buf_append(&list->bytes, piece->body.ptr, piece->body.len);
    }
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static bool flight_list_parse(struct flight_list *list, struct err *err)
{
    struct str rest = buf_str(&list->bytes);
    struct str line;
    list->arena = arena_new();
    if (list->too_large) {
        limits_err(LIMIT_UNARY_MESSAGE, err);
        return err_wrap(err, "the list of tables of %s", list->call.edge.tenant);
    }
    while (str_split_next(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        const struct json *row = json_parse(list->arena, line, err);
        if (!row)
            return false;
        const struct flight_list_table table = {.schema = json_text(json_get(row, "schema")),
                                                .name = json_text(json_get(row, "name"))};
        vec_push(&list->tables, table);
    }
    return true;
}

static void flight_list_on_tables(void *owner, const struct query_end *end)
{
    struct flight_list *list = owner;
    struct err err;
    if (!flight_call_statement_ended(&list->call))
        return;
    if (end->error)
        flight_call_finish(&list->call, end->error);
    else if (!flight_list_parse(list, &err))
        flight_call_finish(&list->call, &err);
    else
        flight_list_next(list);
}

static struct flight_descriptor flight_list_descriptor(const struct flight_list *list, size_t index)
{
    return (struct flight_descriptor){
        .type = FLIGHT_DESCRIPTOR_PATH,
        .path = {list->tenants.items[list->tenant], list->tables.items[index].schema, list->tables.items[index].name},
        .path_count = 3};
}

static void flight_list_on_schema(void *owner, const struct query_end *end)
{
    struct flight_list *list = owner;
    if (!flight_call_statement_ended(&list->call))
        return;
    /* A table that went away meanwhile, or a view that no longer works, is left out of the list, not the end of it. */
    if (!end->error && !list->too_large) {
        AUTO(buf) struct buf message = {0};
        const struct flight_info info = {
            .schema = buf_str(&list->bytes),
            .descriptor = flight_list_descriptor(list, list->table),
            .endpoints = {{.ticket = flight_tickets_add(&list->call.flight->tickets, &list->command,
                                                        list->call.who->user, list->arena)}},
            .endpoint_count = 1,
            .ordered = true,
        };
        flight_info_encode(&message, &info);
        flight_call_send(&list->call, &message);
    }
    list->table++;
    flight_list_next(list);
}

static void flight_list_run(struct flight_list *list, const struct flight_command *command, enum query_format format,
                            void (*on_end)(void *owner, const struct query_end *end))
{
    const struct query_sink sink = {.on_piece = flight_list_on_piece, .on_end = on_end, .owner = list};
    struct err err;
    buf_clear(&list->bytes);
    list->too_large = false;
    if (!flight_call_run(&list->call, command, S(""), format,
                         format == QUERY_FORMAT_FLIGHT ? QUERY_DESCRIBE : QUERY_RUN, &sink, &err))
        flight_call_finish(&list->call, &err);
}

static void flight_list_describe(struct flight_list *list)
{
    struct err err;
    const struct flight_descriptor descriptor = flight_list_descriptor(list, list->table);
    if (!flight_command_from_descriptor(list->arena, &descriptor, &list->command, &err))
        flight_call_finish(&list->call, &err);
    else
        flight_list_run(list, &list->command, QUERY_FORMAT_FLIGHT, flight_list_on_schema);
}

/* Starts whatever comes next; the call may be gone afterwards. */
static void flight_list_next(struct flight_list *list)
{
    if (rpc_call_unsent(list->call.rpc) > FLIGHT_LIST_UNSENT_MAX) {
        list->waiting = true; /* on_drained goes on */
        return;
    }
    if (list->arena && list->table < list->tables.count) {
        flight_list_describe(list);
        return;
    }
    if (list->arena) {
        arena_free(&list->arena);
        vec_clear(&list->tables);
        list->table = 0;
        list->tenant++;
    }
    if (list->tenant == list->tenants.count) {
        flight_call_finish(&list->call, NULL);
        return;
    }
    const struct flight_command command = {.sql = edge_sql_tables(list->call.arena, list->pattern),
                                           .tenant = list->tenants.items[list->tenant]};
    flight_list_run(list, &command, QUERY_FORMAT_JSON_LINES, flight_list_on_tables);
}

static bool flight_list_begin(struct flight_list *list, struct str message, struct err *err)
{
    struct flight_call *call = &list->call;
    struct tenant_list *tenants = call->flight->tenants;
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err) ||
        !flight_criteria_decode(message, &list->pattern, err))
        return false;
    if (!str_is_utf8(list->pattern.ptr, list->pattern.len) || memchr(list->pattern.ptr, 0, list->pattern.len))
        return err_set(err, ERR_INVALID, "the criteria's expression has to be a SQL LIKE pattern for table names");
    if (options.tenant.len > 0) {
        if (!tenant_resolve(tenants, call->who, options.tenant, err))
            return false;
        vec_push(&list->tenants, str_copy(call->arena, options.tenant));
        return true;
    }
    for (size_t i = 0; i < tenant_count(tenants); i++) {
        const struct tenant *tenant = tenant_at(tenants, i);
        if (principal_role(call->who, tenant->id) != ROLE_NONE)
            vec_push(&list->tenants, str_copy(call->arena, tenant->id));
    }
    return true;
}

static void flight_list_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_list *list = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (!flight_call_take(&list->call, message, &copy))
        return;
    if (flight_list_begin(list, copy, &err))
        flight_list_next(list);
    else
        flight_call_finish(&list->call, &err);
}

static void flight_list_on_drained(struct rpc_call *rpc)
{
    struct flight_list *list = rpc_call_owner(rpc);
    if (!list->waiting || list->call.finished)
        return;
    list->waiting = false;
    flight_list_next(list);
}

static void flight_list_release(struct flight_call *call)
{
    struct flight_list *list = (struct flight_list *)(void *)call;
    vec_done(&list->tenants);
    vec_done(&list->tables);
    buf_done(&list->bytes);
    arena_free(&list->arena);
}

void flight_list_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_list_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed,
                                             .on_drained = flight_list_on_drained};
    struct flight_list *list = flight_call_new(flight, rpc, &flight_list_method, sizeof(*list), &events);
    list->call.release = flight_list_release;
}
