/* The gate's walk over the tokens of one text, shared by its files: gate.c bounds and rewrites, gate_statement.c knows
 * the statements, gate_table.c knows where tables stand. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "domain/query/gate.h"
#include "domain/query/gate_words.h"
#include "domain/query/lexer.h"

/* One level of brackets. */
struct gate_level {
    bool tables;       /* commas here separate tables */
    bool scalar;       /* FROM here is part of EXTRACT, SUBSTRING, TRIM, ... */
    int64_t operators; /* longest chain of operators down to here, brackets included */
};

struct gate {
    struct str sql;
    struct str tenant;
    const struct gate_places *places; /* NULL: an ordinary statement */
    struct arena *arena;
    struct err *err;
    VEC(struct lexer_token) tokens;
    VEC(struct gate_level) levels;
    size_t start;        /* index of the token that begins the statement, also one inside EXPLAIN or PREPARE */
    enum gate_verb verb; /* of the statement at hand */
    bool explained;      /* the statement at hand is inside EXPLAIN */
    bool changes_rows;   /* DELETE or MERGE was seen: USING names tables */
    bool index;          /* CREATE INDEX: ON names a table */
    bool stays;          /* CREATE VIEW, MACRO: the text is kept, and runs for others */
    bool table_next;     /* the next token names a table */
    size_t table_at;     /* index of the last token that named one */
    bool may_write, may_leave;
    bool iceberg; /* the Iceberg catalog is named */
    VEC(struct gate_made) made;
    VEC(struct gate_changed) changed;
    size_t statement_count;
    VEC(struct gate_edit) edits;
};

/* The token's text; an empty one behind the last token. */
struct str gate_text(const struct gate *gate, size_t index);
/* The same without quotes. */
struct str gate_name(const struct gate *gate, size_t index);
bool gate_is_name(const struct gate *gate, size_t index);
/* A keyword, unless it is a name here: behind a dot or a $. */
bool gate_is_keyword(const struct gate *gate, size_t index);
/* At most len bytes of what the client wrote, for messages. */
struct str gate_cite(struct str text, size_t len);
/* An unquoted word, any case. */
bool gate_is_word(const struct gate *gate, size_t index, const char *word);
/* A single-character (or other) operator. */
bool gate_is_operator(const struct gate *gate, size_t index, const char *text);
/* The result has this text instead of len bytes at the offset; in ascending order. */
void gate_edit(struct gate *gate, size_t at, size_t len, const char *text);
/* "line 1, column 8: <why>"; always false. */
bool gate_refuse(struct gate *gate, size_t index, enum err_code code, const char *format, ...) PRINTF(4, 5);
struct gate_level *gate_level(struct gate *gate);

/* The statement that begins at gate->start: its verb, and what the verb demands of the next words. Sets gate->start to
 * a statement inside (EXPLAIN, PREPARE). */
bool gate_statement(struct gate *gate);
/* A call by the name at index, which an opening bracket follows. */
bool gate_call(struct gate *gate, size_t index);

/* The name at index: rewritten where it is of an Iceberg table or namespace. */
bool gate_iceberg_name(struct gate *gate, size_t index);
/* A call of a function that looks at an Iceberg table, which an opening bracket follows. */
bool gate_iceberg_call(struct gate *gate, size_t index);
/* CREATE TABLE or VIEW, or ALTER: the name at index; remembers what it makes. */
bool gate_iceberg_made(struct gate *gate, size_t index);

/* With places: a string in the place of a table, or the call of a function that reads files. */
bool gate_file_literal(struct gate *gate, size_t index);
bool gate_file_call(struct gate *gate, size_t index);

/* Follows where tables stand; called for each token in order. */
bool gate_table(struct gate *gate, size_t index);
/* An opening bracket: the new level's properties, before it is pushed. */
struct gate_level gate_table_open(struct gate *gate, size_t index);
