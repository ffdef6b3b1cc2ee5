/* The last query.history statements that ended, newest first. */
#pragma once
#include "domain/query/query.h"

struct query_history {
    struct query_info **records; /* ring; each one heap block with its texts */
    size_t capacity;
    size_t count;
    size_t next; /* where the next one goes */
};

void query_history_init(struct query_history *history);
void query_history_done(struct query_history *history);

/* Copies. */
void query_history_add(struct query_history *history, const struct query_info *info);
void query_history_each(const struct query_history *history, void (*each)(void *owner, const struct query_info *info),
                        void *owner);
