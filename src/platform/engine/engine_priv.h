/* What the files of this room share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "platform/engine/change_priv.h"
#include "platform/engine/engine.h"
#include "platform/engine/symbols.h"

struct engine {
    duckdb_database database;
    struct arena *arena;
    struct str catalog;        /* the name of the database in SQL */
    struct str directory;      /* of the database file; empty in memory */
    struct str temp_directory; /* may be empty */
    bool iceberg;              /* the Iceberg catalog is attached */
    pthread_mutex_t turn_lock;
    bool turn_taken; /* see engine_iceberg_turn; guarded by turn_lock */
    pthread_mutex_t usage_lock;
    duckdb_connection usage_connection; /* guarded by usage_lock: */
    struct engine_usage usage;
    int64_t usage_read_us; /* when usage was read; 0 = never */
    struct engine_changes changes;
};

/* Transaction control of our own. */
enum engine_turn {
    ENGINE_TURN_BEGIN,
    ENGINE_TURN_BEGIN_READING,
    ENGINE_TURN_COMMIT,
    ENGINE_TURN_ROLLBACK,
    ENGINE_TURNS
};

struct engine_session {
    struct engine *engine;
    duckdb_connection connection;
    bool in_transaction;
    bool read_only;                                /* the open transaction is one that a reader was given */
    bool used;                                     /* a setting or variable may be left behind */
    bool temporary;                                /* there are temporary objects */
    bool macros;                                   /* some of them may be macros, which take long to list */
    bool defined;                                  /* DDL ran that may change that */
    atomic_bool interrupted;                       /* engine_session_interrupt was called */
    bool watched;                                  /* engine_session_watch was called */
    struct engine_changed changed;                 /* that is not counted yet */
    struct map prepared;                           /* number → struct engine_prepared * */
    duckdb_prepared_statement turns[ENGINE_TURNS]; /* prepared when first needed */
};

/* Runs SQL of our own for its effect. */
bool engine_query(duckdb_connection connection, const char *sql, struct err *err) MUST_USE;
/* The same for one text or number from the first row and column; NULL columns give an empty text. */
bool engine_query_text(duckdb_connection connection, const char *sql, struct arena *arena, struct str *value_out,
                       struct err *err) MUST_USE;
bool engine_query_i64(duckdb_connection connection, const char *sql, int64_t *value_out, struct err *err) MUST_USE;

/* Row of a vector of texts, copied; NULL gives an empty text. */
struct str engine_text_at(struct arena *arena, duckdb_vector vector, idx_t row);

/* name with quotes: a"b gives "a""b". */
struct str engine_quote_name(struct arena *arena, struct str name);
/* a'b gives 'a''b'. */
struct str engine_quote_text(struct arena *arena, struct str text);

/* Reads whether the session is inside a transaction now. */
void engine_session_look(struct engine_session *session);
/* After SET, RESET or USE: the search path goes back to the tenant's own when it was emptied, and keeps the Iceberg
 * catalog. */
void engine_session_repath(struct engine_session *session);
/* After DDL: reads whether there are temporary objects. */
void engine_session_settle(struct engine_session *session);
