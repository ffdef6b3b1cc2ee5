/* What SQL text may say. A lexer over the text refuses what reaches out of the tenant (files, network, other databases,
 * extensions, secrets, settings outside the list, logs), bounds what makes the planner slow, and rewrites what DuckDB
 * would take otherwise: the schema's name `default`, names of Iceberg tables, and settings, which are the session's and
 * not everybody's.
 * Statement kinds are checked a second time by the worker, from DuckDB's prepare. Pure: no I/O, no state. Fail closed:
 * what the lexer does not understand is refused. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* One change of the text: len bytes at an offset of the input became another text. */
struct gate_edit {
    size_t at, len;
    const char *text;
};

/* A table or view that would be made, or get this name. */
struct gate_made {
    struct str name; /* without quotes */
    struct str from; /* RENAME: what it was called, when no schema says where it is; else empty */
    bool iceberg;    /* in the namespace "iceberg", else in the schema "default" */
};

/* A table whose rows UPDATE, DELETE, MERGE or TRUNCATE changes, unless it is certainly a DuckDB table. */
struct gate_changed {
    struct str schema; /* the namespace; empty: none is written, so it may be a DuckDB table as well */
    struct str name;
};

struct gate_result {
    struct str sql; /* rewritten text; the input itself when nothing changed */
    bool rewritten;
    size_t statement_count; /* 0: only comments and white space, refused by the caller */
    bool may_write;         /* a guess from the first words, for routing; the worker decides */
    bool may_leave;         /* likewise: something stays in the connection (transaction, temporary object, setting) */
    bool iceberg;           /* it names the Iceberg catalog */
    const struct gate_made *made;
    size_t made_count;
    const struct gate_changed *changed;
    size_t changed_count;
    const struct gate_edit *edits; /* ascending */
    size_t edit_count;
};

/* tenant: its id, for `<tenant>.iceberg.t`. Errors name line and column. */
bool gate_check(struct str sql, struct str tenant, struct arena *arena, struct gate_result *result_out,
                struct err *err) MUST_USE;

/* Texts of pipelines: what the server runs for a project, inside a transaction of its own. */
struct gate_places {
    struct str tenant;
    /* Where files may be that the text reads: directories ("data/source") or addresses ("https://host/path"). It names
     * them by plain literals that begin with one of these, and nothing in them leads out again. */
    const struct str *list;
    size_t count;
};
/* The same for such a text: functions that read files are open for literals below places, as is FROM 'file'; what ends
 * or begins a transaction is closed. Not in what stays: a view or a macro would read for those who may not. */
bool gate_check_places(struct str sql, const struct gate_places *places, struct arena *arena,
                       struct gate_result *result_out, struct err *err) MUST_USE;

/* Maps an offset in the rewritten text back to the user's. */
size_t gate_map_offset(const struct gate_result *result, size_t offset);
/* Where an offset of a text is; both count from 1, columns in characters. */
void gate_position(struct str sql, size_t offset, int *line_out, int *column_out);
/* Finds " (line 1, column 8)" or " (line 1)" at the end of a message, where DuckDB's places are: *at_out is where it
 * begins, *column_out 0 when it has the line alone. False: there is none. */
bool gate_find_place(struct err *error, char **at_out, int *line_out, int *column_out);
/* The same for " (line 1, column 8)" at the end of an error's message; sql: the user's text. */
void gate_map_error(const struct gate_result *result, struct str sql, struct err *error);

/* In test builds with the option gate_off, gate_off.c stands in for gate.c: everything passes, nothing is rewritten. */
