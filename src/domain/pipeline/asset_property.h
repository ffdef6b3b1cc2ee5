/* The tables of an asset's properties, and the parts that eider.yaml has too. */
#pragma once
#include "domain/pipeline/property.h"

/* Fields of struct asset. */
extern const struct property asset_properties[];
extern const struct property asset_retries_properties[];
extern const struct property asset_schedule_properties[];
extern const struct property asset_export_properties[];
extern const struct property asset_partition_properties[];
extern const struct property asset_freshness_properties[];
extern const struct property asset_dbt_properties[];
extern const struct property asset_column_properties[];
/* Of all kinds of tests. */
extern const struct property asset_test_properties[];

/* The words of the enums, NULL-terminated, in their order. */
extern const char *const asset_materialize_words[];
extern const char *const asset_strategy_words[];
extern const char *const asset_severity_words[];
extern const char *const asset_format_words[];
extern const char *const asset_test_words[];
extern const char *const asset_failure_words[]; /* bit 0, 1, …; then "any" */
extern const char *const asset_backoff_words[];
extern const char *const asset_catch_up_words[];
extern const char *const asset_overlap_words[];

property_read asset_read_retries;  /* struct asset_retries: a number, or a map */
property_read asset_read_schedule; /* const struct asset_schedule *: a cron expression, an interval, or a map */
property_read asset_read_command;  /* struct property_list: argv, or a line for the shell */
/* Only one thing may start an asset: the same field as asset_read_schedule's. */
property_read asset_read_every, asset_read_on_file, asset_read_after;

/* What asset.c collects; reader->owner. */
struct asset_draft {
    struct asset asset;
    VEC(struct asset_test) tests;
    struct str column; /* whose tests are read now; empty: those of the asset */
};
/* More tests than that are a mistake. */
#define ASSET_TESTS_MAX 1000
property_read asset_read_tests;   /* into the draft */
property_read asset_read_columns; /* into the draft, with their tests */

/* "2026-11-01", with is_hour "2026-11-01T05". false: it is none. */
bool asset_parse_moment(struct str text, bool is_hour, int64_t *us_out) MUST_USE;

/* [a-z_][a-z0-9_]*, at most 63 bytes. */
bool asset_is_name(struct str name);
