#include "domain/catalog/catalog_priv.h"

void mirror_list(struct operation *operation, enum catalog_kind kind, const struct catalog_page *page)
{
    (void)kind;
    (void)page;
    operation_fail(operation, CATALOG_UNSUPPORTED, "mirrors of DuckDB tables are not there yet");
}

void mirror_load(struct operation *operation, enum catalog_kind kind, struct str name, const struct catalog_load *load)
{
    (void)kind;
    (void)name;
    (void)load;
    operation_fail(operation, CATALOG_UNSUPPORTED, "mirrors of DuckDB tables are not there yet");
}

struct str mirror_earlier(struct catalog *catalog, struct index_tenant *tenant, struct str staging)
{
    (void)catalog;
    (void)tenant;
    (void)staging;
    return (struct str){0};
}
