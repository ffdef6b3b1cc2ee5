/* The statement log: each statement that ended becomes a row of the store, written behind (at most a second is lost
 * when the server is killed), kept for query.log_keep days and query.log_rows rows. Slow ones (query.slow) also become
 * a line of the server's log. Loop thread only. */
#pragma once
#include "domain/query/query.h"

struct query_journal_batch;

struct query_journal {
    struct loop *loop;
    struct store *store;
    struct query_journal_batch *filling; /* owned; NULL: empty */
    bool writes;                         /* a batch is on its way */
    struct loop_timer timer;             /* when filling goes out */
    void (*on_written)(void *owner);     /* a batch was, or never will be */
    void *owner;
};

void query_journal_init(struct query_journal *journal, struct loop *loop, struct store *store,
                        void (*on_written)(void *owner), void *owner);
/* What was not written is lost; nothing may be on its way. */
void query_journal_done(struct query_journal *journal);

/* Those that ended and are in no job of the store yet, newest first. */
void query_journal_each(const struct query_journal *journal, void (*each)(void *owner, const struct query_info *info),
                        void *owner);
/* A statement has ended. Copies. */
void query_journal_add(struct query_journal *journal, const struct query_info *info);
/* True when all is written; else it is on its way, and on_written follows. */
bool query_journal_flush(struct query_journal *journal);
