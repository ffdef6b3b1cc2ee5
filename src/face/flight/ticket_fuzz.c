/* The text of a ticket or command: SQL or JSON. */
#include "face/flight/command.h"
#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct flight_command command;
    struct err err;
    if (flight_command_parse(arena, str_bytes(data, size), &command, &err)) {
        if (command.sql.len == 0 || !str_is_utf8(command.sql.ptr, command.sql.len))
            mem_panic("fuzz: a command without SQL text");
        if (command.parameters.len > 0 && !json_parse(arena, command.parameters, &err))
            mem_panic("fuzz: parameters that are no JSON any more");
    }
    arena_free(&arena);
    return 0;
}
