/* The disk guard: writes are refused while the disk is nearly full (disk.min_free) or the tenant's quota is used up
 * (tenant.disk_quota). Looks at the disk at most once a second. */
#pragma once
#include "domain/tenant/tenant.h"

struct query_disk {
    int64_t checked_us; /* clock_now_us of the last look, 0 = never */
    char refusal[200];  /* empty: writes may run */
};

/* The disk as a whole. data: the data directory. */
const char *query_disk_free(struct query_disk *disk, struct str data);
/* Size of a file, 0 when it is not there. */
int64_t query_disk_file(struct str path);
/* One tenant: measures its directory into *bytes_out. */
const char *query_disk_quota(struct query_disk *disk, struct str directory, int64_t *bytes_out);
