/* A stream of record batches that one running INSERT scans while more of them come. Each piece is a copy
 * with memory of its own: DuckDB's threads hold one piece each while they wait for the next, and a sender that got its
 * memory back only then would wait for them.
 *
 * Threads: one feeds, DuckDB's take. */
#pragma once
#include "base/list.h"
#include "platform/arrow/batch.h"

struct engine_relay;

/* Whether batches of this schema can be copied: no dictionaries, views or runs. */
bool engine_relay_knows(const struct arrow_field *schema);

/* Schema and decoder are borrowed. */
struct engine_relay *engine_relay_new(struct arrow_field *schema, struct arrow_decoder *decoder);
/* When no scan runs any more. Accepts NULL inside. */
void engine_relay_free(struct engine_relay **relay);
/* What a view reads, from the moment it is scanned to the end. */
struct ArrowArrayStream *engine_relay_stream(struct engine_relay *relay);

/* Passes a copy of the piece on. Waits while too much is waiting already. ERR_CANCELLED when the scan has ended. */
bool engine_relay_add(struct engine_relay *relay, const struct ArrowArray *piece, struct err *err) MUST_USE;
/* Nothing more comes. */
void engine_relay_finish(struct engine_relay *relay);
/* The scan fails at its next step. */
void engine_relay_break(struct engine_relay *relay);
/* From the thread of the INSERT: it has ended, nobody takes any more. */
void engine_relay_end(struct engine_relay *relay);
