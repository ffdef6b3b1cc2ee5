/* The words of an asset's enums, as properties, answers and tables show them. */
#include "domain/pipeline/asset.h"

const char *asset_kind_name(enum asset_kind kind)
{
    static const char *const names[] = {"sql", "seed", "test", "command", "dbt"};
    return names[kind];
}

const char *asset_materialize_name(enum asset_materialize how)
{
    static const char *const names[] = {"table", "view", "incremental", "iceberg", "ephemeral", "none"};
    return names[how];
}

const char *asset_strategy_name(enum asset_strategy strategy)
{
    static const char *const names[] = {"append", "delete+insert", "merge"};
    return names[strategy];
}

const char *asset_test_kind_name(enum asset_test_kind kind)
{
    static const char *const names[] = {"not_null",  "unique",     "accepted_values", "relationships",
                                        "row_count", "expression", "freshness"};
    return names[kind];
}

const char *asset_format_name(enum asset_format format)
{
    static const char *const names[] = {"csv", "parquet", "json", "arrow"};
    return names[format];
}

const char *asset_failure_name(enum asset_failure failure)
{
    static const char *const names[] = {"sql",      "test",        "timeout", "conflict", "source",
                                        "resource", "unavailable", "export",  "command"};
    for (unsigned bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
        if ((unsigned)failure == 1U << bit)
            return names[bit];
    return "";
}
