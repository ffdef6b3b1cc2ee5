/* What the server runs with: flags before EIDER_* variables before eider.yaml before defaults. Limits are applied at
 * once (base/limits), so this happens before threads start. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

/* Flags as given; empty texts and zero counts where they were not. */
struct config_flags {
    struct str file; /* --config */
    struct str data;
    struct str log_level;
    const struct str *listen;
    size_t listen_count;
    const struct str *limits; /* "query.max_sql=2MiB" */
    size_t limit_count;
    bool insecure;
};

struct config {
    struct str file;          /* the eider.yaml that was read; empty: none */
    struct str data;          /* data directory, absolute or from the working directory */
    const struct str *listen; /* addresses; at least one */
    size_t listen_count;
    const struct str *hosts; /* further names that a Host header may carry */
    size_t host_count;
    enum log_level log_level;
    bool insecure; /* may listen beyond loopback */
};

/* Everything lives in the arena. Errors name file and line, variable or flag. */
bool config_load(struct arena *arena, const struct config_flags *flags, struct config *config_out,
                 struct err *err) MUST_USE;

/* The log level only, from the same sources, while the server runs. The rest is checked. */
bool config_reload_level(struct arena *arena, const struct config_flags *flags, enum log_level *level_out,
                         struct err *err) MUST_USE;

/* "64MiB", "30s", "5%" in the unit of a limit ("bytes", "s", "ms", or a plain count). */
bool config_quantity(struct str text, struct str unit, int64_t *value_out, struct err *err) MUST_USE;

/* A listen address that only this machine reaches. */
bool config_is_loopback(struct str address);
