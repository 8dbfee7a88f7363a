/* quiet_write.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "quiet_write.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static bool sigpipe_waits(void)
{
    sigset_t waiting;
    sigemptyset(&waiting);
    sigpending(&waiting);
    return sigismember(&waiting, SIGPIPE) == 1;
}

ssize_t quiet_writev(int fd, const struct iovec *buffers, int count)
{
    sigset_t sigpipe, before;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    bool waited = sigismember(&before, SIGPIPE) && sigpipe_waits();
    ssize_t written = writev(fd, buffers, count);
    int error = errno;
    if (written < 0 && error == EPIPE && !waited && sigpipe_waits()) {
        int taken;
        sigwait(&sigpipe, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}
