/* An explicit state machine: a table of allowed moves. A move outside the table is our bug and stops the process. */
#pragma once
#include <stdint.h>

struct state_rule {
    const char *name;
    uint32_t next; /* bit n: state n may follow */
};

#define STATE_TO(state) (UINT32_C(1) << (state))

/* Moves *state; rules is indexed by state. */
void state_move(int *state, int next, const struct state_rule *rules);
