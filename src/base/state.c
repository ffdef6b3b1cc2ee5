#include "base/state.h"

#include <stdio.h>

#include "base/mem.h"

void state_move(int *state, int next, const struct state_rule *rules)
{
    if (!(rules[*state].next & STATE_TO(next))) {
        char why[128];
        snprintf(why, sizeof(why), "forbidden state move from %s to %s", rules[*state].name, rules[next].name);
        mem_panic(why);
    }
    *state = next;
}
