/* Tenants: who they are and where their files lie. The list lives in memory, its truth in
 * the store. Loop thread only. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "domain/tenant/principal.h"

struct store;
struct audit_actor;
struct loop;
struct tenant_list;

enum tenant_state { TENANT_ACTIVE, TENANT_DELETING };

struct tenant {
    struct str id;
    int64_t created_us; /* wall clock */
    int state;          /* enum tenant_state */
    void *query_data;   /* owned by domain/query: worker, queue */
    int64_t disk_bytes; /* last measured size of its directory */
};

/* [a-z][a-z0-9_]{0,62} */
bool tenant_id_check(struct str id, struct err *err) MUST_USE;

/* Reads the list; finishes deletions that a crash interrupted. data: the data directory. */
struct tenant_list *tenant_list_open(struct store *store, struct str data, struct err *err);
void tenant_list_close(struct tenant_list **list);

/* An active tenant, or NULL with ERR_NOT_FOUND. Asks nobody for rights: tenant_resolve does. */
struct tenant *tenant_find(struct tenant_list *list, struct str id, struct err *err);
/* The tenant a request means: the explicit id (may be empty), else the one that who's token is for, else the only one
 * visible to who, else an error that names the option. A hidden one is like one that does not exist. who NULL: the
 * server itself, which sees all. */
struct tenant *tenant_resolve(struct tenant_list *list, const struct principal *who, struct str id, struct err *err);
/* To who, NULL as above: for lists. */
bool tenant_is_visible(const struct tenant *tenant, const struct principal *who);
/* All active ones in order of id: item 0 .. count-1; valid until the list changes. */
size_t tenant_count(const struct tenant_list *list);
struct tenant *tenant_at(const struct tenant_list *list, size_t index);
/* "<data>/tenants/<id>", in the arena. */
struct str tenant_directory(const struct tenant_list *list, const struct tenant *tenant, struct arena *arena);

/* Durable when done is called, on the loop's thread; error NULL on success. Errors that are known at once also come by
 * done. Each change leaves a row in the audit trail, refused or not, whatever becomes of who waits for done; by NULL:
 * the server itself, no row. The caller has asked for by's rights. */
typedef void tenant_done(void *owner, const struct err *error);
void tenant_create(struct tenant_list *list, const struct audit_actor *by, struct str id, tenant_done *done,
                   void *owner);
/* Tombstone first, then the worker (see tenant_on_delete), then the files, then the row. */
void tenant_delete(struct tenant_list *list, const struct audit_actor *by, struct str id, tenant_done *done,
                   void *owner);

/* Set once by domain/query: ends the tenant's statements and worker, then calls finished(finished_owner) on the loop's
 * thread. */
void tenant_on_delete(struct tenant_list *list,
                      void (*end)(void *owner, struct tenant *tenant, void (*finished)(void *), void *finished_owner),
                      void *owner);
/* Set once by domain/catalog: removes what the tenant has elsewhere, after its workers have ended and before its files
 * and its name go; then calls finished(finished_owner) on the loop's thread. */
void tenant_on_remove(struct tenant_list *list,
                      void (*remove)(void *owner, struct str id, void (*finished)(void *), void *finished_owner),
                      void *owner);
