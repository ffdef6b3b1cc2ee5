/* One asset: a SQL file (or a seed, a singular test, a program, a dbt project) and what the properties at its top say.
 * Everything here is pure: texts in, structures and problems out. An asset lives as long as a project that has it, and
 * never changes once loaded. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

enum asset_kind {
    ASSET_SQL,
    ASSET_SEED,    /* seeds/NAME.csv: the table NAME */
    ASSET_TEST,    /* tests/NAME.sql: a query that must give no rows; runs after what it reads */
    ASSET_COMMAND, /* NAME.yaml with `command:` */
    ASSET_DBT,     /* NAME.yaml with `dbt:` */
};
enum asset_materialize {
    ASSET_TABLE,
    ASSET_VIEW,
    ASSET_INCREMENTAL,
    ASSET_ICEBERG,   /* a table of the namespace "iceberg" */
    ASSET_EPHEMERAL, /* no object: its SQL stands in for its name where others read it */
    ASSET_NONE,      /* the statements run for their effect */
};
enum asset_strategy { ASSET_APPEND, ASSET_DELETE_INSERT, ASSET_MERGE };
enum asset_severity { ASSET_WARN, ASSET_ERROR };
enum asset_format { ASSET_CSV, ASSET_PARQUET, ASSET_JSON, ASSET_ARROW };

/* Why an attempt failed, for `retries: {on: […]}`. Bits of a set. */
enum asset_failure {
    ASSET_FAILS_SQL = 1,          /* the text is wrong, or what it meets (cast, division, constraint) */
    ASSET_FAILS_TEST = 2,         /* a blocking test */
    ASSET_FAILS_TIMEOUT = 4,      /* its time was over */
    ASSET_FAILS_CONFLICT = 8,     /* others changed the same thing */
    ASSET_FAILS_SOURCE = 16,      /* a source file changed while it was read, or is not there */
    ASSET_FAILS_RESOURCE = 32,    /* memory, disk, quota */
    ASSET_FAILS_UNAVAILABLE = 64, /* a worker died, a connection broke */
    ASSET_FAILS_EXPORT = 128,     /* the table is there, its file is not */
    ASSET_FAILS_COMMAND = 256,    /* the program's exit code */
    ASSET_FAILS_ANY = 511,
};
enum asset_backoff { ASSET_LINEAR, ASSET_EXPONENTIAL };
struct asset_retries {
    uint32_t max; /* further attempts after the first; 0: none */
    int64_t delay_us;
    enum asset_backoff backoff; /* LINEAR: n × delay; EXPONENTIAL: 2^(n-1) × delay, n = 1 for the first retry */
    int64_t cap_us;             /* no delay is longer; 0: an hour */
    double jitter;              /* 0 to 1: each delay is random within ± this part of itself */
    unsigned on;                /* set of enum asset_failure */
};

struct asset_export {
    struct str path; /* relative to the project, below data/processed or data/final */
    enum asset_format format;
    int line;
};

enum asset_test_kind {
    ASSET_TEST_NOT_NULL,
    ASSET_TEST_UNIQUE,
    ASSET_TEST_ACCEPTED_VALUES,
    ASSET_TEST_RELATIONSHIPS, /* every value of the columns is in to_table.to_column */
    ASSET_TEST_ROW_COUNT,
    ASSET_TEST_EXPRESSION, /* is true for every row */
    ASSET_TEST_FRESHNESS,  /* max(column) is no older than max_age */
};
struct asset_test {
    enum asset_test_kind kind;
    struct str name;           /* of its own, or made of kind and columns; unique in the asset */
    const struct str *columns; /* unique over several together; the other kinds have one, or none */
    size_t column_count;
    const struct str *values; /* ACCEPTED_VALUES, as texts */
    size_t value_count;
    struct str to_table, to_column;
    int64_t min_rows, max_rows; /* -1: no bound */
    struct str expression;
    int64_t max_age_us;
    enum asset_severity severity;
    bool blocking; /* with ERROR: the build is rolled back; else it stays and the step has failed all the same */
    int line;
};

struct asset_column {
    struct str name, type, description; /* type: checked against what is built when not empty */
};

