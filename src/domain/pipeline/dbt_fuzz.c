/* Anything as dbt's log line, and, cut at its first newline, as its two files: no crash, and what comes out is written
 * without one. */
#include "base/buf.h"
#include "domain/pipeline/dbt.h"
#include "platform/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf report = {0};
    struct str text = str_bytes(data, size), rest = text, manifest = S("");
    struct json_writer writer = {.buf = &report};
    struct dbt_results results;
    struct dbt_line line;
    struct err error;
    dbt_line_parse(text, arena, &line);
    (void)str_split_next(&rest, '\n', &manifest);
    if (!dbt_results_parse(manifest, rest, arena, &results, &error))
        return 0;
    dbt_results_failure(&results);
    dbt_results_write(&results, &writer);
    return 0;
}
