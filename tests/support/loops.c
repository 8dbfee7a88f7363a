/* loops.c: loops whose exceptions and log lines are written into the trace, and ways to turn them. */
#include "loops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "kernel.h"
#include "peers.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

const char *error_name(const struct error *error)
{
    static char text[300];
    static const struct {
        int code;
        const char *name;
    } names[] = {{EPIPE, "EPIPE"}, {ECONNRESET, "ECONNRESET"}, {ECONNREFUSED, "ECONNREFUSED"},
        {EIO, "EIO"}, {ENOMEM, "ENOMEM"}, {ETIMEDOUT, "ETIMEDOUT"},
        {ECONNABORTED, "ECONNABORTED"}};
    if (error == NULL)
        return "None";
    if (error->domain == &error_os)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i].code == error->code)
                return names[i].name;
    snprintf(text, sizeof text, "%s", error->text);
    return text;
}

/* Which callback it was is left out. */
static void record_exception(struct loop *loop, const struct exception_context *context, void *unused)
{
    (void)loop;
    (void)unused;
    const char *message = context->message == NULL ? "" : context->message;
    if (strncmp(message, "Exception in callback", 21) == 0)
        message = "Exception in callback";
    if (context->exception == NULL)
        trace("EXH[%s]", message);
    else
        trace("EXH[%s|%s]", message, error_name(context->exception));
}

static void record_log(void *unused, enum log_level level, const char *text)
{
    (void)unused;
    if (level >= LOG_LEVEL_WARNING)
        trace("LOG[%s]", text);
}

void record_exceptions(struct loop *loop)
{
    loop_set_exception_handler(loop, record_exception, NULL);
    loop_set_log(loop, record_log, NULL);
}

struct loop *new_loop_with(const struct selector_methods *selector)
{
    struct loop *loop = loop_create(selector);
    REQUIRE(loop != NULL);
    record_exceptions(loop);
    return loop;
}

struct loop *new_loop(void)
{
    return new_loop_with(NULL);
}

void free_loop(struct loop *loop)
{
    loop_free(loop);
}

int pass(struct loop *loop)
{
    kernel_wait_at_most(0);
    int result = loop_run_once(loop);
    kernel_wait_at_most(-1);
    return result;
}

static bool found_nothing(void)
{
    return kernel_found() == 0 && kernel_asked_wait() != 0;
}

bool is_idle(struct loop *loop)
{
    CHECK_INT(pass(loop), 0);
    return found_nothing();
}

void settle(struct loop *loop)
{
    double end = now() + patience() / 2;
    int quiet = 0, busy = 0;
    while (quiet < 2) {
        if (now() > end) {
            FAIL("the loop never settles: it has come to %.300s", traced());
            return;
        }
        int result = pass(loop);
        if (result != 0) {
            FAIL("a pass ended with %d (%s)", result, strerror(-result));
            return;
        }
        if (!found_nothing()) {
            quiet = 0;
        } else if (kernel_moves_clock() && kernel_asked_wait() > 0) {
            quiet = 0; /* time has passed */
        } else if (bytes_are_under_way() && busy < 5) {
            busy++;
            const struct timespec moment = {.tv_nsec = 1000000};
            nanosleep(&moment, NULL);
            quiet = 0;
        } else {
            quiet++;
        }
    }
}

bool run_until(struct loop *loop, bool (*done)(void *), void *context)
{
    double end = now() + patience() / 2;
    while (!done(context)) {
        if (now() > end)
            return false;
        kernel_wait_at_most(0.2);
        int result = loop_run_once(loop);
        kernel_wait_at_most(-1);
        if (result != 0) {
            FAIL("a pass ended with %d (%s)", result, strerror(-result));
            return false;
        }
    }
    return true;
}

/* The trace is all of it, or has left the way that leads to it. */
static bool decided(void *expected)
{
    const char *text = traced();
    size_t length = strlen(text);
    if (strcmp(text, expected) == 0)
        return true;
    if (length > 0 && text[length - 1] == ')') /* a delivery may still grow */
        length--;
    return strncmp(text, expected, length) != 0;
}

void run_until_traced(struct loop *loop, const char *expected, const char *file, int line)
{
    char wanted[4000];
    snprintf(wanted, sizeof wanted, "%s", expected);
    if (run_until(loop, decided, wanted))
        settle(loop);
    check_text(traced(), wanted, "what happened", file, line);
}

static double fake_time(void *clock)
{
    return ((struct fake_clock *)clock)->now;
}

void use_fake_clock(struct loop *loop, struct fake_clock *clock, bool waits_on_it)
{
    loop_set_clock(loop, fake_time, clock);
    kernel_wait_on_clock(waits_on_it ? &clock->now : NULL);
}
