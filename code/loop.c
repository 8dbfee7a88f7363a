/* loop.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "loop_private.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

int loop_call_soon(struct loop *loop, struct handle *handle)
{
    if (loop_is_traced(loop))
        loop_trace(loop, "soon %p", (void *)handle);
    if (loop->closed)
        return -EBADF;
    ring_append(&loop->ready, handle);
    return 0;
}

double loop_time(const struct loop *loop)
{
    struct timespec now;
    if (loop->clock != NULL)
        return loop->clock(loop->clock_context);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void loop_set_clock(struct loop *loop, double (*time)(void *context), void *context)
{
    loop->clock = time;
    loop->clock_context = context;
}

int loop_call_at(struct loop *loop, double when, struct timer_handle *timer)
{
    if (loop->closed)
        return -EBADF;
    if (isnan(when))
        return -EINVAL;
    int error = timer_heap_put(&loop->timers, when, timer);
    if (error)
        return error;
    ring_leave(&timer->handle);
    return 0;
}

int loop_call_later(struct loop *loop, double delay, struct timer_handle *timer)
{
    return loop_call_at(loop, loop_time(loop) + delay, timer);
}

static const double for_ever = -1, longest_wait = 24 * 60 * 60;

static double time_to_wait(const struct loop *loop)
{
    if (!ring_is_empty(&loop->ready) || loop->stopping)
        return 0;
    const struct timer_handle *first = timer_heap_first(&loop->timers);
    if (first == NULL)
        return for_ever;
    double wait = first->when - loop_time(loop);
    if (wait > longest_wait)
        return longest_wait;
    return wait > 0 ? wait : 0;
}

static const double clock_resolution = 1e-9;

static void queue_expired_timers(struct loop *loop)
{
    struct timer_handle *first = timer_heap_first(&loop->timers);
    if (first == NULL)
        return;
    double now = loop_time(loop);
    while (first != NULL && first->when - now < clock_resolution) {
        if (loop_is_traced(loop))
            loop_trace(loop, "due %p", (void *)&first->handle);
        timer_heap_remove(&loop->timers, first);
        ring_append(&loop->ready, &first->handle);
        first = timer_heap_first(&loop->timers);
    }
}

static void run_ready(struct loop *loop)
{
    struct handle batch, *handle;
    ring_begin(&batch);
    ring_move(&loop->ready, &batch);
    while ((handle = ring_take(&batch)) != NULL) {
        if (loop_is_traced(loop))
            loop_trace(loop, "call %p", (void *)handle);
        loop->calls_the_last = ring_is_empty(&batch);
        handle->function(handle->context);
    }
}

static int run_one_pass(struct loop *loop)
{
    if (loop_is_traced(loop))
        loop_trace(loop, "wait %g", time_to_wait(loop));
    int error = loop->selector->methods->select(loop->selector, time_to_wait(loop), loop);
    if (loop_is_traced(loop))
        loop_trace(loop, "woke");
    if (error)
        return error;
    queue_expired_timers(loop);
    run_ready(loop);
    return 0;
}

static int begin_run(struct loop *loop)
{
    if (loop->closed)
        return -EBADF;
    if (loop->running)
        return -EBUSY;
    wakeup_begin_run(loop);
    return 0;
}

static void end_run(struct loop *loop)
{
    loop->stopping = false;
    wakeup_end_run(loop);
}

int loop_run_forever(struct loop *loop)
{
    int error = begin_run(loop);
    if (error)
        return error;
    loop->passes_follow = true;
    do
        error = run_one_pass(loop);
    while (error == 0 && !loop->stopping);
    end_run(loop);
    return error;
}

int loop_run_once(struct loop *loop)
{
    int error = begin_run(loop);
    if (error)
        return error;
    loop->passes_follow = false;
    error = run_one_pass(loop);
    end_run(loop);
    return error;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

bool loop_is_running(const struct loop *loop)
{
    return loop->running;
}

bool loop_is_closed(const struct loop *loop)
{
    return loop->closed;
}

void loop_add_closer(struct loop *loop, struct handle *closer)
{
    ring_append(&loop->closers, closer);
}

void loop_remove_closer(struct handle *closer)
{
    ring_leave(closer);
}

static void run_closers(struct loop *loop)
{
    while (!ring_is_empty(&loop->closers)) {
        struct handle *closer = loop->closers.previous;
        ring_leave(closer);
        closer->function(closer->context);
    }
}

static void drop_scheduled(struct loop *loop)
{
    wakeup_take_in(loop);
    while (!ring_is_empty(&loop->ready))
        ring_take(&loop->ready);
    timer_heap_clear(&loop->timers);
}

int loop_close(struct loop *loop)
{
    if (loop->running)
        return -EBUSY;
    if (loop->closed)
        return 0;
    wakeup_refuse_all(loop);
    run_closers(loop);
    resolver_end(loop);
    loop_end_trace(loop);
    drop_scheduled(loop);
    if (loop->selector != NULL)
        loop->selector->methods->destroy(loop->selector);
    free(loop->watches);
    loop->selector = NULL;
    loop->watches = NULL;
    loop->watch_count = 0;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    assert(!loop->running);
    loop_close(loop);
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

static const struct selector_methods *const selectors[] = {
    &select_methods,
};

static struct selector *create_best_selector(void)
{
    struct selector *selector = NULL;
    for (size_t i = sizeof selectors / sizeof *selectors; i > 0 && selector == NULL; i--)
        selector = selectors[i - 1]->create();
    return selector;
}

static int begin_parts(struct loop *loop, const struct selector_methods *selector)
{
    int error = pthread_mutex_init(&loop->mutex, NULL);
    assert(error == 0); /* with default attributes it needs nothing that could be missing */
    loop->selector = selector != NULL ? selector->create() : create_best_selector();
    if (loop->selector == NULL)
        return -errno;
    loop->selector_name = loop->selector->methods->name;
    error = wakeup_begin(loop);
    if (error)
        return error;
    loop_begin_trace(loop);
    return 0;
}

struct loop *loop_create(const struct selector_methods *selector)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    ring_begin(&loop->ready);
    ring_begin(&loop->arriving);
    ring_begin(&loop->closers);
    int error = begin_parts(loop, selector);
    if (error) {
        loop_free(loop);
        errno = -error;
        return NULL;
    }
    return loop;
}

const char *loop_selector_name(const struct loop *loop)
{
    return loop->selector_name;
}
