/* Any text: passed or refused with words, and a rewritten text passes again unchanged. */
#include "domain/query/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err = {0};
    struct gate_result result, again;
    if (!gate_check(str_bytes(data, size), S("tenant_acme"), arena, &result, &err)) {
        if (err.code == ERR_OK || !err.message[0])
            __builtin_trap();
        return 0;
    }
    if (result.rewritten && (!gate_check(result.sql, S("tenant_acme"), arena, &again, &err) || again.rewritten ||
                             again.statement_count != result.statement_count))
        __builtin_trap();
    for (size_t i = 0; i <= result.sql.len; i++) {
        if (gate_map_offset(&result, i) > size)
            __builtin_trap();
    }
    return 0;
}
