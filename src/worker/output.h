/* A statement's results on their way to the front: small messages in frames, gathered into one write while the
 * statement is young; larger ones through the blocks that were granted. */
#pragma once
#include "worker/statement.h"

/* The engine's view. */
struct engine_output worker_output(struct worker_statement *statement);

/* Sends what is held back, from the reading thread, and holds nothing back any more. */
void worker_output_flush(struct worker_statement *statement);
bool worker_output_is_flushed(struct worker_statement *statement);
/* The last frame, together with what is held back. */
void worker_output_end(struct worker_statement *statement, const struct channel_end *end);
/* A schema, as DESCRIBE gives it. */
void worker_output_schema(struct worker_statement *statement, enum channel_data_role role, struct str schema);
