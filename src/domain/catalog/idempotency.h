/* Requests that are repeated with the same Idempotency-Key: what was answered is kept in the transaction of the change,
 * and given again. */
#pragma once
#include "domain/catalog/operation.h"

/* On the store's thread: keeps the answer, or finds the earlier one (replayed; false). */
bool idempotency_keep(struct operation *operation, struct store_db *db, struct err *err) MUST_USE;
/* Does an answer with this problem stay the same? */
bool idempotency_is_final(enum catalog_problem problem);
/* Completes a replayed answer; next comes where that is all. */
void idempotency_answer(struct operation *operation, operation_step *next);
bool idempotency_check_key(struct str key, struct err *err) MUST_USE;
void idempotency_start(struct catalog *catalog);
