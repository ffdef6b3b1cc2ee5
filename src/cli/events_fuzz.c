/* A stream of events from a hostile server: any bytes, in pieces whose size the first byte chooses. */
#include "cli/events.h"

static bool on_event(void *owner, struct str name, struct str data, struct str id, struct err *err)
{
    (void)owner, (void)name, (void)data, (void)id, (void)err;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = str_bytes(data + 1, size - 1);
    size_t step = (size_t)data[0] + 1;
    AUTO(cli_events) struct cli_events events;
    struct err err;
    cli_events_init(&events, on_event, NULL);
    for (size_t at = 0; at < text.len && cli_events_feed(&events, str_slice(text, at, step), &err);)
        at += step;
    return 0;
}
