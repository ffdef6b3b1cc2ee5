/* Any text: passed or refused with words, and a rewritten text passes again unchanged; as an ordinary statement and as
 * a text of a pipeline, which without places may do no more than that. */
#include "domain/query/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool gate_fuzz_check(struct str sql, const struct gate_places *places, struct arena *arena,
                            struct gate_result *result, struct err *err)
{
    *err = (struct err){0};
    return places ? gate_check_places(sql, places, arena, result, err)
                  : gate_check(sql, S("tenant_acme"), arena, result, err);
}

static bool gate_fuzz(struct str sql, const struct gate_places *places)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct err err;
    struct gate_result result, again;
    if (!gate_fuzz_check(sql, places, arena, &result, &err)) {
        if (err.code == ERR_OK || !err.message[0])
            __builtin_trap();
        return false;
    }
    if (result.rewritten && (!gate_fuzz_check(result.sql, places, arena, &again, &err) || again.rewritten ||
                             again.statement_count != result.statement_count))
        __builtin_trap();
    for (size_t i = 0; i <= result.sql.len; i++) {
        if (gate_map_offset(&result, i) > sql.len)
            __builtin_trap();
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str list[] = {S("data/source"), S("seeds")};
    const struct gate_places none = {.tenant = S("tenant_acme")};
    const struct gate_places some = {.tenant = S("tenant_acme"), .list = list, .count = 2};
    struct str sql = str_bytes(data, size);
    bool ordinary = gate_fuzz(sql, NULL);
    if (gate_fuzz(sql, &none) && !ordinary)
        __builtin_trap();
    gate_fuzz(sql, &some);
    return 0;
}
