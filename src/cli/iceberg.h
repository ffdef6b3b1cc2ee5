/* What the commands about Iceberg tables share: which table of which tenant, as a path of the REST interface. */
#pragma once
#include "cli/cli_priv.h"

struct cli_table_name {
    struct str tenant, namespace_name, name;
};

/* "orders", "iceberg.orders", "sales.orders", "iceberg.sales.orders", with or without the tenant before it. The server
 * is connected; it is asked for its tenants when none was named. */
bool cli_table_name_read(struct cli *cli, struct str text, struct cli_table_name *name_out, struct err *err) MUST_USE;
/* The tenant: named, or the only one there is. */
bool cli_tenant_need(struct cli *cli, struct str *tenant_out, struct err *err) MUST_USE;
/* "/api/v1/tenants/ID/iceberg" */
void cli_append_lake_path(struct buf *path, struct str tenant);
/* "/api/v1/tenants/ID/iceberg/tables/NAME" and what follows (which may be empty), with the namespace as a parameter. */
void cli_append_table_path(struct buf *path, const struct cli_table_name *name, struct str rest);
