/* What the command line knows of the terminal it runs on: size, colours, the pager, and Ctrl-C. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct cli_terminal {
    bool present;  /* the descriptor is a terminal */
    bool colour;   /* a terminal, NO_COLOR is not set, TERM is not "dumb" */
    size_t width;  /* cells; 0 when it is no terminal */
    size_t height; /* lines; 0 when it is no terminal */
};
struct cli_terminal cli_terminal_of(int fd);

/* Writes all of it, waiting as long as it takes. ERR_CANCELLED when Ctrl-C came or when the reader went away. */
bool cli_terminal_write(int fd, struct str text, struct err *err) MUST_USE;

/* Starts $PAGER (default `less`, which then gets options that let it scroll sideways and show colours) and returns the
 * descriptor of its input; -1 when there is none. */
int cli_terminal_page(int *pid_out);
/* Closes the descriptor and waits until the user leaves the pager. */
void cli_terminal_page_end(int fd, int pid);

/* From now on Ctrl-C (SIGINT) and SIGTERM set a flag and call wake (from the signal handler; may be NULL) instead of
 * ending the process. */
void cli_interrupt_catch(void (*wake)(void));
bool cli_interrupt_came(void);
/* It was obeyed: the next one counts anew. */
void cli_interrupt_forget(void);
