/* What a procedure of the worker looks like. */
#pragma once
#include "base/err.h"

struct json;
struct worker_statement;

/* Works through statement->session, as statement->worker's tenant. *answer_out: SQL of one SELECT whose rows are the
 * answer, in the statement's arena; left empty, it has sent them itself (procedure_send). Looks at
 * worker_statement_is_cancelled between steps. */
typedef bool worker_procedure_run(struct worker_statement *statement, const struct json *arguments,
                                  struct str *answer_out, struct err *err);
