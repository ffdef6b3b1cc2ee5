/* The command line: every command but `serve` and the workers, which are the program itself. A client of the server's
 * own interfaces (REST, Arrow Flight); it never opens the data directory of a running server. */
#pragma once

/* argv as main got it. Runs one command and returns the process's exit code: 0 done, 1 an error (printed), 2 wrong use
 * (printed), 130 interrupted. */
int cli_main(int argc, char **argv);
