/* SQL of our own, for work beside the statements of users: its texts never pass the gate or the list of kinds. */
#pragma once
#include "platform/engine/engine.h"

/* Rows of texts; NULL is ptr NULL. */
struct engine_answer {
    size_t rows, columns;
    const struct str *cells; /* row by row */
};
static inline struct str engine_answer_at(const struct engine_answer *answer, size_t row, size_t column)
{
    return answer->cells[row * answer->columns + column];
}

/* One statement whose columns are all VARCHAR; the answer lives in the arena. ERR_RESOURCE beyond max rows.
 * engine_session_interrupt ends it. */
bool engine_ask(struct engine_session *session, struct str sql, struct arena *arena, size_t max_rows,
                struct engine_answer *answer_out, struct err *err) MUST_USE;
/* Texts for their effect. */
bool engine_tell(struct engine_session *session, struct str sql, struct err *err) MUST_USE;

/* name with quotes: a"b gives "a""b"; and a'b gives 'a''b'. */
struct str engine_ask_name(struct arena *arena, struct str name);
struct str engine_ask_text(struct arena *arena, struct str text);

/* The name of the tenant's database in SQL, and the directory of its temporary files. */
struct str engine_catalog(const struct engine_session *session);
struct str engine_temp_directory(const struct engine_session *session);

/* A column as Iceberg (format version 2) can hold it. */
struct engine_mirror_column {
    struct str name;
    struct str type; /* as Iceberg's JSON: "long", or {"type":"list",…} */
    struct str cast; /* SQL type to cast to; empty: it fits as it is */
    bool narrowed;   /* the cast loses something: nanoseconds */
};
/* The columns that this SELECT gives: fields 1 to count of a schema, what is nested in them behind that. */
bool engine_mirror_columns(struct engine_session *session, struct str select, struct arena *arena,
                            const struct engine_mirror_column **columns_out, size_t *count_out,
                            struct err *err) MUST_USE;
