/* Pieces wait in a queue until a DoGet that has room takes them; their blocks are held meanwhile, which lets the worker
 * pause. A message goes to one DoGet as a whole. When several share a result, what comes before the first rows (schema,
 * dictionaries) is copied, because every stream begins with it. */
#include "face/flight/held.h"

#include "base/clock.h"
#include "base/limits.h"
#include "face/flight/flight_data.h"
#include "face/flight/get.h"
#include "face/flight/run.h"

/* One of several DoGets gets more when less than this is still on its way to its client. */
#define FLIGHT_HELD_ROOM 1048576

struct flight_held_piece {
    struct list node;
    struct query_piece piece;
};

struct flight_held_endpoint {
    struct flight_held *held;
    struct str name;
    bool fetched;
};

struct flight_held {
    struct list node; /* in flight->held, oldest first; loose once dropped */
    struct flight *flight;
    struct arena *arena;
    struct str user;
    struct flight_held_endpoint *endpoints;
    size_t endpoint_count, fetched_count;
    struct list head;          /* struct flight_held_piece that every stream begins with; only with several endpoints */
    struct list pieces;        /* struct flight_held_piece that wait */
    size_t bytes;              /* of these */
    struct list gets;          /* struct flight_get that read */
    struct flight_get *target; /* has the first pieces of a message whose rest follows */
    struct list watches;       /* struct flight_held_watch */
    struct statement *statement; /* NULL: none, not yet, or ended */
    struct str later;            /* ticket of the command that the first DoGet starts; empty: none, or started */
    bool has_rows, ended, failed;
    bool busy; /* in flight_held_flush, which frees it if need be */
    struct err error;
    struct loop_timer timer;
};

/* --- Life --- */

/* Nobody reads it or waits for it, and nobody fills it but its own statement. */
static bool flight_held_is_idle(const struct flight_held *held)
{
    return list_is_empty(&held->gets) && list_is_empty(&held->watches) &&
           (held->ended || held->statement || held->later.len > 0);
}

static void flight_held_on_time(struct loop_timer *timer)
{
    struct flight_held *held = timer->owner;
    if (flight_held_is_idle(held))
        flight_held_drop(held);
    else
        flight_held_renew(held);
}

/* Makes room for one more: the oldest that nobody reads goes. */
static void flight_held_trim(struct flight *flight)
{
    list_each(&flight->held, node)
    {
        struct flight_held *held = list_object(node, struct flight_held, node);
        if (flight->held_by_name.count < (size_t)limits_get(LIMIT_TICKETS) &&
            flight->held_bytes <= (size_t)limits_get(LIMIT_KEPT_TOTAL))
            return;
        if (flight_held_is_idle(held))
            flight_held_drop(held);
    }
}

struct flight_held *flight_held_new(struct flight_call *call, size_t endpoints)
{
    struct flight *flight = call->flight;
    flight_held_trim(flight);
    struct flight_held *held = mem_new(struct flight_held);
    held->flight = flight;
    held->arena = arena_new();
    held->user = str_copy(held->arena, call->who->user);
    held->endpoint_count = endpoints;
    held->endpoints = arena_array(held->arena, endpoints, sizeof(*held->endpoints));
    for (size_t i = 0; i < endpoints; i++) {
        held->endpoints[i] = (struct flight_held_endpoint){.held = held, .name = flight_ticket_new_name(held->arena)};
        map_put(&flight->held_by_name, held->endpoints[i].name, &held->endpoints[i]);
    }
    list_init(&held->head);
    list_init(&held->pieces);
    list_init(&held->gets);
    list_init(&held->watches);
    list_append(&flight->held, &held->node);
    held->timer = (struct loop_timer){.on_time = flight_held_on_time, .owner = held};
    flight_held_renew(held);
    return held;
}

static bool flight_held_is_dropped(const struct flight_held *held)
{
    return held->node.next == &held->node;
}

static void flight_held_release(struct flight_held *held, struct list *pieces)
{
    list_each(pieces, node)
    {
        struct flight_held_piece *kept = list_object(node, struct flight_held_piece, node);
        size_t bytes = kept->piece.header.len + kept->piece.body.len;
        held->bytes -= bytes;
        held->flight->held_bytes -= bytes;
        slice_release(&kept->piece.header);
        slice_release(&kept->piece.body);
        list_remove(node);
        mem_free(kept);
    }
}

static void flight_held_free(struct flight_held *held)
{
    if (!flight_held_is_dropped(held) || held->statement || held->busy)
        return;
    arena_free(&held->arena);
    mem_free(held);
}

/* No name leads to it any more, and what waits is given back. */
static void flight_held_forget(struct flight_held *held)
{
    list_remove(&held->node);
    loop_timer_cancel(held->flight->loop, &held->timer);
    for (size_t i = 0; i < held->endpoint_count; i++)
        map_remove(&held->flight->held_by_name, held->endpoints[i].name);
    flight_held_release(held, &held->head);
    flight_held_release(held, &held->pieces);
}

