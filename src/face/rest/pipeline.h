/* How requests about the server's project ask it, and what its parts look like in JSON: the same in answers and in
 * events. Loop thread only. */
#pragma once
#include "domain/pipeline/history.h"
#include "domain/pipeline/pipeline.h"
#include "domain/pipeline/scheduler.h"
#include "face/rest/rest_priv.h"

/* The server's project; NULL with ERR_NOT_FOUND when it has none. */
struct pipeline *rest_pipeline(struct rest_exchange *exchange, struct err *err);
/* The environment of that name (empty: production) when the client has at least this role in its tenant. */
const struct project_environment *rest_environment(struct rest_exchange *exchange, struct str name, enum role role,
                                                   struct err *err);
/* The same, named by the parameter `environment`. */
const struct project_environment *rest_environment_asked(struct rest_exchange *exchange, enum role role,
                                                         struct err *err);

/* Whether the run is there and the client has at least this role in its tenant; else the exchange ends with the error,
 * and then is not called. run, with its steps and attempts, lives in the exchange's arena. */
struct rest_run {
    struct history_run run;
    const struct history_step *steps;
    size_t step_count;
    const struct history_attempt *attempts;
    size_t attempt_count;
};
typedef void rest_run_found(struct rest_exchange *exchange, const struct rest_run *found);
void rest_run_find(struct rest_exchange *exchange, struct str id, enum role role, rest_run_found *then);

/* The number of a page's items: the parameter `limit`, 1 to most; standard without it. */
bool rest_limit(struct rest_exchange *exchange, size_t standard, size_t most, size_t *limit_out,
                struct err *err) MUST_USE;
/* The parameter `before`: what the page before this one said; 0 without it. */
bool rest_before(struct rest_exchange *exchange, uint64_t *before_out, struct err *err) MUST_USE;
/* A member that is an array of texts; absent: none. */
bool rest_get_texts(struct rest_exchange *exchange, const struct json *object, const char *key,
                    const struct str **texts_out, size_t *count_out, struct err *err) MUST_USE;

/* Nothing for an empty one. */
void rest_write_filled(struct json_writer *writer, const char *key, struct str text);
void rest_write_texts(struct json_writer *writer, const char *key, const struct str *texts, size_t count);
void rest_write_problem(struct json_writer *writer, const struct asset_problem *problem);

/* Objects. step_error: with the place in the asset's file, where the report tells it. */
void rest_write_run(struct json_writer *writer, const char *key, const struct history_run *run);
void rest_write_live_run(struct json_writer *writer, const char *key, const struct run *run);
void rest_write_live_step(struct json_writer *writer, const char *key, const struct run *run,
                          const struct run_step *step);
/* arena: for its report while it is written. */
void rest_write_step(struct json_writer *writer, const struct history_step *step, struct arena *arena);
void rest_write_attempt(struct json_writer *writer, const struct history_attempt *attempt);
