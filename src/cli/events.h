/* Takes a stream of Server-Sent Events apart as it arrives (HTML standard, 9.2.6 "Interpreting an event stream"). Each
 * event is handed out when its empty line has come, so a stream of any length takes the memory of one event. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Bytes of one event. */
#define CLI_EVENTS_MAX ((size_t)4 << 20)

struct cli_events {
    /* name: "message" when the event has none; id: of the last event that had one. They live until it returns. false
     * with *err set ends the stream. */
    bool (*on_event)(void *owner, struct str name, struct str data, struct str id, struct err *err);
    void *owner;
    struct buf line; /* the one under way */
    struct buf name, data, id;
    bool begun;    /* the byte order mark, if any, has been passed */
    bool after_cr; /* a line feed that comes next belongs to the line's end */
    bool has_data;
};

/* The rest is zero. */
void cli_events_init(struct cli_events *events,
                     bool (*on_event)(void *owner, struct str name, struct str data, struct str id, struct err *err),
                     void *owner);
void cli_events_done(struct cli_events *events);
static inline void cli_events_cleanup(struct cli_events *events)
{
    cli_events_done(events);
}
/* What is left at the end of the stream is no event and is dropped. ERR_RESOURCE for one beyond CLI_EVENTS_MAX. */
bool cli_events_feed(struct cli_events *events, struct str bytes, struct err *err) MUST_USE;
