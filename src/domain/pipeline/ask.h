/* A short statement of a step in its tenant, by the principal "pipeline", and its answer. Loop thread only. */
#pragma once
#include "base/buf.h"
#include "domain/pipeline/step.h"

struct statement;

/* Owner of the run's tenant and of nothing else; in the attempt's arena. */
const struct principal *ask_principal(struct step_work *work);

/* In its owner, zeroed before first use; may be used again after done. */
struct ask {
    struct statement *statement; /* NULL: none runs */
    struct buf answer;
    bool is_cut; /* the answer is longer than ASK_ANSWER_MAX */
    /* answer: a JSON object per line; valid during the call. */
    void (*done)(struct ask *ask, struct str answer, const struct err *error);
};
#define ASK_ANSWER_MAX 65536
bool ask_start(struct ask *ask, struct step_work *work, struct str sql, struct err *err) MUST_USE;
/* done follows. Harmless when none runs. */
void ask_cancel(struct ask *ask);
