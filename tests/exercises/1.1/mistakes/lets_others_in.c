#include "signal_pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

enum { LAST_SIGNAL = 127 };

static int ends[2] = {-1, -1}; /* we read from the first and write into the second */
static bool caught[LAST_SIGNAL + 1];
static struct sigaction before[LAST_SIGNAL + 1]; /* for those that are caught */

int signal_pipe_open(void)
{
    if (pipe(ends) < 0)
        return -errno;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        return 0;
    int error = -errno;
    signal_pipe_close();
    return error;
}

static void note(int signal)
{
    int errno_before = errno;
    unsigned char number = (unsigned char)signal;
    ssize_t written = write(ends[1], &number, 1);
    (void)written; /* -1: the pipe is full, and this delivery is lost */
    errno = errno_before;
}

int signal_pipe_catch(int signal)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    if (signal <= 0 || signal > LAST_SIGNAL)
        return -EINVAL;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, caught[signal] ? NULL : &before[signal]) < 0)
        return -errno;
    caught[signal] = true;
    return 0;
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
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        if (caught[signal])
            sigaction(signal, &before[signal], NULL);
    for (int end = 0; end < 2; end++)
        close(ends[end]);
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        caught[signal] = false;
    ends[0] = ends[1] = -1;
}
