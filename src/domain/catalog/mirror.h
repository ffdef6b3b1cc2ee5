/* Mirrors: copies of DuckDB tables as Iceberg tables, made when somebody asks for one that has changed. Each copy is a
 * generation, an item of the namespace "$mirror"; its metadata goes on from the generation before, which is kept for
 * those who read it still. Loop thread only, but for mirror_base. */
#pragma once
#include "domain/catalog/catalog_priv.h"

#define MIRROR_STAGING_BYTES 24
#define MIRROR_CHECKSUM_BYTES 255

struct mirror_generation {
    int64_t item;                       /* id */
    char staging[MIRROR_STAGING_BYTES]; /* its name in "$mirror" */
    uint64_t epoch, version;            /* of the table when it was copied */
    char checksum[MIRROR_CHECKSUM_BYTES + 1];
};

struct mirror_tenant;

/* Of one table or view. */
struct mirror {
    struct list node; /* in its tenant's queue; loose: it waits for nothing */
    struct mirror_tenant *tenant;
    struct str name;                           /* own */
    VEC(struct mirror_generation) generations; /* the last one is current */
    struct list waits;                         /* struct mirror_wait */
    int64_t fresh_us;                          /* clock_now_us() when it was known to be current; 0: never */
    uint64_t begun;                            /* refreshes so far */
    char staging[MIRROR_STAGING_BYTES];        /* of the copy that is being written */
    int64_t date_ms;                           /* its date, wall clock */
};

/* A tenant's mirrors; one of them is written at a time. */
struct mirror_tenant {
    struct catalog *catalog;
    struct str id;      /* own */
    struct map mirrors; /* by name */
    struct list queue;
    struct mirror *running;
};

/* A request that waits. */
struct mirror_wait {
    struct list node;  /* in the catalog's waits, from its beginning to its end */
    struct list place; /* in its mirror's waits */
    struct operation *operation;
    struct catalog_load load;
    struct str name; /* as it was asked for */
    struct loop_timer timer;
    int64_t asked_ms;        /* wall clock */
    uint64_t epoch, version; /* what it has to see at least, unless the copy was begun later */
    uint64_t joined;         /* refreshes of the mirror that were begun before */
    bool forced;             /* it wants to have a mirror, however large, and waits as long as it takes */
};

/* --- mirror.c --- */
/* Ends what waits: with the mirror's current generation. */
void mirror_answer(struct mirror_wait *wait, const struct mirror *mirror);
/* With the last generation if there is one and the reason may pass, else with the error. */
void mirror_fail(struct mirror_wait *wait, const struct mirror *mirror, const struct err *error);

/* --- mirror_refresh.c --- */
/* NULL: there is none. */
struct mirror *mirror_find(struct catalog *catalog, struct str tenant, struct str name);
struct mirror *mirror_need(struct catalog *catalog, struct str tenant, struct str name);
/* The current generation's item; NULL: there is none. */
struct index_item *mirror_item(const struct mirror *mirror);
const struct mirror_generation *mirror_current(const struct mirror *mirror);
/* Writes the next generation some time and tells all that wait. */
void mirror_refresh(struct mirror *mirror);
/* The table is gone: so are its generations. */
void mirror_forget(struct mirror *mirror);
/* The date that the copy being written under this name has to have; 0: none is. */
int64_t mirror_date_ms(struct catalog *catalog, const struct index_tenant *tenant, struct str staging);

/* --- mirror_metadata.c --- */
/* On a thread of the pool: the updates of a commit, the snapshots that they add having this date. */
const struct json *mirror_dated(struct arena *arena, const struct json *updates, int64_t date_ms, struct err *err);

/* --- mirror_view.c --- */
/* Ends the operation with a view of DuckDB's dialect. view: as struct catalog_local says. */
void mirror_show_view(struct operation *operation, const struct catalog_load *load, struct str name, struct str view);
