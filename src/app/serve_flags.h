/* The command line of `eider serve`. */
#pragma once
#include "app/config.h"

enum serve_flags_outcome {
    SERVE_FLAGS_RUN,
    SERVE_FLAGS_HELP,  /* help was printed */
    SERVE_FLAGS_WRONG, /* *err says why */
};

/* argv[1] is "serve". Texts live in the arena. */
enum serve_flags_outcome serve_flags_parse(struct arena *arena, int argc, char **argv, struct config_flags *flags_out,
                                           struct err *err);
