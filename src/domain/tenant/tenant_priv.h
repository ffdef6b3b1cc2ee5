/* What the files of this room share. */
#pragma once
#include "domain/tenant/audit.h"
#include "domain/tenant/tenant.h"
#include "platform/store/store.h"

/* tenant.c: forget is called when a tenant's grants and tokens are gone from the store, before its files are. One
 * listener; NULL: none. */
void tenant_on_forget(struct tenant_list *list, void (*forget)(void *owner, struct str tenant), void *owner);

/* tenant.c: where changes leave their rows; NULL: nowhere. */
void tenant_set_audit(struct tenant_list *list, struct audit *audit);

/* tenant.c: a tenant on its way into the list or out of it; what tenant_on_delete gives as finished_owner. */
struct tenant_change {
    struct store_job job;
    struct arena *arena; /* owns this */
    struct tenant_list *list;
    struct tenant *tenant; /* deletion only */
    struct str id;
    int64_t at_us;
    bool reserved;       /* creation: the id is ours in by_id */
    struct audit *audit; /* NULL: no row */
    struct audit_event event;
    int64_t audit_id;
    struct err refused; /* code ERR_OK, or why it failed */
    tenant_done *done;
    void *owner;
};

/* tree.c: a tenant's directory. */

/* Creates `<tenants>/<id>` (0700), synced. An empty one that a crash left behind is taken; one with files: ERR_EXISTS.
 */
bool tenant_tree_create(struct str tenants, struct str id, struct err *err) MUST_USE;
/* Moves `<tenants>/<id>` aside and removes it with all it holds; follows no symbolic link. True when it is not there.
 */
bool tenant_tree_remove(struct str tenants, struct str id, struct err *err) MUST_USE;
/* Removes what interrupted removals left: `<tenants>/.deleted-*`. */
bool tenant_tree_sweep(struct str tenants, struct err *err) MUST_USE;
