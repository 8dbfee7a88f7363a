/* signals.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "signals.h"
#include "loop_private.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIGNAL_END = 128 }; /* more than any system has; a number fits a byte */

struct signal_handler {
    void (*function)(void *context);
    void *context;
};

struct signals {
    struct signal_handler handlers[SIGNAL_END];
    unsigned char noted[SIGNALS_A_PASS];
    size_t noted_count;
    struct handle delivery, closer;
};

/* By signal: one more than the write end that hears of it; 0: nobody does. The only variable of
   the library that is not part of a loop, because a signal handler has no argument of its own. */
static atomic_int listener_of[SIGNAL_END];

static void catch_signal(int signal)
{
    int errno_before = errno;
    unsigned char byte = (unsigned char)signal;
    int write_end = atomic_load(&listener_of[signal]) - 1;
    ssize_t written = write_end >= 0 ? write(write_end, &byte, 1) : 0;
    (void)written; /* -1: the pipe is full, and this delivery is lost */
    errno = errno_before;
}

int signals_listen(struct loop *loop, int signal)
{
    struct sigaction action = {.sa_handler = catch_signal, .sa_flags = SA_RESTART};
    int holder = 0, ours = loop->wakeup[1] + 1;
    bool added = atomic_compare_exchange_strong(&listener_of[signal], &holder, ours);
    if (!added && holder != ours)
        return -EBUSY;
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) == 0)
        return 0;
    int error = -errno;
    if (added)
        atomic_store(&listener_of[signal], 0);
    return error;
}

void signals_ignore(struct loop *loop, int signal)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    if (atomic_load(&listener_of[signal]) != loop->wakeup[1] + 1)
        return;
    sigaction(signal, &action, NULL);
    atomic_store(&listener_of[signal], 0);
}

void signals_note(struct loop *loop, const unsigned char *bytes, size_t count)
{
    struct signals *signals = loop->signals;
    if (signals == NULL)
        return;
    assert(signals->noted_count == 0 && count <= SIGNALS_A_PASS);
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            signals->noted[signals->noted_count++] = bytes[i];
    if (signals->noted_count > 0)
        loop_call_soon(loop, &signals->delivery);
}

static void deliver(void *context)
{
    struct loop *loop = context;
    struct signals *signals = loop->signals;
    for (size_t i = 0; i < signals->noted_count; i++) {
        int signal = signals->noted[i];
        if (signal == SIGCHLD)
            child_watch_look(loop);
        const struct signal_handler *handler = &signals->handlers[signal];
        if (handler->function != NULL)
            handler->function(handler->context);
    }
    signals->noted_count = 0;
}

static void close_signals(void *context)
{
    struct loop *loop = context;
    for (int signal = 1; signal < SIGNAL_END; signal++)
        signals_ignore(loop, signal);
    ring_leave(&loop->signals->delivery);
    free(loop->signals);
    loop->signals = NULL;
}

static int begin_signals(struct loop *loop)
{
    struct signals *signals = calloc(1, sizeof *signals);
    if (signals == NULL)
        return -ENOMEM;
    handle_init(&signals->delivery, deliver, loop);
    handle_init(&signals->closer, close_signals, loop);
    loop_add_closer(loop, &signals->closer);
    loop->signals = signals;
    return 0;
}

int loop_add_signal_handler(struct loop *loop, int signal, void (*function)(void *context),
    void *context)
{
    if (loop->closed)
        return -EBADF;
    if (signal <= 0 || signal >= SIGNAL_END || function == NULL)
        return -EINVAL;
    int error = loop->signals != NULL ? 0 : begin_signals(loop);
    if (error == 0)
        error = signals_listen(loop, signal);
    if (error)
        return error;
    loop->signals->handlers[signal] = (struct signal_handler){function, context};
    return 0;
}

int loop_remove_signal_handler(struct loop *loop, int signal)
{
    if (signal <= 0 || signal >= SIGNAL_END)
        return -EINVAL;
    if (loop->signals == NULL || loop->signals->handlers[signal].function == NULL)
        return 0;
    loop->signals->handlers[signal].function = NULL;
    bool still_wanted = false;
    still_wanted = signal == SIGCHLD && loop->wants_sigchld;
    if (!still_wanted)
        signals_ignore(loop, signal);
    return 1;
}

int signals_listen_quietly(struct loop *loop, int signal)
{
    int error = loop->signals != NULL ? 0 : begin_signals(loop);
    return error ? error : signals_listen(loop, signal);
}
