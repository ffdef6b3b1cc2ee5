/* A signalfd: no code runs inside a signal handler. */
#include "app/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signals_on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct signals *signals = watch->owner;
    struct signalfd_siginfo info;
    while (watch->fd >= 0 && read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->on_signal(signals->owner, (int)info.ssi_signo);
}

bool signals_open(struct signals *signals, struct loop *loop, void (*on_signal)(void *owner, int signal), void *owner,
                  struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_errno(err, "watch signals");
    *signals = (struct signals){
        .loop = loop,
        .watch = {.fd = fd, .on_ready = signals_on_ready, .owner = signals},
        .on_signal = on_signal,
        .owner = owner,
    };
    /* POLLIN is the loop's EPOLLIN. */
    if (loop_watch_add(loop, &signals->watch, POLLIN, err))
        return true;
    close(fd);
    signals->watch.fd = -1;
    return false;
}

void signals_close(struct signals *signals)
{
    if (!signals->loop || signals->watch.fd < 0)
        return;
    loop_watch_remove(signals->loop, &signals->watch);
    close(signals->watch.fd);
    signals->watch.fd = -1;
}