enum asset_catch_up { ASSET_CATCH_UP_NONE, ASSET_CATCH_UP_LAST, ASSET_CATCH_UP_ALL };
enum asset_overlap { ASSET_OVERLAP_SKIP, ASSET_OVERLAP_QUEUE, ASSET_OVERLAP_CANCEL };
/* When something runs by itself: of one asset, or a named one of eider.yaml. */
struct asset_schedule {
    struct str cron;         /* empty: none */
    struct str zone;         /* IANA name; empty: UTC */
    int64_t every_us;        /* 0: none */
    struct str on_file;      /* glob below data/source; empty: none */
    int64_t stable_us;       /* on_file: size and time unchanged for this long; default 2 s */
    const struct str *after; /* assets that trigger it when all have succeeded since */
    size_t after_count;
    enum asset_catch_up catch_up; /* default LAST */
    enum asset_overlap overlap;   /* default SKIP */
    int64_t jitter_us;
    bool paused; /* from the start, until somebody resumes it */
    int line;
};

enum asset_partition_kind { ASSET_NOT_PARTITIONED, ASSET_BY_HOUR, ASSET_BY_DAY, ASSET_BY_KEY };
struct asset_partition {
    enum asset_partition_kind kind;
    struct str column;
    int64_t start_us;         /* first hour or day, wall clock UTC */
    const struct str *values; /* BY_KEY */
    size_t value_count;
};

struct asset {
    struct str name;
    enum asset_kind kind;
    struct str path;   /* relative to the project: "pipelines/trans/orders.sql" */
    struct str source; /* the whole file; of a seed as text */
    struct str text;   /* its SQL: the comment with the properties is white space (a path in it may look like the begin
                        * of a comment), so that lines are those of the file; of a seed the SELECT that reads it */
    struct str digest; /* SHA-256 of the file, hexadecimal */
    enum asset_materialize materialize;
    enum asset_strategy strategy;
    const struct str *unique_key;
    size_t unique_key_count;
    struct str watermark;                  /* incremental: column whose maximum is getvariable('eider_watermark') */
    const struct asset_schedule *schedule; /* NULL: none of its own */
    struct asset_retries retries;
    int64_t timeout_us; /* of an attempt; 0: query.timeout */
    const struct asset_export *exports;
    size_t export_count;
    const struct asset_test *tests;
    size_t test_count;
    struct str owner, description, group, connection;
    const struct asset_column *columns;
    size_t column_count;
    const struct str *tags;
    size_t tag_count;
    const struct str *depends_on;
    size_t depends_count;
    struct asset_partition partition;
    int64_t max_age_us;           /* freshness: built no longer ago than this, else an alert; 0: never stale by time */
    enum asset_severity severity; /* of a singular test */
    const struct str *command;    /* argv of ASSET_COMMAND; working directory: the project's root */
    size_t command_count;
    struct str dbt_project;       /* directory of ASSET_DBT, relative to the project */
    const struct str *dbt_select; /* handed on to `dbt build --select` */
    size_t dbt_select_count;
    int properties_line; /* of the comment's first line; 0: there is none */
};

/* Something wrong with a project's files: no asset is half loaded, and the others go on. */
struct asset_problem {
    struct str path;  /* relative to the project */
    int line, column; /* 0: not known */
    struct str asset; /* empty: of no asset in particular */
    struct str message, hint;
};
struct asset_problems {
    struct arena *arena;
    VEC(struct asset_problem) list; /* vec_done by the owner */
};
void asset_problem_add(struct asset_problems *problems, struct str path, int line, struct str asset,
                       const struct err *error);

/* A file of pipelines/ or tests/ (path decides which kind). NULL when it is wrong: then there is at least one more
 * problem. text and path are borrowed: they live in the same arena. */
const struct asset *asset_parse(struct arena *arena, struct str path, struct str text, struct asset_problems *problems);
/* A seed: size and time of the file stand in for its text in the digest. */
const struct asset *asset_seed(struct arena *arena, struct str path, struct str digest);

const char *asset_kind_name(enum asset_kind kind);              /* "sql", "seed", "test", "command", "dbt" */
const char *asset_materialize_name(enum asset_materialize how); /* "table", … */
const char *asset_strategy_name(enum asset_strategy strategy);  /* "append", "delete+insert", "merge" */
const char *asset_test_kind_name(enum asset_test_kind kind);    /* "not_null", … */
const char *asset_format_name(enum asset_format format);
const char *asset_failure_name(enum asset_failure failure); /* "sql", "test", "timeout", … */
