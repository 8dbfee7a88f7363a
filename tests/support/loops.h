/* loops.h: loops whose exceptions and log lines are written into the trace, and ways to turn them. */
#ifndef LOOPS_H
#define LOOPS_H
#include "loop.h"
#include "suite.h"

/* Initialisers of handles that write `text` into the trace. */
#define TRACES(text) \
    { \
        .function = trace_function, .context = (text) \
    }
#define TIMER_TRACES(text) \
    { \
        .handle = TRACES(text) \
    }

/* A loop with the selector that users get. What its exception handler hears becomes EXH[message|error], and what it
   logs LOG[text]. The tests' own end is free_loop. */
struct loop *new_loop(void);
struct loop *new_loop_with(const struct selector_methods *selector);
void free_loop(struct loop *loop);
void record_exceptions(struct loop *loop);

/* One pass that waits for nothing. */
int pass(struct loop *loop);
/* Passes until nothing is ready, nothing is queued and the kernel has nothing under way between the test's sockets. */
void settle(struct loop *loop);
/* Passes, waiting for events, until the trace says `expected`; then settles, and checks that it still does. */
void run_until_traced(struct loop *loop, const char *expected, const char *file, int line);
#define EXPECT(loop, expected) run_until_traced((loop), (expected), __FILE__, __LINE__)
/* Passes, waiting for events, until `done(context)`. False when it takes too long. */
bool run_until(struct loop *loop, bool (*done)(void *), void *context);
/* The next pass finds nothing to do and would wait. */
bool is_idle(struct loop *loop);

/* A clock that stands still; with `waits_on_it`, waiting moves it and takes no time. */
struct fake_clock {
    double now;
};
void use_fake_clock(struct loop *loop, struct fake_clock *clock, bool waits_on_it);

/* "ECONNRESET", "None" for NULL, the text of errors that are not the system's. In a static buffer, until the next. */
const char *error_name(const struct error *error);
#endif
