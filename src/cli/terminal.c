/* Terminal, pager and Ctrl-C. */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t interrupt_flag;
static void (*interrupt_wake)(void);

struct cli_terminal cli_terminal_of(int fd)
{
    if (!isatty(fd))
        return (struct cli_terminal){0};
    struct winsize size = {0};
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    return (struct cli_terminal){
        .present = true,
        .colour = !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0),
        .width = size.ws_col,
        .height = size.ws_row,
    };
}

bool cli_terminal_write(int fd, struct str text, struct err *err)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.ptr, text.len);
        if (written > 0)
            text = str_from_index(text, (size_t)written);
        else if (cli_interrupt_came())
            return err_set(err, ERR_CANCELLED, "interrupted");
        else if (errno == EPIPE)
            return err_set(err, ERR_CANCELLED, "the reader of the output went away");
        else if (errno != EINTR)
            return err_errno(err, "write output");
    }
    return true;
}

int cli_terminal_page(int *pid_out)
{
    const char *pager = getenv("PAGER");
    if (!pager || !*pager)
        pager = "less";
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(pipe_fds[0], STDIN_FILENO);
        (void)setenv("LESS", "-SRFX", 0);
        (void)setenv("LESSCHARSET", "utf-8", 0);
        (void)execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
        _exit(127);
    }
    (void)close(pipe_fds[0]);
    if (pid < 0) {
        (void)close(pipe_fds[1]);
        return -1;
    }
    *pid_out = pid;
    return pipe_fds[1];
}

void cli_terminal_page_end(int fd, int pid)
{
    (void)close(fd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupt_flag = 1;
    if (interrupt_wake)
        interrupt_wake();
}

void cli_interrupt_catch(void (*wake)(void))
{
    interrupt_wake = wake;
    /* Without SA_RESTART, so that a blocked read or write returns. */
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupt_came(void)
{
    return interrupt_flag != 0;
}

void cli_interrupt_forget(void)
{
    interrupt_flag = 0;
}
