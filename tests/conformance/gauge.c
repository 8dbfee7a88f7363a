/* The loop's selector under test, wrapped: it says whether a pass had anything to do, and where the loop would wait for
   a timer it moves the fake clock on instead. */
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { MOST_FDS = 1024,
    MANY_PASSES = 2000 };
static const double clock_surplus = 1e-6; /* a clock that jumps to a timer lands a little behind it, never before */

struct gauge {
    struct selector selector;
    struct selector *inner;
    unsigned interest[MOST_FDS];
};

static struct selector *gauge_create(void)
{
    struct gauge *gauge = calloc(1, sizeof *gauge);
    if (gauge == NULL)
        return NULL;
    gauge->selector.methods = &gauge_methods;
    gauge->inner = select_methods.create();
    if (gauge->inner == NULL) {
        free(gauge);
        return NULL;
    }
    return &gauge->selector;
}

static int gauge_modify(struct selector *selector, int fd, unsigned before, unsigned now)
{
    struct gauge *gauge = (struct gauge *)selector;
    int result = select_methods.modify(gauge->inner, fd, before, now);
    if (result == 0 && fd >= 0 && fd < MOST_FDS)
        gauge->interest[fd] = now;
    return result;
}

static bool anything_ready(const struct gauge *gauge)
{
    struct pollfd fds[MOST_FDS];
    nfds_t count = 0;
    for (int fd = 0; fd < MOST_FDS; fd++) {
        unsigned wanted = gauge->interest[fd];
        if (wanted != 0)
            fds[count++] = (struct pollfd){
                .fd = fd,
                .events = (short)((wanted & SELECT_READ ? POLLIN : 0) | (wanted & SELECT_WRITE ? POLLOUT : 0))};
    }
    return count > 0 && poll(fds, count, 0) > 0;
}

static int gauge_select(struct selector *selector, double timeout, struct loop *loop)
{
    struct gauge *gauge = (struct gauge *)selector;
    bool ready = anything_ready(gauge);
    run.had_work = ready || timeout == 0;
    if (ready || timeout == 0 || run.no_waiting || carry())
        return select_methods.select(gauge->inner, 0, loop);
    if (timeout < 0)
        sem_post(&run.idle);
    if (timeout < 0 || run.scenario->real_clock)
        return select_methods.select(gauge->inner, timeout, loop);
    run.now += timeout + clock_surplus;
    return 0;
}

static void gauge_destroy(struct selector *selector)
{
    struct gauge *gauge = (struct gauge *)selector;
    select_methods.destroy(gauge->inner);
    free(gauge);
}

const struct selector_methods gauge_methods = {
    .name = "gauge",
    .create = gauge_create,
    .modify = gauge_modify,
    .select = gauge_select,
    .destroy = gauge_destroy,
};

bool one_pass(void)
{
    run.no_waiting = true;
    run.had_work = false;
    loop_run_once(run.loop);
    run.no_waiting = false;
    return run.had_work;
}

void settle(void)
{
    for (int i = 0; i < MANY_PASSES; i++) {
        carry();
        if (!one_pass() && !carry())
            return;
    }
    emit("never settles");
}

bool gauge_readable(int fd, int milliseconds)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, milliseconds) > 0;
}
