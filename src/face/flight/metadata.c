/* Not served yet. */
#include "face/flight/metadata.h"

bool flight_metadata_is(enum flight_sql_kind kind)
{
    (void)kind;
    return false;
}

struct str flight_metadata_schema(struct arena *arena, const struct flight_sql *sql)
{
    (void)arena, (void)sql;
    return S("");
}

bool flight_metadata_get(struct flight_get *get, const struct flight_sql *sql, struct err *err)
{
    (void)get, (void)sql;
    return err_set(err, ERR_UNIMPLEMENTED, "metadata commands are not served yet");
}
