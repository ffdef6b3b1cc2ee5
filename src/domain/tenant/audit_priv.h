/* How changes of this room write their own audit row. */
#pragma once
#include "domain/tenant/audit.h"

struct store_db;

/* The id of the next row. */
int64_t audit_take_id(struct audit *audit);
/* Inside a job, or before the store's thread runs. */
bool audit_insert(struct store_db *db, int64_t id, int64_t at_us, const struct audit_event *event,
                  struct err *err) MUST_USE;
/* A copy in the arena, texts cut to what a row holds. */
struct audit_event audit_copy(struct arena *arena, const struct audit_event *event);
/* True: an equal event of this minute has a row already, and was counted there. False: the caller writes its row next.
 */
bool audit_is_repeated(struct audit *audit, const struct audit_event *event);
/* What audit_write does with an event that is not repeated; done may be NULL. */
void audit_write_row(struct audit *audit, const struct audit_event *event,
                     void (*done)(void *owner, const struct err *error), void *owner);
