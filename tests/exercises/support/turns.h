/* turns.h: turning a loop in a test of an exercise. */
#ifndef TURNS_H
#define TURNS_H
#include <stdbool.h>

#include "grader.h"
#include "loop.h"

static inline void turns_nothing(void *unused)
{
    (void)unused;
}

/* One pass, which waits so long at most for something to happen. */
static inline void turn_within(struct loop *loop, double seconds)
{
    struct timer_handle pulse;
    timer_handle_init(&pulse, turns_nothing, NULL);
    loop_call_later(loop, seconds, &pulse);
    loop_run_once(loop);
    timer_handle_cancel(&pulse);
}

/* Passes, waiting for events, until `*holds`; false when the seconds are over. */
static inline bool turn_until(struct loop *loop, const bool *holds, double seconds)
{
    double end = seconds_now() + seconds;
    while (!*holds && seconds_now() < end)
        turn_within(loop, 0.02);
    return *holds;
}

/* Passes for so long, whatever happens. */
static inline void turn_for(struct loop *loop, double seconds)
{
    double end = seconds_now() + seconds;
    while (seconds_now() < end)
        turn_within(loop, end - seconds_now());
}
#endif
