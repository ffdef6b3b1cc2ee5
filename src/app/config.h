/* What the server runs with: flags before EIDER_* variables before eider.yaml before defaults. Limits are applied at
 * once (base/limits), so this happens before threads start. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "domain/catalog/catalog.h"
#include "domain/pipeline/settings.h"
#include "domain/query/schedule.h"
#include "domain/tenant/oidc.h"
#include "platform/http/outgoing.h"
#include "platform/object/object.h"

/* Flags as given; empty texts and zero counts where they were not. */
struct config_flags {
    struct str file; /* --config */
    struct str data;
    struct str log_level;
    struct str log_file;
    struct str pid_file;
    const struct str *listen;
    size_t listen_count;
    const struct str *limits; /* "query.max_sql=2MiB" */
    size_t limit_count;
    struct str tls_certificate;
    struct str tls_key;
    struct str tls_client_ca;
    bool tls_self_signed;
    bool insecure;
};

/* Contents of files, in PEM. Without certificate and without self_signed, connections are plain. */
struct config_tls {
    bool proxy;       /* TLS ends at a proxy in front of the server */
    bool self_signed; /* a certificate of the server's own making */
    struct str certificate;
    const struct secret *key; /* NULL without certificate; wiped with the arena */
    struct str client_ca;     /* empty: clients are not asked for certificates */
};

struct config {
    struct str file;          /* the eider.yaml that was read; empty: none */
    struct str data;          /* data directory, absolute or from the working directory */
    const struct str *listen; /* addresses; at least one */
    size_t listen_count;
    const struct str *hosts; /* further names that a Host header may carry */
    size_t host_count;
    enum log_level log_level;
    struct config_tls tls;
    struct str users;                          /* path of the file with users to import; empty: none */
    const struct oidc_options *oidc;           /* NULL: no issuer is configured */
    const struct http_outgoing *outgoing;      /* never NULL */
    const struct catalog_warehouse *warehouse; /* NULL: file://DATA/warehouse */
    struct query_schedule_plan schedule;       /* what is done by itself; zero: nothing */
    const struct project_settings *project;    /* NULL: eider.yaml makes no project */
    bool insecure;                             /* may listen beyond loopback without users and TLS */
};

/* Everything lives in the arena. Errors name file and line, variable or flag. */
bool config_load(struct arena *arena, const struct config_flags *flags, struct config *config_out,
                 struct err *err) MUST_USE;

/* The same while the server runs: limits are checked, but keep their values. */
bool config_reload(struct arena *arena, const struct config_flags *flags, struct config *config_out,
                   struct err *err) MUST_USE;

/* Connections begin with TLS. */
bool config_has_tls(const struct config *config);
/* Others than the users of this machine can connect, so that somebody has to be asked who he is. */
bool config_needs_users(const struct config *config);

/* "64MiB", "30s", "5%" in the unit of a limit ("bytes", "s", "ms", or a plain count). */
bool config_quantity(struct str text, struct str unit, int64_t *value_out, struct err *err) MUST_USE;

/* A listen address that only this machine reaches. */
bool config_is_loopback(struct str address);
