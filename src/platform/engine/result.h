/* A running statement's result, and the encoders that turn its chunks into messages. */
#pragma once
#include "platform/arrow/c_data.h"
#include "platform/engine/engine_priv.h"

struct engine_result {
    struct engine_session *session;
    duckdb_result result;
    size_t column_count;
    duckdb_logical_type *types; /* owned */
    const char **names;         /* borrowed from result */
};

/* Takes the result over, also on error. */
bool engine_result_init(struct engine_result *result, struct engine_session *session, duckdb_result *duckdb,
                        struct err *err) MUST_USE;
void engine_result_done(struct engine_result *result);

/* Our own Arrow schema of these columns; release it. */
bool engine_result_schema(const struct engine_session *session, duckdb_logical_type *types, const char **names,
                          size_t count, struct ArrowSchema *schema_out, struct err *err) MUST_USE;

/* The next chunk, or NULL at the end; an error is told apart by *failed_out. Destroy the chunk. */
duckdb_data_chunk engine_result_fetch(struct engine_result *result, bool *failed_out, struct err *err);

struct engine_encoder;
struct engine_encoder_kind;

/* Pulls the results of one or several executions of a statement through one of the encoders below, as one result. */
struct engine_sender {
    struct engine_session *session;
    const struct engine_request *request;
    const struct engine_output *output;
    struct engine_stats *stats;
    const struct engine_encoder_kind *kind;
    struct engine_encoder *encoder; /* NULL before the first result */
    struct engine_result first;     /* its types hold for all */
    uint64_t changed;
    bool counts; /* the results are counts of changed rows, which add up */
    bool dry;    /* only the schema is wanted */
};

/* Caller's memory; all are borrowed. */
void engine_sender_init(struct engine_sender *sender, struct engine_session *session,
                        const struct engine_request *request, const struct engine_output *output,
                        struct engine_stats *stats);
/* Takes the result, also on error. */
bool engine_sender_add(struct engine_sender *sender, duckdb_result *duckdb, struct err *err) MUST_USE;
/* Sends the rest and counts. */
bool engine_sender_finish(struct engine_sender *sender, struct err *err) MUST_USE;
void engine_sender_done(struct engine_sender *sender);

struct engine_encoder_kind {
    /* Announces the columns. */
    bool (*start)(struct engine_encoder *encoder, struct err *err);
    /* Takes the chunk. */
    bool (*chunk)(struct engine_encoder *encoder, duckdb_data_chunk chunk, struct err *err);
    /* Sends the rest. */
    bool (*finish)(struct engine_encoder *encoder, struct err *err);
    void (*free)(struct engine_encoder *encoder);
    size_t size; /* of the encoder's own structure, which begins with struct engine_encoder */
};

struct engine_encoder {
    struct engine_result *result;
    const struct engine_request *request;
    const struct engine_output *output;
    struct engine_stats *stats;
};

extern const struct engine_encoder_kind engine_encoder_arrow; /* FLIGHT and ARROW */
extern const struct engine_encoder_kind engine_encoder_text;  /* CSV, JSON, JSON_LINES */
