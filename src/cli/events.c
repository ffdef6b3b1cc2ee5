/* Server-Sent Events, line by line. */
#include "cli/events.h"

void cli_events_init(struct cli_events *events,
                     bool (*on_event)(void *owner, struct str name, struct str data, struct str id, struct err *err),
                     void *owner)
{
    *events = (struct cli_events){.on_event = on_event, .owner = owner};
}

void cli_events_done(struct cli_events *events)
{
    buf_done(&events->line);
    buf_done(&events->name);
    buf_done(&events->data);
    buf_done(&events->id);
}

static void keep(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_append_str(buf, text);
}

static void take_field(struct cli_events *events, struct str field, struct str value)
{
    if (str_equal(field, S("event"))) {
        keep(&events->name, value);
    } else if (str_equal(field, S("data"))) {
        if (events->has_data)
            buf_append_char(&events->data, '\n');
        buf_append_str(&events->data, value);
        events->has_data = true;
    } else if (str_equal(field, S("id")) && str_find_char(value, '\0') < 0) {
        keep(&events->id, value);
    }
}

static bool dispatch(struct cli_events *events, struct err *err)
{
    struct str name = buf_len(&events->name) > 0 ? buf_str(&events->name) : S("message");
    bool ok =
        !events->has_data || events->on_event(events->owner, name, buf_str(&events->data), buf_str(&events->id), err);
    buf_clear(&events->name);
    buf_clear(&events->data);
    events->has_data = false;
    return ok;
}

/* A line that begins with a colon is a comment: its field is empty, which is no field. */
static bool take_line(struct cli_events *events, struct str line, struct err *err)
{
    if (!events->begun && str_starts_with(line, S("\xEF\xBB\xBF")))
        line = str_from_index(line, 3);
    events->begun = true;
    if (line.len == 0)
        return dispatch(events, err);
    ptrdiff_t colon = str_find_char(line, ':');
    if (colon < 0) {
        take_field(events, line, S(""));
        return true;
    }
    struct str value = str_from_index(line, (size_t)colon + 1);
    take_field(events, str_slice(line, 0, (size_t)colon),
               str_starts_with(value, S(" ")) ? str_from_index(value, 1) : value);
    return true;
}

/* Lines end with CR LF, LF or CR; the two of CR LF may come in different pieces. */
bool cli_events_feed(struct cli_events *events, struct str bytes, struct err *err)
{
    size_t start = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        bool second = c == '\n' && events->after_cr;
        events->after_cr = c == '\r';
        if (second) {
            start = i + 1;
            continue;
        }
        if (c != '\n' && c != '\r')
            continue;
        buf_append(&events->line, bytes.ptr + start, i - start);
        start = i + 1;
        bool ok = take_line(events, buf_str(&events->line), err);
        buf_clear(&events->line);
        if (!ok)
            return false;
    }
    buf_append(&events->line, bytes.ptr + start, bytes.len - start);
    return buf_len(&events->line) + buf_len(&events->data) <= CLI_EVENTS_MAX ||
           err_set(err, ERR_RESOURCE, "an event of the server is longer than %zu bytes", CLI_EVENTS_MAX);
}
