/* The options of a command: a table that says what there is, a parser that fills in what the user gave, and the text
 * of --help made from the same table. Pure: reads no environment, prints nothing. Everything lives in the arena. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct cli_option {
    const char *name;      /* "tenant"; NULL ends a table */
    char letter;           /* 'p' for -p, or 0 */
    const char *value;     /* what --help calls the value; NULL: a flag without one */
    const char *help;      /* one line */
    const char *choices;   /* "table|json": the values there are; NULL: any */
    bool many;             /* may be given several times */
    const char *otherwise; /* not NULL: the value may be left out, and then is this; only `--name=value` gives it */
};

struct cli_value {
    const struct cli_option *option;
    struct str text; /* empty for a flag */
};

struct cli_options {
    struct cli_value *values;
    size_t value_count;
    struct str *arguments; /* what is no option, in order; "-" is an argument */
    size_t argument_count;
};

/* Reads `--name value`, `--name=value`, `-n value`, `-nvalue`; `--` ends the options. A later value of an option that
 * is not `many` wins. ERR_INVALID names an unknown option and the nearest known one, a missing value, or a value
 * outside the choices. */
bool cli_options_parse(struct arena *arena, const struct cli_option *table, int argc, char **argv,
                       struct cli_options *options_out, struct err *err) MUST_USE;

/* The option's value, or ptr NULL when it was not given. */
struct str cli_options_text(const struct cli_options *options, const char *name);
bool cli_options_has(const struct cli_options *options, const char *name);

/* The lines of --help, one per option, aligned. */
void cli_options_describe(const struct cli_option *table, struct buf *text);
