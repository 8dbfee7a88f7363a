/* How late two clocks of 2 ms get: one arms its next tick from the time of the last one, the other from now. A line for
   every tenth tick: its number, and by how many milliseconds each was late, counted from the beginning. */
#include "loop.h"
#include <stdio.h>

enum { TICKS = 500, SHOWN = 10 };
static const double PACE = 0.002;

struct metronome {
    struct timer_handle tick;
    double began, late[TICKS + 1];
    int ticks;
};

struct both {
    struct loop *loop;
    struct metronome from_the_last, from_now;
};

static void note(struct both *both, struct metronome *metronome)
{
    metronome->ticks++;
    metronome->late[metronome->ticks] = 1000 * (loop_time(both->loop) - metronome->began - metronome->ticks * PACE);
    if (both->from_the_last.ticks == TICKS && both->from_now.ticks == TICKS)
        loop_stop(both->loop);
}

static void tick_from_the_last(void *context)
{
    struct both *both = context;
    struct timer_handle *tick = &both->from_the_last.tick;
    note(both, &both->from_the_last);
    if (both->from_the_last.ticks < TICKS)
        loop_call_at(both->loop, timer_handle_when(tick) + PACE, tick);
}

static void tick_from_now(void *context)
{
    struct both *both = context;
    note(both, &both->from_now);
    if (both->from_now.ticks < TICKS)
        loop_call_later(both->loop, PACE, &both->from_now.tick);
}

static void begin(struct both *both, struct metronome *metronome, void (*tick)(void *context))
{
    timer_handle_init(&metronome->tick, tick, both);
    metronome->began = loop_time(both->loop);
    loop_call_later(both->loop, PACE, &metronome->tick);
}

int main(void)
{
    static struct both both;
    both.loop = loop_create(NULL);
    if (both.loop == NULL) {
        perror("pace: loop_create");
        return 1;
    }
    begin(&both, &both.from_the_last, tick_from_the_last);
    begin(&both, &both.from_now, tick_from_now);
    int error = loop_run_forever(both.loop);
    for (int i = SHOWN; i <= TICKS; i += SHOWN)
        printf("%3d %7.2f %7.2f\n", i, both.from_the_last.late[i], both.from_now.late[i]);
    loop_free(both.loop);
    return error ? 1 : 0;
}
