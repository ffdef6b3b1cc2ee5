/* `eider serve`: puts the server together, runs it until it is told to stop, takes it apart in order. */
#pragma once

/* argv as main got it. Returns the exit code: 0 stopped, 1 an error (printed), 2 wrong use (printed). */
int serve_main(int argc, char **argv);
