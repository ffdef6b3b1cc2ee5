/* Tickets that GetFlightInfo gives out: random names for a command, bound to the principal who asked, forgotten after
 * flight.ticket_life or when more than flight.max_tickets are remembered. */
#pragma once
#include "base/map.h"
#include "base/list.h"
#include "face/flight/command.h"

struct flight_tickets {
    struct map by_name; /* of struct flight_ticket */
    struct list by_age; /* oldest first */
};

void flight_tickets_init(struct flight_tickets *tickets);
void flight_tickets_done(struct flight_tickets *tickets);

/* True for texts of the form of a server's ticket, known or not; no SQL statement and no JSON looks like one. */
bool flight_ticket_is_name(struct str text);
/* A new one, in the arena. */
struct str flight_ticket_new_name(struct arena *arena);

/* Remembers the command (copied) and returns its name, in the arena. */
struct str flight_tickets_add(struct flight_tickets *tickets, const struct flight_command *command, struct str user,
                              struct arena *arena);

/* The command behind a name, copied into the arena; ERR_NOT_FOUND when it is unknown, forgotten or another user's,
 * ERR_UNAVAILABLE when its session has ended and held something that the command may need. */
bool flight_tickets_find(struct flight_tickets *tickets, struct str name, struct str user, struct arena *arena,
                         struct flight_command *command_out, struct err *err) MUST_USE;

/* Forgets it; false when user has no such ticket. */
bool flight_tickets_remove(struct flight_tickets *tickets, struct str name, struct str user);

/* It lives for another flight.ticket_life from now; false when user has no such ticket. */
bool flight_tickets_renew(struct flight_tickets *tickets, struct str name, struct str user);

/* To be called before a session is closed: its tickets run without it, or, if something was kept in it, no more. */
void flight_tickets_leave(struct flight_tickets *tickets, const struct query_session *session);
