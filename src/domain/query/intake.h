/* The messages of one upload on their way into the worker: bodies in shared memory that is filled in place, counted
 * until the worker is done with them. Blocks belong to the upload: they are attached when they are first sent, filled
 * again when they come back, and detached at its end. Loop thread only. */
#pragma once
#include "domain/query/task.h"

struct query_intake;

struct query_intake *query_intake_new(void);
/* process: where the blocks were attached, NULL when it is gone. Accepts NULL inside. */
void query_intake_free(struct query_intake **intake, struct query_process *process);

/* Memory for the next body; see query_upload_body. process: where the task runs, or NULL. */
uint8_t *query_intake_body(struct query_intake *intake, size_t size, struct query_process *process, struct err *err);
/* Passes the message on; it waits in memory until the task runs. */
void query_intake_message(struct query_intake *intake, struct str header, struct query_task *task);
/* The task runs now: sends what waited. */
void query_intake_start(struct query_intake *intake, struct query_task *task);
/* A body came back; false: it was not out. */
bool query_intake_done(struct query_intake *intake, const struct channel_put_done *done, struct err *err) MUST_USE;

/* More than flight.upload_buffer is under way. */
bool query_intake_is_full(const struct query_intake *intake);
/* Full before and clearly no longer: true once. */
bool query_intake_has_room_again(struct query_intake *intake);
/* Bytes of all bodies passed on. */
uint64_t query_intake_bytes(const struct query_intake *intake);
