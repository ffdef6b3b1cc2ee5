/* Asking for a password: from the terminal without echo, else a line of standard input. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli_priv.h"

#define PASSWORD_MAX 1024

static struct str read_line(struct arena *arena, const char *prompt)
{
    struct termios before;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        struct termios quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)fputs(prompt, stderr);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    char *line = arena_alloc(arena, PASSWORD_MAX);
    bool got = fgets(line, PASSWORD_MAX, stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fputc('\n', stderr);
    }
    if (!got)
        return S("");
    line[strcspn(line, "\r\n")] = '\0';
    return str_from(line);
}

bool cli_read_password(struct cli *cli, bool twice, struct str *password_out, struct err *err)
{
    *password_out = read_line(cli->arena, "password: ");
    if (password_out->len == 0)
        return err_set(err, ERR_INVALID, "no password was given");
    if (twice && isatty(STDIN_FILENO) && !str_equal(*password_out, read_line(cli->arena, "again: ")))
        return err_set(err, ERR_INVALID, "the two passwords differ");
    return true;
}
