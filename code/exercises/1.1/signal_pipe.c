/* signal_pipe.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "signal_pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1}; /* we read from the first and write into the second */

int signal_pipe_open(void)
{
    if (pipe(ends) < 0)
        return -errno;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static void note(int signal)
{
    unsigned char number = (unsigned char)signal;
    ssize_t written = write(ends[1], &number, 1);
    (void)written;
}

int signal_pipe_catch(int signal)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

int signal_pipe_descriptor(void)
{
    return ends[0];
}

int signal_pipe_next(void)
{
    unsigned char number;
    return read(ends[0], &number, 1) == 1 ? number : 0;
}

void signal_pipe_close(void)
{
    close(ends[0]);
    close(ends[1]);
}
