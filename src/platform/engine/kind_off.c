/* No list: for test builds that prove that a worker's own confinement holds without it (option gate_off). */
#include "platform/engine/kind.h"

bool engine_kind_unlisted(duckdb_statement_type type, enum engine_kind *kind_out, struct err *err)
{
    (void)type;
    (void)err;
    *kind_out = ENGINE_KIND_SETTING;
    return true;
}
