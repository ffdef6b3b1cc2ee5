/* The project that a command is about, and the server that runs it in the background. A command enters the project: it
 * goes on in that directory, so that eider.yaml, the data directory and every path mean there what they mean to
 * `eider serve`. */
#pragma once
#include "base/process.h"
#include "cli/cli_priv.h"

#define CLI_PROJECT_OPTIONS                                                                                           \
    {.name = "project", .value = "DIR", .help = "the project's directory (default: this one, or the nearest above)"}, \
        {.name = "config", .letter = 'c', .value = "FILE", .help = "its eider.yaml, when that is elsewhere"},         \
    {                                                                                                                 \
        .name = "data", .value = "DIR", .help = "the data directory (EIDER_DATA; default: as eider.yaml says)"        \
    }

struct cli_project {
    struct str root;     /* absolute; now the working directory */
    struct str config;   /* absolute path of its eider.yaml; empty: there is none, and this is a server alone */
    struct str data;     /* absolute */
    struct str log;      /* logs/server.log of the project; without one, of the data directory */
    struct str pid_file; /* eider.pid beside eider.yaml; without one, in the data directory */
};
/* An eider.yaml there makes the directory a project: it names the tenant. One that cannot be understood is the server's
 * to complain about. */
bool cli_project_is(struct arena *arena, struct str directory);
/* By --project, --config (EIDER_CONFIG) and --data; else the nearest project, here or above, else this directory.
 * ERR_NOT_FOUND when what they name is not there. */
bool cli_project_enter(struct cli *cli, struct cli_project *project_out, struct err *err) MUST_USE;

/* What eider.pid says; false: nothing that can be understood. The process may be gone, or another one by now. */
bool cli_project_pid(struct arena *arena, const struct cli_project *project, struct process *process_out);
/* "the project in /srv/shop", or "the data directory /var/lib/eider". */
struct str cli_project_words(struct arena *arena, const struct cli_project *project);
