/* What a ticket or a command asks for: SQL text, JSON {"sql", "tenant", "parameters"}, or a statement of Flight SQL. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "face/flight/binds.h"
#include "face/flight/descriptor.h"

struct flight_command {
    struct str sql;
    struct str tenant;             /* empty: by header, or the only one */
    struct str parameters;         /* JSON, or empty */
    struct query_session *session; /* in which it runs; NULL: none */
    struct str transaction;        /* of the session; empty: none */
    struct str prepared;           /* handle of the session's prepared statement with this text; empty: none */
    struct flight_binds *binds;    /* its values; borrowed; NULL: none */
};

/* Texts in the arena, and a reference to the binds. */
struct flight_command flight_command_copy(struct arena *arena, const struct flight_command *command);

/* Texts live in the arena. Not for Flight SQL's own commands (sql.h). */
bool flight_command_parse(struct arena *arena, struct str text, struct flight_command *command_out,
                          struct err *err) MUST_USE;

/* A descriptor as a command: CMD as above, PATH as the SELECT of a whole table. */
bool flight_command_from_descriptor(struct arena *arena, const struct flight_descriptor *descriptor,
                                    struct flight_command *command_out, struct err *err) MUST_USE;

/* The path of a table: [table], [schema, table] or [tenant, schema, table]; parts not given are empty. */
struct flight_table {
    struct str tenant, schema, table;
};
bool flight_table_from_path(const struct flight_descriptor *descriptor, struct flight_table *table_out,
                            struct err *err) MUST_USE;
