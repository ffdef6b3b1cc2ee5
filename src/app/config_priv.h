/* Shared by the files that read the configuration. */
#pragma once
#include "app/config.h"
#include "domain/pipeline/property.h"
#include "platform/yaml/yaml.h"

/* Where TLS files are, as the sources say it; empty: not said. */
struct config_tls_names {
    struct str certificate;
    struct str key;
    struct str client_ca;
};

struct config_reader {
    struct arena *arena;
    struct config *config;
    struct err *err;
    bool keep_limits; /* check them only: they cannot change while threads run */
    struct config_tls_names tls;
};

/* config.c */
/* Value of a variable; empty when it is not set. */
struct str config_environment(const char *name);
/* The file's bytes in the arena; at most 1 MiB. */
bool config_read_file(struct config_reader *reader, struct str path, struct str *text_out) MUST_USE;
/* A text, or a list of texts: at least one; why is the error otherwise. */
bool config_texts(struct config_reader *reader, const struct yaml *value, const char *why, const struct str **texts_out,
                  size_t *count_out) MUST_USE;
/* "line 3: …"; always false. */
bool config_bad(struct config_reader *reader, const struct yaml *value, const char *why);
/* A relative path in the file starts at the file's directory. */
struct str config_beside(struct config_reader *reader, struct str path);

/* config_secret.c */
/* What a key says that holds a secret: ${VARIABLE} or file:PATH, never the secret itself. The secret is wiped with the
 * arena; white space at its end is left out. name: the key, for errors. */
bool config_secret(struct config_reader *reader, const char *name, struct str text,
                   const struct secret **secret_out) MUST_USE;

/* config_oidc.c */
/* oidc: {issuer, audience, jwks, …}; NULL: there is none. */
bool config_oidc_file(struct config_reader *reader, const struct yaml *oidc) MUST_USE;
/* outgoing: ranges of private addresses; NULL: none. */
bool config_outgoing_file(struct config_reader *reader, const struct yaml *outgoing) MUST_USE;

/* config_warehouse.c */
/* warehouse: a location, or {location, endpoint, …}; NULL: there is none. Keys for S3 come from the environment where
 * it names none. */
bool config_warehouse_read(struct config_reader *reader, const struct yaml *value) MUST_USE;

/* config_project.c */
/* The keys of the project beside the file, and port:. */
bool config_project_file(struct config_reader *reader, const struct yaml *file) MUST_USE;
/* The keys, for config.c's list and the reference. */
extern const struct property config_project_properties[];
extern const struct property config_environment_properties[];
extern const struct property config_connection_properties[];
extern const struct property config_schedule_properties[];
extern const struct property config_alert_properties[];
extern const struct property config_lineage_properties[];

/* config_schedule.c */
/* maintain: and publish:, each an interval, or {every, …}; NULL: there is none. */
bool config_schedule_file(struct config_reader *reader, const struct yaml *maintain,
                          const struct yaml *publish) MUST_USE;

/* config_tls.c */
bool config_tls_file(struct config_reader *reader, const struct yaml *tls) MUST_USE;
void config_tls_environment(struct config_reader *reader);
void config_tls_flags(struct config_reader *reader, const struct config_flags *flags);
/* After all sources: reads the files. */
bool config_tls_finish(struct config_reader *reader) MUST_USE;
