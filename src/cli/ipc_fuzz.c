/* Arrow files and streams from anywhere: framing must never look outside of the bytes. */
#include "cli/ipc.h"

/* Every block of a lying footer may name the same message; a few are enough. */
#define MESSAGES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_bytes(data, size);
    struct cli_ipc ipc;
    struct err err;
    if (!cli_ipc_open(bytes, &ipc, &err))
        return 0;
    volatile uint8_t sum = 0;
    for (int i = 0; i < MESSAGES_MAX; i++) {
        struct cli_ipc_message message;
        bool end;
        if (!cli_ipc_next(&ipc, &message, &end, &err) || end)
            break;
        if (message.header.len > 0)
            sum = (uint8_t)(sum + message.header.ptr[message.header.len - 1]);
        if (message.body.len > 0)
            sum = (uint8_t)(sum + message.body.ptr[message.body.len - 1]);
    }
    return 0;
}