static void flight_held_tell(struct flight_held *held)
{
    list_each(&held->watches, node)
    {
        struct flight_held_watch *watch = list_object(node, struct flight_held_watch, node);
        list_remove(node);
        watch->on_ready(watch);
    }
}

/* --- Giving out --- */

/* Who takes the next message; NULL: nobody has room. */
static struct flight_get *flight_held_pick(const struct flight_held *held)
{
    struct flight_get *best = NULL;
    size_t least = SIZE_MAX;
    list_each(&held->gets, node)
    {
        struct flight_get *get = list_object(node, struct flight_get, held_node);
        size_t unsent = rpc_call_unsent(get->call.rpc);
        if (unsent < least) {
            best = get;
            least = unsent;
        }
    }
    return held->endpoint_count == 1 || least < FLIGHT_HELD_ROOM ? best : NULL;
}

static void flight_held_give(struct flight_held *held)
{
    struct list *node;
    while ((node = list_first(&held->pieces))) {
        struct flight_held_piece *kept = list_object(node, struct flight_held_piece, node);
        struct query_piece piece = kept->piece;
        struct flight_get *get = piece.first ? flight_held_pick(held) : held->target;
        if (!get)
            return;
        list_remove(node);
        mem_free(kept);
        size_t bytes = piece.header.len + piece.body.len;
        held->bytes -= bytes;
        held->flight->held_bytes -= bytes;
        held->target = get;
        if (piece.first) { /* of those with as much room, another one is next */
            list_remove(&get->held_node);
            list_append(&held->gets, &get->held_node);
        }
        flight_get_piece(get, &piece);
    }
}

static void flight_held_finish(struct flight_held *held)
{
    list_each(&held->gets, node)
    {
        struct flight_get *get = list_object(node, struct flight_get, held_node);
        list_remove(node);
        get->held = NULL;
        flight_call_finish(&get->call, held->failed ? &held->error : NULL);
    }
}

/* Gives out what it can, and ends what has ended. The result may be gone afterwards. */
static void flight_held_flush(struct flight_held *held)
{
    if (held->busy)
        return;
    held->busy = true;
    if (held->failed && !flight_held_is_dropped(held))
        flight_held_release(held, &held->pieces);
    flight_held_give(held);
    if (held->ended && list_is_empty(&held->pieces))
        flight_held_finish(held);
    bool over = held->ended && held->fetched_count == held->endpoint_count && list_is_empty(&held->gets);
    if (over && !flight_held_is_dropped(held))
        flight_held_forget(held);
    if (held->has_rows || held->ended)
        flight_held_tell(held);
    held->busy = false;
    flight_held_free(held);
}

/* A piece that every stream begins with: a copy for each, so that the worker gets its block back. */
static void flight_held_send_head(struct flight_get *get, const struct query_piece *piece)
{
    struct query_piece copy = *piece;
    copy.header = slice_copy(str_bytes(piece->header.ptr, piece->header.len));
    copy.body = slice_copy(str_bytes(piece->body.ptr, piece->body.len));
    flight_get_piece(get, &copy);
}

static struct flight_held_piece *flight_held_append(struct flight_held *held, struct list *to,
                                                    struct query_piece *piece)
{
    struct flight_held_piece *kept = mem_new(struct flight_held_piece);
    size_t bytes = piece->header.len + piece->body.len;
    kept->piece = *piece;
    *piece = (struct query_piece){0};
    held->bytes += bytes;
    held->flight->held_bytes += bytes;
    list_append(to, &kept->node);
    return kept;
}

static void flight_held_add_head(struct flight_held *held, struct query_piece *piece)
{
    struct slice header = piece->header, body = piece->body;
    piece->header = slice_copy(str_bytes(header.ptr, header.len));
    piece->body = slice_copy(str_bytes(body.ptr, body.len));
    slice_release(&header);
    slice_release(&body);
    const struct flight_held_piece *kept = flight_held_append(held, &held->head, piece);
    list_each(&held->gets, node) flight_held_send_head(list_object(node, struct flight_get, held_node), &kept->piece);
}

void flight_held_add(struct flight_held *held, struct query_piece *piece)
{
    if (flight_held_is_dropped(held)) {
        slice_release(&piece->header);
        slice_release(&piece->body);
        return;
    }
    held->has_rows |= piece->rows > 0;
    if (held->endpoint_count > 1 && !held->has_rows)
        flight_held_add_head(held, piece);
    else
        flight_held_append(held, &held->pieces, piece);
    flight_held_flush(held);
}

void flight_held_end(struct flight_held *held, const struct err *error)
{
    held->ended = true;
    if (error && !held->failed) {
        held->failed = true;
        held->error = *error;
    }
    flight_held_flush(held);
}

/* --- Its own statement --- */

static void flight_held_on_piece(void *owner, struct query_piece *piece)
{
    flight_held_add(owner, piece);
}

