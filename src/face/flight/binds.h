/* Values for a prepared statement's parameters: Arrow messages as a client sent them. Counted, because a ticket
 * keeps the values that were bound when it was made. Loop thread only. */
#pragma once
#include "base/vec.h"
#include "domain/query/query.h"

struct flight_binds_batch {
    struct str header; /* flatbuffer of a RecordBatch or DictionaryBatch message */
    struct str body;
};

struct flight_binds {
    size_t refs;
    struct arena *arena; /* owns all bytes */
    size_t bytes;        /* at most flight.max_binds */
    struct str schema;   /* flatbuffer of the Schema message; empty: nothing is bound */
    VEC(struct flight_binds_batch) batches;
};

struct flight_binds *flight_binds_new(void);
struct flight_binds *flight_binds_ref(struct flight_binds *binds);
/* Accepts NULL inside. */
void flight_binds_unref(struct flight_binds **binds);

/* Memory for the body of the next batch, to be filled before flight_binds_add; NULL with ERR_RESOURCE beyond
 * flight.max_binds. */
uint8_t *flight_binds_body(struct flight_binds *binds, size_t size, struct err *err);
/* A message: the schema first, then batches. The body is what flight_binds_body gave last, empty if it was not asked.
 * ERR_RESOURCE. */
bool flight_binds_add(struct flight_binds *binds, struct str header, struct err *err) MUST_USE;

/* What the request for a statement has to say about them: one batch is part of it, several follow. batch_out is filled
 * in and used as long as the request. NULL binds: none. */
void flight_binds_request(const struct flight_binds *binds, struct query_request *request,
                          struct query_binds *batch_out);
/* After query_run with such a request: sends what has to follow. false: there is no memory for it. */
bool flight_binds_follow(const struct flight_binds *binds, const struct query_request *request,
                         struct statement *statement) MUST_USE;
