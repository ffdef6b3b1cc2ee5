/* Places where a test ends the process as a power cut would, between two steps of something that has to be whole or
 * not at all: EIDER_FAILPOINT=<name> in the environment, or <name>:<n> for the n-th time the place is reached (from
 * 1). Nothing happens elsewhere: one comparison of a pointer. Any thread. The names stand in the README of the room. */
#pragma once

void failpoint_reach(const char *name);
#define FAILPOINT(name) failpoint_reach(name)
