/* Rows as the user asked for them with --output: a table for people, JSON, JSON lines or CSV for programs. The same for
 * the lists that commands print and for results of queries. */
#pragma once
#include "base/err.h"
#include "cli/table.h"

enum cli_format { CLI_FORMAT_TABLE, CLI_FORMAT_JSON, CLI_FORMAT_JSON_LINES, CLI_FORMAT_CSV };

/* The choices for struct cli_option. */
#define CLI_FORMAT_CHOICES "table|json|jsonl|csv"
/* An empty name is the table. */
enum cli_format cli_format_of(struct str name);

struct cli_output;

/* Columns are copied. On a terminal a table is cut to its width, or, when it is longer than the screen and page is
 * true, goes through the pager uncut. */
struct cli_output *cli_output_open(enum cli_format format, int fd, bool page, const struct cli_column *columns,
                                   size_t count);
/* One cell per column; copied. */
bool cli_output_row(struct cli_output *output, const struct cli_cell *cells, struct err *err) MUST_USE;
/* Writes what is left and, where there is a pager, waits until the user leaves it. */
bool cli_output_finish(struct cli_output *output, struct err *err) MUST_USE;
/* Accepts NULL inside; what was not finished is given up. */
void cli_output_close(struct cli_output **output);
static inline void cli_output_cleanup(struct cli_output **output)
{
    cli_output_close(output);
}
