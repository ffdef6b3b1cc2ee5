/* The worker's blocks go to the socket as they are: in front of each message come the tags and lengths of FlightData,
 * and nothing is copied. The slices are held by rpc until they have left; that holds the worker back. */
#include "face/flight/get.h"

#include "face/flight/flight_data.h"
#include "face/flight/flight_info.h"
#include "face/flight/held.h"
#include "face/flight/metadata.h"
#include "face/flight/run.h"

static const struct edge_method flight_get_method = {.name = "DoGet"};

struct flight_get_tags {
    uint8_t header[FLIGHT_DATA_TAG_MAX];
    uint8_t body[FLIGHT_DATA_TAG_MAX];
};

static void flight_get_begin(struct flight_get *get, struct query_piece *piece)
{
    struct flight_get_tags *tags = mem_new(struct flight_get_tags);
    size_t header_len = flight_data_header_tag(tags->header, piece->header.len);
    size_t body_len = piece->body_total > 0 ? flight_data_body_tag(tags->body, piece->body_total) : 0;
    uint64_t total = header_len + piece->header.len + body_len + piece->body_total;
    /* The tags' memory goes with the last slice that points into it; slices leave in order, empty ones at once. */
    bool has_body = body_len > 0;
    const struct slice slices[] = {
        {.ptr = tags->header, .len = header_len, .release = has_body ? NULL : mem_free, .owner = tags},
        piece->header,
        {.ptr = tags->body, .len = body_len, .release = has_body ? mem_free : NULL, .owner = tags},
        piece->body,
    };
    get->call.edge.bytes_out += total;
    get->body_left = piece->body_total - piece->body.len;
    if (get->body_left == 0) {
        rpc_send(get->call.rpc, slices, 4);
    } else {
        rpc_send_begin(get->call.rpc, (uint32_t)total);
        rpc_send_part(get->call.rpc, slices, 4);
    }
}

static bool flight_get_check(const struct flight_get *get, const struct query_piece *piece, struct err *err)
{
    if (piece->first ? get->body_left != 0 || piece->body.len > piece->body_total
                     : piece->body.len > get->body_left || piece->header.len > 0)
        return err_set(err, ERR_INTERNAL, "the worker's pieces do not add up to its message");
    /* gRPC's prefix has 32 bits; a row of 4 GiB has no way to a Flight client. */
    if (piece->first && piece->body_total > UINT32_MAX - piece->header.len - sizeof(struct flight_get_tags))
        return err_set(err, ERR_RESOURCE, "a row of the result is larger than a gRPC message can be (4 GiB)");
    return true;
}

void flight_get_piece(struct flight_get *get, struct query_piece *piece)
{
    struct err err;
    bool taken = get->call.rpc && !get->call.finished && flight_get_check(get, piece, &err);
    if (!taken) {
        slice_release(&piece->header);
        slice_release(&piece->body);
        if (get->call.rpc && !get->call.finished)
            flight_call_finish(&get->call, &err);
        return;
    }
    if (piece->first) {
        flight_get_begin(get, piece);
    } else {
        slice_release(&piece->header);
        get->body_left -= piece->body.len;
        rpc_send_part(get->call.rpc, &piece->body, 1);
    }
    *piece = (struct query_piece){0};
}

static void flight_get_on_piece(void *owner, struct query_piece *piece)
{
    flight_get_piece(owner, piece);
}

static void flight_get_on_end(void *owner, const struct query_end *end)
{
    struct flight_get *get = owner;
    if (flight_call_statement_ended(&get->call))
        flight_call_finish(&get->call, end->error);
}

struct query_sink flight_get_sink(struct flight_get *get)
{
    return (struct query_sink){.on_piece = flight_get_on_piece, .on_end = flight_get_on_end, .owner = get};
}

