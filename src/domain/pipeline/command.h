/* A program that is not ours: command and dbt assets, alerts. It is started through `eider step`, which confines itself
 * first (worker/command.c): own session and process group, no privileges to gain, limits, and everything but the data
 * directory. Its output comes as lines. Loop thread; callbacks come later. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct command;
struct loop;

struct command_options {
    struct str program;     /* of eider itself */
    const struct str *argv; /* argv[0] is looked up in PATH */
    size_t argc;
    struct str directory;          /* working directory */
    const struct str *environment; /* "NAME=value"; nothing else but PATH, HOME, LANG, TZ reaches it */
    size_t environment_count;
    struct str hidden;    /* directory that it cannot reach: the server's data */
    struct str scratch;   /* a directory that it may write (also inside hidden); TMPDIR; empty: none */
    struct str readable;  /* a directory that it may read (also inside hidden); empty: none */
    int64_t memory_bytes; /* address space; 0: unlimited */
    struct str input;     /* its standard input; empty: /dev/null */
    /* A line without its end; longer ones are cut at pipeline.max_line. is_error: from standard error. */
    void (*on_line)(void *owner, bool is_error, struct str line);
    /* After the last line; code: exit code, or 128 + signal; *error set when it could not be started. */
    void (*on_exit)(void *owner, int code, const struct err *error);
    void *owner;
};
struct command *command_start(struct loop *loop, const struct command_options *options, struct err *err);
/* SIGTERM to its group, SIGKILL after pipeline.kill_grace. on_exit follows. */
void command_stop(struct command *command);
/* Kills what is left of its group. on_exit does not come any more. Accepts NULL inside. */
void command_free(struct command **command);
