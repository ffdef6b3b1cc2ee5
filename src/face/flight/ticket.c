/* A map by name and a list by age; every ticket lives equally long, so the oldest is always the next to be forgotten.
 */
#include "face/flight/ticket.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"

#define FLIGHT_TICKET_PREFIX "eider-ticket-"
#define FLIGHT_TICKET_RANDOM 16 /* bytes; twice as many characters */

struct flight_ticket {
    struct list by_age;
    struct arena *arena; /* owns the texts */
    struct str name;
    struct str user;
    struct flight_command command;
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

static struct flight_command flight_ticket_copy(struct arena *arena, const struct flight_command *command)
{
    return (struct flight_command){.sql = str_copy(arena, command->sql),
                                   .tenant = str_copy(arena, command->tenant),
                                   .parameters = str_copy(arena, command->parameters)};
}

struct str flight_tickets_add(struct flight_tickets *tickets, const struct flight_command *command, struct str user,
                              struct arena *arena)
{
    flight_tickets_trim(tickets, 1);
    struct flight_ticket *ticket = mem_new(struct flight_ticket);
    ticket->arena = arena_new();
    ticket->name = str_format(ticket->arena, FLIGHT_TICKET_PREFIX "%.*s",
                              STR_ARG(random_hex(ticket->arena, FLIGHT_TICKET_RANDOM)));
    ticket->user = str_copy(ticket->arena, user);
    ticket->command = flight_ticket_copy(ticket->arena, command);
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

bool flight_tickets_find(struct flight_tickets *tickets, struct str name, struct str user, struct arena *arena,
                         struct flight_command *command_out, struct err *err)
{
    const struct flight_ticket *ticket = flight_tickets_get(tickets, name, user);
    if (!ticket) {
        err_set(err, ERR_NOT_FOUND, "the ticket is not known, or no longer");
        return err_hint(err, "a ticket lives %lld s; ask GetFlightInfo for a new one",
                        (long long)limits_get(LIMIT_TICKET_LIFE));
    }
    *command_out = flight_ticket_copy(arena, &ticket->command);
    return true;
}

bool flight_tickets_remove(struct flight_tickets *tickets, struct str name, struct str user)
{
    struct flight_ticket *ticket = flight_tickets_get(tickets, name, user);
    if (ticket)
        flight_tickets_forget(tickets, ticket);
    return ticket != NULL;
}