void flight_get_send(struct flight_get *get, struct str header, struct str body)
{
    struct query_piece piece = {.header = slice_copy(header),
                                .body = body.len ? slice_copy(body) : (struct slice){0},
                                .body_total = body.len,
                                .first = true};
    flight_get_piece(get, &piece);
}

static bool flight_get_command(struct flight_get *get, const struct flight_command *command, struct err *err)
{
    get->tenant = command->tenant;
    const struct query_sink sink = flight_get_sink(get);
    return flight_run(&get->call, command, QUERY_RUN, false, &sink, err) != NULL;
}

/* A name that the server gave out: of a result that waits, or of a command. */
static bool flight_get_named(struct flight_get *get, struct str name, struct err *err)
{
    struct flight_call *call = &get->call;
    struct flight_options_of_call options;
    struct flight_command command;
    get->ticket = name;
    struct flight_held *held = flight_held_find(call->flight, name, call->who->user, err);
    if (held)
        return flight_held_attach(held, get, err);
    if (!flight_options_from_headers(call->rpc, false, &options, err) ||
        !flight_tickets_find(&call->flight->tickets, name, call->who->user, call->arena, &command, err))
        return false;
    if (command.tenant.len == 0)
        command.tenant = options.tenant;
    return flight_get_command(get, &command, err);
}

static bool flight_get_run(struct flight_get *get, struct str message, struct err *err)
{
    struct flight_call *call = &get->call;
    struct flight_options_of_call options;
    struct flight_command command;
    struct flight_sql sql;
    struct str ticket;
    if (!flight_options_from_headers(call->rpc, false, &options, err) || !flight_ticket_decode(message, &ticket, err) ||
        !flight_sql_decode(ticket, &sql, err))
        return false;
    if (flight_metadata_is(sql.kind)) {
        get->tenant = options.tenant;
        return flight_metadata_get(get, &sql, err);
    }
    if (sql.kind == FLIGHT_SQL_TICKET_STATEMENT)
        return flight_get_named(get, sql.handle, err);
    if (sql.kind == FLIGHT_SQL_NONE && flight_ticket_is_name(ticket))
        return flight_get_named(get, ticket, err);
    if (!flight_run_command(call, &sql, ticket, &command, err))
        return sql.kind == FLIGHT_SQL_NONE ? err_wrap(err, "ticket") : false;
    return flight_get_command(get, &command, err);
}

static void flight_get_on_message(struct rpc_call *rpc, struct str message)
{
    struct flight_get *get = rpc_call_owner(rpc);
    struct str copy;
    struct err err;
    if (flight_call_take(&get->call, message, &copy) && !flight_get_run(get, copy, &err))
        flight_call_finish(&get->call, &err);
}

static void flight_get_release(struct flight_call *call)
{
    struct flight_get *get = (struct flight_get *)(void *)call;
    flight_held_detach(get);
    list_remove(&get->node);
}

static void flight_get_on_drained(struct rpc_call *rpc)
{
    flight_held_on_room(rpc_call_owner(rpc));
}

void flight_get_start(void *flight, struct rpc_call *rpc)
{
    static const struct rpc_events events = {.on_message = flight_get_on_message,
                                             .on_half_close = flight_call_on_half_close,
                                             .on_closed = flight_call_on_closed,
                                             .on_drained = flight_get_on_drained};
    struct flight_get *get = flight_call_new(flight, rpc, &flight_get_method, sizeof(*get), &events);
    get->call.release = flight_get_release;
    list_init(&get->held_node);
    list_append(&get->call.flight->gets, &get->node);
}

size_t flight_get_cancel(struct flight *flight, struct str ticket, struct str user)
{
    size_t count = 0;
    list_each(&flight->gets, node)
    {
        struct flight_get *get = list_object(node, struct flight_get, node);
        if (!get->call.statement || !str_equal(get->ticket, ticket) || !str_equal(get->call.who->user, user))
            continue;
        query_cancel(get->call.statement);
        count++;
    }
    return count;
}
