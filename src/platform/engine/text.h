/* What can be said about a text of SQL without parsing it, on the safe side: DuckDB's C API tells a statement's kind,
 * but neither whether an object is temporary nor what EXPLAIN explains. */
#pragma once
#include "base/str.h"

struct engine_text {
    bool single;    /* certainly one statement as written */
    bool pivots;    /* single, and DuckDB may make several of it: CREATE TYPE for each PIVOT, and itself */
    bool temporary; /* certainly a single CREATE, DROP or ALTER of a temporary object */
    bool explains;  /* certainly a single EXPLAIN of something that is no DDL */
    bool temp;      /* may make a temporary object */
    bool macro;     /* may make a macro */
};

struct engine_text engine_text_look(struct str sql);
