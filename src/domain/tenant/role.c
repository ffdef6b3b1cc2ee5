#include "domain/tenant/role.h"

const char *role_name(enum role role)
{
    static const char *const names[] = {"none", "reader", "writer", "owner"};
    return names[role];
}

bool role_from_name(struct str name, enum role *role_out, struct err *err)
{
    for (enum role role = ROLE_READER; role <= ROLE_OWNER; role++) {
        if (str_equal(name, str_from(role_name(role)))) {
            *role_out = role;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "unknown role '%.*s'", STR_ARG(str_slice(name, 0, 64)));
    return err_hint(err, "one of reader, writer, owner");
}
