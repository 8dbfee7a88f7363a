/* wakeup.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "descriptor.h"
#include "loop_private.h"
#include "signals.h"
#include <errno.h>
#include <unistd.h>

static void wake(const struct loop *loop)
{
    const unsigned char no_signal = 0;
    ssize_t written = write(loop->wakeup[1], &no_signal, 1);
    (void)written; /* -1: the pipe is full, so the loop wakes without this byte */
}

static bool is_this_thread(const struct loop *loop)
{
    return loop->running && pthread_equal(loop->thread, pthread_self());
}

int loop_call_soon_threadsafe(struct loop *loop, struct handle *handle)
{
    int error = 0;
    pthread_mutex_lock(&loop->mutex);
    if (loop->closed) {
        error = -EBADF;
    } else {
        bool asleep = ring_is_empty(&loop->arriving);
        ring_append(&loop->arriving, handle);
        if (is_this_thread(loop))
            ring_move(&loop->arriving, &loop->ready);
        else if (asleep)
            wake(loop);
    }
    pthread_mutex_unlock(&loop->mutex);
    return error;
}

void wakeup_take_in(struct loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    ring_move(&loop->arriving, &loop->ready);
    pthread_mutex_unlock(&loop->mutex);
}

bool loop_cancel_threadsafe(struct loop *loop, struct handle *handle)
{
    pthread_mutex_lock(&loop->mutex);
    bool was_scheduled = handle_is_scheduled(handle);
    handle_cancel(handle);
    pthread_mutex_unlock(&loop->mutex);
    return was_scheduled;
}

void wakeup_begin_run(struct loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->running = true;
    loop->thread = pthread_self();
    ring_move(&loop->arriving, &loop->ready);
    pthread_mutex_unlock(&loop->mutex);
}

void wakeup_end_run(struct loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->running = false;
    pthread_mutex_unlock(&loop->mutex);
}

void wakeup_refuse_all(struct loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->closed = true;
    pthread_mutex_unlock(&loop->mutex);
}

static void read_wakeups(void *context)
{
    struct loop *loop = context;
    unsigned char bytes[SIGNALS_A_PASS];
    ssize_t count = read(loop->wakeup[0], bytes, sizeof bytes);
    if (count > 0)
        signals_note(loop, bytes, (size_t)count);
    wakeup_take_in(loop);
}

static int make_harmless(const int ends[2])
{
    for (int i = 0; i < 2; i++) {
        int error = descriptor_make_nonblocking(ends[i]);
        if (error == 0)
            error = descriptor_make_close_on_exec(ends[i]);
        if (error)
            return error;
    }
    return 0;
}

static void close_wakeup(void *context)
{
    struct loop *loop = context;
    loop_unwatch_reader(loop, loop->wakeup[0]);
    close(loop->wakeup[0]);
    close(loop->wakeup[1]);
}

int wakeup_begin(struct loop *loop)
{
    handle_init(&loop->wakeup_reader, read_wakeups, loop);
    handle_init(&loop->wakeup_closer, close_wakeup, loop);
    if (pipe(loop->wakeup) < 0)
        return -errno;
    loop_add_closer(loop, &loop->wakeup_closer);
    int error = make_harmless(loop->wakeup);
    return error ? error : loop_watch_reader(loop, loop->wakeup[0], &loop->wakeup_reader);
}
