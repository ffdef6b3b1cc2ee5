/* What eider.yaml says about the project beside it. app/config_project.c reads it; it lives as long as the
 * configuration. Without a key `tenant` there is no project. */
#pragma once
#include "base/secret.h"
#include "domain/pipeline/asset.h"
#include "platform/http/outgoing.h"

/* Where an environment's tables are. "production" is the tenant itself. */
struct project_environment {
    struct str name;   /* "production", "dev", … */
    struct str tenant; /* tenant_acme, tenant_acme_dev */
    bool schedules;    /* run by themselves here; default: in production only */
};

enum project_connection_kind { PROJECT_POSTGRES, PROJECT_HTTP, PROJECT_S3 };
/* What lies beyond the network, read by an import worker. */
struct project_connection {
    struct str name;
    enum project_connection_kind kind;
    struct str url; /* postgres: host, port, database, user as a libpq URI without password; http, s3: the prefix of
                     * every address that SQL may name */
    struct str user, region, endpoint;
    const struct secret *password; /* or S3's secret key; NULL: none */
    struct str key_id;
    int line;
};

/* A named schedule: `schedules: {nightly: {cron: …, select: […]}}` */
struct project_schedule {
    struct str name;
    const struct str *select; /* selectors; none: every asset */
    size_t select_count;
    struct asset_schedule when;
};

struct project_alert {
    bool on_failure, on_recovery, on_freshness;
    struct str webhook; /* URL; empty: none */
    const struct str *command;
    size_t command_count;
    const struct str *select; /* names, tags, groups; none: all */
    size_t select_count;
};

struct project_settings {
    struct str root; /* absolute; where eider.yaml is */
    struct str name; /* of the directory, or `name:` */
    struct str tenant;
    const struct project_environment *environments; /* production first */
    size_t environment_count;
    const struct project_connection *connections;
    size_t connection_count;
    const struct project_schedule *schedules;
    size_t schedule_count;
    const struct project_alert *alerts;
    size_t alert_count;
    struct asset_retries retries; /* for assets that say nothing */
    uint32_t parallel;            /* steps at once in a run; default 4 */
    bool resume;                  /* interrupted runs go on at the next start */
    bool commands;                /* command and dbt assets may run under `eider serve` */
    struct str lineage_file;      /* OpenLineage events as lines; relative to the root; empty: none */
    struct str lineage_url;       /* …or posted here; empty: none */
    struct str lineage_namespace; /* default: the tenant */
    const struct http_outgoing *outgoing;
};
/* NULL when there is none of that name; empty: production. */
const struct project_environment *project_environment_find(const struct project_settings *settings, struct str name);
