/* `eider step`: a program that is not ours, started by the front for a step of a pipeline; not for people. It hides one
 * directory, bounds what the program may take, runs it, and ends with its exit code (128 + n after signal n; 125: it
 * could not be confined, 126 or 127: not started). Whatever the program has left behind ends with it.
 *
 *   eider step HIDDEN SCRATCH READABLE MEMORY PROCESSES PROGRAM [ARGUMENT…]
 *
 * HIDDEN, SCRATCH, READABLE: directories or ""; the last two are reachable although they lie in the first. MEMORY:
 * bytes of addresses, PROCESSES: of this user; 0: not bounded. SIGTERM goes to the program's group; COMMAND_SIGNAL_END,
 * and the front's death, kill all of it. */
#pragma once
#include <signal.h>

#define COMMAND_SIGNAL_END SIGUSR2

int command_main(int argc, char **argv);
