/* What the gate knows by name: verbs, functions, settings. ASCII case does not matter. tests/gate checks the lists
 * against the functions of the DuckDB in use, so that a new version cannot bring one that nobody has looked at. */
#pragma once
#include "base/str.h"

enum gate_verb {
    GATE_VERB_REFUSED, /* also: unknown */
    GATE_VERB_READ,    /* nothing to look at beyond the general rules */
    GATE_VERB_WRITE,
    GATE_VERB_TABLE, /* a read whose next word is a table: DESCRIBE, SHOW, SUMMARIZE, PIVOT, TABLE, FROM */
    GATE_VERB_CREATE,
    GATE_VERB_DROP,
    GATE_VERB_ALTER,
    GATE_VERB_COMMENT,
    GATE_VERB_SET,
    GATE_VERB_RESET,
    GATE_VERB_USE,
    GATE_VERB_PRAGMA,
    GATE_VERB_CALL,
    GATE_VERB_EXPLAIN,
    GATE_VERB_PREPARE,
    GATE_VERB_SESSION, /* transactions, EXECUTE, DEALLOCATE */
};

enum gate_function {
    GATE_FUNCTION_OPEN,    /* not on a list: a scalar, an aggregate, or the tenant's own macro */
    GATE_FUNCTION_TABLE,   /* a table function that stays inside */
    GATE_FUNCTION_SETTING, /* current_setting: depends on its argument */
    GATE_FUNCTION_ICEBERG, /* looks at an Iceberg table: depends on its argument */
    GATE_FUNCTION_CLOSED,
};

/* *why_out: for a refused verb, what it would do; may be NULL for unknown ones. */
enum gate_verb gate_words_verb(struct str word, const char **why_out);
enum gate_function gate_words_function(struct str name);
/* Of the closed ones: those whose first argument names files, and which do nothing but read them. */
bool gate_words_reads_files(struct str name);
/* A view of DuckDB's own; the name is refused wherever it stands, so that no alias or column of it need be told apart.
 */
bool gate_words_is_closed_view(struct str name);
/* What CREATE, DROP and ALTER may work on. */
bool gate_words_is_object(struct str word);
/* Settings that a session may change. */
bool gate_words_is_setting(struct str name);
bool gate_words_is_pragma(struct str name);
/* An ending that DuckDB would take for a file when no table has the name. */
bool gate_words_is_file_ending(struct str ending);
/* Reserved words (never a name without quotes) that end a list of tables. */
bool gate_words_ends_tables(struct str word);
/* Reserved words that a query begins with. */
bool gate_words_begins_query(struct str word);