static void flight_held_on_end(void *owner, const struct query_end *end)
{
    struct flight_held *held = owner;
    held->statement = NULL;
    flight_held_end(held, end->error);
}

bool flight_held_run(struct flight_held *held, struct flight_call *call, const struct flight_command *command,
                     struct err *err)
{
    const struct query_sink sink = {.on_piece = flight_held_on_piece, .on_end = flight_held_on_end, .owner = held};
    held->statement = flight_run(call, command, QUERY_RUN, true, &sink, err);
    if (!held->statement)
        flight_held_drop(held);
    return held->statement != NULL;
}

void flight_held_run_later(struct flight_held *held, struct str ticket)
{
    held->later = str_copy(held->arena, ticket);
    flight_held_renew(held);
}

static bool flight_held_start(struct flight_held *held, struct flight_call *call, struct err *err)
{
    struct flight_command command;
    struct str ticket = held->later;
    if (ticket.len == 0)
        return true;
    held->later = S("");
    if (flight_tickets_find(&held->flight->tickets, ticket, held->user, call->arena, &command, err))
        return flight_held_run(held, call, &command, err);
    flight_held_drop(held);
    return false;
}

/* --- Looking --- */

struct flight_held *flight_held_find(struct flight *flight, struct str name, struct str user, struct err *err)
{
    const struct flight_held_endpoint *endpoint = map_get(&flight->held_by_name, name);
    if (endpoint && str_equal(endpoint->held->user, user))
        return endpoint->held;
    err_set(err, ERR_NOT_FOUND, "the result is not known, or no longer");
    err_hint(err, "a result can be fetched once, within %lld s", (long long)limits_get(LIMIT_KEPT_LIFE));
    return NULL;
}

struct str flight_held_name(const struct flight_held *held, size_t endpoint)
{
    return held->endpoints[endpoint].name;
}

size_t flight_held_endpoints(const struct flight_held *held)
{
    return held->endpoint_count;
}

struct str flight_held_schema(const struct flight_held *held, struct arena *arena)
{
    struct list *node = list_first(list_is_empty(&held->head) ? &held->pieces : &held->head);
    if (!node)
        return S("");
    const struct slice *header = &list_object(node, struct flight_held_piece, node)->piece.header;
    return flight_data_encapsulate(arena, str_bytes(header->ptr, header->len));
}

bool flight_held_is_ready(const struct flight_held *held)
{
    return held->has_rows || held->ended;
}

const struct err *flight_held_error(const struct flight_held *held)
{
    return held->failed ? &held->error : NULL;
}

double flight_held_progress(const struct flight_held *held)
{
    if (held->statement)
        return query_statement_progress(held->statement);
    return held->ended ? 1.0 : -1.0;
}

void flight_held_watch(struct flight_held *held, struct flight_held_watch *watch)
{
    list_append(&held->watches, &watch->node);
}

void flight_held_renew(struct flight_held *held)
{
    enum limit life = held->later.len > 0 ? LIMIT_TICKET_LIFE : LIMIT_KEPT_LIFE;
    loop_timer_set(held->flight->loop, &held->timer, limits_get(life) * CLOCK_SECOND);
}

/* --- DoGet --- */

bool flight_held_attach(struct flight_held *held, struct flight_get *get, struct err *err)
{
    struct flight_held_endpoint *endpoint = map_get(&held->flight->held_by_name, get->ticket);
    if (endpoint->fetched) {
        err_set(err, ERR_NOT_FOUND, "the result was fetched already");
        return err_hint(err, "it is given out once; run the statement again");
    }
    if (!flight_held_start(held, &get->call, err))
        return false;
    endpoint->fetched = true;
    held->fetched_count++;
    get->held = held;
    list_append(&held->gets, &get->held_node);
    flight_held_renew(held);
    list_each(&held->head, node) flight_held_send_head(get, &list_object(node, struct flight_held_piece, node)->piece);
    flight_held_flush(held);
    return true;
}

void flight_held_detach(struct flight_get *get)
{
    struct flight_held *held = get->held;
    if (!held)
        return;
    get->held = NULL;
    list_remove(&get->held_node);
    flight_held_drop(held);
}

void flight_held_on_room(struct flight_get *get)
{
    if (get->held)
        flight_held_flush(get->held);
}

bool flight_held_drop(struct flight_held *held)
{
    bool running = held->statement != NULL;
    if (flight_held_is_dropped(held))
        return running;
    flight_held_forget(held);
    if (running)
        query_cancel(held->statement);
    struct err gone;
    err_set(&gone, ERR_CANCELLED, "the result was cancelled, dropped, or not taken to its end");
    flight_held_end(held, &gone);
    return running;
}

void flight_held_done(struct flight *flight)
{
    list_each(&flight->held, node) flight_held_drop(list_object(node, struct flight_held, node));
    map_done(&flight->held_by_name);
}
