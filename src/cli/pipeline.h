/* What the commands of pipelines share: finding the project and its server, naming an environment and a run, and calls
 * below /api/v1/pipelines. */
#pragma once
#include "cli/project.h"

#define CLI_PIPELINE_OPTIONS                                                                                   \
    {.name = "env", .letter = 'e', .value = "NAME", .help = "the environment (default: production)"},          \
        {.name = "project",                                                                                    \
         .value = "DIR",                                                                                       \
         .help = "the project's directory (default: this one or the nearest above it with an eider.yaml)"},    \
        {.name = "url",                                                                                        \
         .value = "URL",                                                                                       \
         .help = "a server of the project (EIDER_URL; default: its own, or a private "                         \
                 "one for as long as this takes)"},                                                            \
    {                                                                                                          \
        .name = "ca", .value = "FILE", .help = "CA of its certificate (EIDER_CA, or EIDER_FINGERPRINT=SHA256)" \
    }

/* Goes to the project and connects to its server; without one that runs, a private one is started if it may be. root:
 * the project's directory; empty when a server was named. */
bool cli_pipeline_connect(struct cli *cli, bool may_start, struct str *root_out, struct err *err) MUST_USE;

/* One call; path is what follows /api/v1/pipelines, query included. */
bool cli_pipeline_call(struct cli *cli, const char *method, struct str path, struct str body,
                       const struct json **answer_out, struct err *err) MUST_USE;
/* The same, its body being {"environment": …} alone, as --env says. */
bool cli_pipeline_post(struct cli *cli, struct str path, const struct json **answer_out, struct err *err) MUST_USE;
/* Appends the parameter `environment`, if --env is given. */
void cli_pipeline_append_environment(const struct cli *cli, struct buf *path);

/* A run by what the user calls it: its id, its number, or "last" (also empty): the newest one. In the environment. */
bool cli_pipeline_find_run(struct cli *cli, struct str word, struct str *id_out, struct err *err) MUST_USE;

/* "pipelines/a.sql:3:7: message" and a line for the hint; whatever of the place is known. Clean. */
void cli_pipeline_append_problem(struct buf *out, const struct json *problem);
