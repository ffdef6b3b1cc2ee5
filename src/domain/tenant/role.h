/* What somebody may do in a tenant. */
#pragma once
#include "base/err.h"

/* Of a user in a tenant; each may do what those before it may. */
enum role {
    ROLE_NONE,
    ROLE_READER, /* SELECT */
    ROLE_WRITER, /* INSERT, UPDATE, DELETE, MERGE, uploads into tables that exist, temporary tables */
    ROLE_OWNER,  /* CREATE, ALTER, DROP; users, tokens, statements and audit of the tenant; backup */
};
/* "reader"; "none". */
const char *role_name(enum role role);
/* ERR_INVALID lists the known ones. */
bool role_from_name(struct str name, enum role *role_out, struct err *err) MUST_USE;
