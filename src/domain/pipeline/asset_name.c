/* The words of an asset's enums, as properties, answers and tables show them. */
#include "domain/pipeline/asset_property.h"

const char *const asset_materialize_words[] = {"table", "view", "incremental", "iceberg", "ephemeral", "none", NULL};
const char *const asset_strategy_words[] = {"append", "delete+insert", "merge", NULL};
const char *const asset_severity_words[] = {"warn", "error", NULL};
const char *const asset_format_words[] = {"csv", "parquet", "json", "arrow", NULL};
const char *const asset_test_words[] = {"not_null",  "unique",     "accepted_values", "relationships",
                                        "row_count", "expression", "freshness",       NULL};
const char *const asset_failure_words[] = {"sql",         "test",   "timeout", "conflict", "source", "resource",
                                           "unavailable", "export", "command", "any",      NULL};
const char *const asset_backoff_words[] = {"linear", "exponential", NULL};
const char *const asset_catch_up_words[] = {"none", "last", "all", NULL};
const char *const asset_overlap_words[] = {"skip", "queue", "cancel", NULL};

const char *asset_kind_name(enum asset_kind kind)
{
    static const char *const names[] = {"sql", "seed", "test", "command", "dbt"};
    return names[kind];
}

const char *asset_materialize_name(enum asset_materialize how)
{
    return asset_materialize_words[how];
}

const char *asset_strategy_name(enum asset_strategy strategy)
{
    return asset_strategy_words[strategy];
}

const char *asset_test_kind_name(enum asset_test_kind kind)
{
    return asset_test_words[kind];
}

const char *asset_format_name(enum asset_format format)
{
    return asset_format_words[format];
}

const char *asset_failure_name(enum asset_failure failure)
{
    for (unsigned bit = 0; 1U << bit < ASSET_FAILS_ANY; bit++)
        if ((unsigned)failure == 1U << bit)
            return asset_failure_words[bit];
    return "";
}

bool asset_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0 && name.len <= 63;
}
