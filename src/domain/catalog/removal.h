/* The end of a tenant: its rows and files go. */
#pragma once
#include "domain/catalog/index.h"

/* Listens to tenants, and goes on with what a crash interrupted. Before the store's thread runs. */
void removal_start(struct catalog *catalog);
void removal_done(struct catalog *catalog);
/* An operation of the tenant has ended; its removal waits for the last one. */
void removal_left(struct index_tenant *tenant);
