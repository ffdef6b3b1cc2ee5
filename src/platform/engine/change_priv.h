/* Counting changes: what the files of this room need of change.c. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "base/str.h"

struct arena;
struct engine_session;

/* Of an engine; zero-initialised but for the lock. */
struct engine_changes {
    pthread_mutex_t lock; /* guards what follows */
    uint64_t epoch, any, rest;
    struct map tables; /* lower-case name → the number of changes, as a pointer */
};
void engine_changes_init(struct engine_changes *changes);
void engine_changes_done(struct engine_changes *changes);

/* What a session has changed and nobody was told of yet. */
struct engine_changed {
    bool all;
    struct map tables; /* lower-case name → itself */
};

/* The statement may have changed this table (ptr NULL: any). */
void engine_change_note(struct engine_session *session, struct str table);
/* Counts what was noted, unless a transaction is still open. */
void engine_change_settle(struct engine_session *session);
void engine_changed_done(struct engine_changed *changed);

/* The table that a single statement changes, when its text certainly says so; else ptr NULL. */
struct str engine_change_target(struct str sql, struct arena *arena);
