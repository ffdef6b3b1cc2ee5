/* A map by name and a list by age; every ticket lives equally long, so the oldest is always the next to be forgotten.
 */
#include "face/flight/ticket.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "domain/query/session.h"

#define FLIGHT_TICKET_PREFIX "eider-ticket-"
#define FLIGHT_TICKET_RANDOM 16 /* bytes; twice as many characters */

struct flight_ticket {
    struct list by_age;
    struct arena *arena; /* owns the texts */
    struct str name;
    struct str user;
    struct flight_command command;
    bool lost; /* its session ended, and what was in it with it */
    int64_t expires_us;
};

void flight_tickets_init(struct flight_tickets *tickets)
{
    *tickets = (struct flight_tickets){0};
    list_init(&tickets->by_age);
}

static void flight_tickets_forget(struct flight_tickets *tickets, struct flight_ticket *ticket)
{
    map_remove(&tickets->by_name, ticket->name);
    list_remove(&ticket->by_age);
    flight_binds_unref(&ticket->command.binds);
    arena_free(&ticket->arena);
    mem_free(ticket);
}

void flight_tickets_done(struct flight_tickets *tickets)
{
    list_each(&tickets->by_age, node) flight_tickets_forget(tickets, list_object(node, struct flight_ticket, by_age));
    map_done(&tickets->by_name);
}

/* Room for `room` more tickets, none of them too old. */
static void flight_tickets_trim(struct flight_tickets *tickets, size_t room)
{
    int64_t now_us = clock_now_us();
    size_t most = (size_t)limits_get(LIMIT_TICKETS);
    list_each(&tickets->by_age, node)
    {
        struct flight_ticket *ticket = list_object(node, struct flight_ticket, by_age);
        if (ticket->expires_us > now_us && tickets->by_name.count + room <= most)
            return;
        flight_tickets_forget(tickets, ticket);
    }
}

bool flight_ticket_is_name(struct str text)
{
    return str_starts_with(text, S(FLIGHT_TICKET_PREFIX)) &&
           text.len == sizeof(FLIGHT_TICKET_PREFIX) - 1 + 2 * FLIGHT_TICKET_RANDOM;
}

struct str flight_ticket_new_name(struct arena *arena)
{
    return str_format(arena, FLIGHT_TICKET_PREFIX "%.*s", STR_ARG(random_hex(arena, FLIGHT_TICKET_RANDOM)));
}

struct str flight_tickets_add(struct flight_tickets *tickets, const struct flight_command *command, struct str user,
                              struct arena *arena)
{
    flight_tickets_trim(tickets, 1);
    struct flight_ticket *ticket = mem_new(struct flight_ticket);
    ticket->arena = arena_new_small();
    ticket->name = flight_ticket_new_name(ticket->arena);
    ticket->user = str_copy(ticket->arena, user);
    ticket->command = flight_command_copy(ticket->arena, command);
    ticket->expires_us = clock_deadline_us(limits_get(LIMIT_TICKET_LIFE) * CLOCK_SECOND);
    list_append(&tickets->by_age, &ticket->by_age);
    map_put(&tickets->by_name, ticket->name, ticket);
    return str_copy(arena, ticket->name);
}

static struct flight_ticket *flight_tickets_get(struct flight_tickets *tickets, struct str name, struct str user)
{
    flight_tickets_trim(tickets, 0);
    struct flight_ticket *ticket = map_get(&tickets->by_name, name);
    return ticket && str_equal(ticket->user, user) ? ticket : NULL;
}

static void flight_ticket_unref(void *object)
{
    struct flight_binds *binds = object;
    flight_binds_unref(&binds);
}

bool flight_tickets_find(struct flight_tickets *tickets, struct str name, struct str user, struct arena *arena,
                         struct flight_command *command_out, struct err *err)
{
    const struct flight_ticket *ticket = flight_tickets_get(tickets, name, user);
    if (!ticket) {
        err_set(err, ERR_NOT_FOUND, "the ticket is not known, or no longer");
        return err_hint(err, "a ticket lives %lld s, that of a statement that ran %lld s and for one DoGet",
                        (long long)limits_get(LIMIT_TICKET_LIFE), (long long)limits_get(LIMIT_KEPT_LIFE));
    }
    if (ticket->lost) {
        err_set(err, ERR_UNAVAILABLE, "the session of the ticket has ended");
        return err_hint(err, "ask GetFlightInfo again, in a new session");
    }
    *command_out = flight_command_copy(arena, &ticket->command);
    if (command_out->binds)
        arena_defer(arena, flight_ticket_unref, command_out->binds);
    return true;
}

bool flight_tickets_remove(struct flight_tickets *tickets, struct str name, struct str user)
{
    struct flight_ticket *ticket = flight_tickets_get(tickets, name, user);
    if (ticket)
        flight_tickets_forget(tickets, ticket);
    return ticket != NULL;
}

bool flight_tickets_renew(struct flight_tickets *tickets, struct str name, struct str user)
{
    struct flight_ticket *ticket = flight_tickets_get(tickets, name, user);
    if (!ticket)
        return false;
    ticket->expires_us = clock_deadline_us(limits_get(LIMIT_TICKET_LIFE) * CLOCK_SECOND);
    list_remove(&ticket->by_age);
    list_append(&tickets->by_age, &ticket->by_age);
    return true;
}

void flight_tickets_leave(struct flight_tickets *tickets, const struct query_session *session)
{
    list_each(&tickets->by_age, node)
    {
        struct flight_ticket *ticket = list_object(node, struct flight_ticket, by_age);
        if (ticket->command.session != session)
            continue;
        ticket->command.session = NULL;
        ticket->lost = ticket->command.transaction.len > 0 || query_session_is_kept(session);
    }
}
