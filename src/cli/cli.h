/* The command line: every command but `serve` and the workers, which are the program itself. A client of the server's
 * own interfaces (REST, Arrow Flight); it never opens the data directory of a running server. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* argv as main got it. Runs one command and returns the process's exit code: 0 done, 1 an error (printed), 2 wrong use
 * (printed), 130 interrupted. */
int cli_main(int argc, char **argv);

/* The command line does not read eider.yaml: who can tell whether the warehouse that it names can be used? Before
 * cli_main; without it `eider doctor` is silent about it. data: the data directory; detail_out in the arena. */
typedef bool cli_warehouse_check(struct arena *arena, struct str data, struct str *detail_out, struct err *err);
void cli_doctor_asks(cli_warehouse_check *check);
/* The same for `eider restore`: which of these files are not in the warehouse, whose location the backup tells?
 * ERR_INVALID when eider.yaml names another one. */
typedef bool cli_metadata_check(struct arena *arena, struct str data, struct str warehouse, const struct str *files,
                                size_t count, bool *missing_out, struct err *err);
void cli_restore_asks(cli_metadata_check *check);
