/* A backup: a consistent copy of every tenant's database and of the server's own tables, made while all runs, kept for
 * the client that fetches it. One exists at a time. Of a warehouse on this machine it has every file; one in S3 stays
 * where it is.
 *
 * The list of tenants is taken in one moment, together with the copy of the server's tables; each database is then
 * copied in its tenant's worker. A tenant that is deleted meanwhile is named as skipped. */
#pragma once
#include "base/vec.h"
#include "domain/catalog/catalog.h"
#include "face/rest/rest_priv.h"
#include "platform/net/loop.h"
#include "platform/store/store.h"

/* The files of the warehouse, which are not in the answer's list because they may be many: a line for each, with a path
 * below this one. */
#define REST_BACKUP_LIST "warehouse.list"
#define REST_BACKUP_WAREHOUSE "warehouse/"

/* Unasked-for time after which a finished backup is removed: its client has forgotten it. */
#define REST_BACKUP_KEEP_US (3600 * CLOCK_SECOND)

struct rest_backup_file {
    struct str path; /* below the data directory once restored: "tenants/acme/acme.duckdb" */
    struct str file; /* where the copy is */
    int64_t size;    /* -1: not there yet */
};

struct rest_backup {
    struct rest *rest;
    struct arena *arena; /* as long as the backup */
    struct str id;
    int64_t created_wall_us;
    VEC(struct rest_backup_file) files;
    VEC(struct str) tenants; /* to be copied */
    VEC(struct str) skipped;
    size_t tenant;          /* the next one */
    bool done;              /* all files are there */
    size_t readers;         /* downloads at work */
    struct edge_wait *wait; /* who asked for it, while it is made */
    struct store_job job;
    struct catalog_backup *kept; /* of the warehouse; NULL: it is elsewhere */
    struct loop_timer forget;
};
