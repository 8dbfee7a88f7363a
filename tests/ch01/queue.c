/* The ready queue: the order of callbacks, cancelling, stopping. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "groups.h"
#include "kernel.h"
#include "loops.h"
#include "peers.h"

/* A callback that does one thing to another handle. */
struct actor {
    struct handle handle;
    const char *name;
    struct loop *loop;
    struct handle *other;
    int times;
};

static void callbacks_run_in_the_order_they_were_queued(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("A"), b = TRACES("B"), c = TRACES("C");
    CHECK_INT(loop_call_soon(loop, &a), 0);
    CHECK_INT(loop_call_soon(loop, &b), 0);
    CHECK_INT(loop_call_soon(loop, &c), 0);
    CHECK_TRACE("");
    CHECK_INT(loop_run_once(loop), 0);
    CHECK_TRACE("A;B;C");
    free_loop(loop);
}

static void queue_other(void *context)
{
    struct actor *actor = context;
    trace("%s", actor->name);
    CHECK_INT(loop_call_soon(actor->loop, actor->other), 0);
}

static void what_a_callback_queues_waits_for_the_next_pass(void)
{
    struct loop *loop = new_loop();
    struct handle a2 = TRACES("a2"), b = TRACES("b");
    struct actor a = {{.function = queue_other, .context = &a}, "a", loop, &a2, 0};
    loop_call_soon(loop, &a.handle);
    loop_call_soon(loop, &b);
    pass(loop);
    CHECK_TRACE("a;b");
    pass(loop);
    CHECK_TRACE("a;b;a2");
    free_loop(loop);
}

static void a_pass_runs_the_queue_then_io_then_timers(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {100};
    struct handle soon = TRACES("S"), io = TRACES("io");
    struct timer_handle timer = TIMER_TRACES("t");
    int ends[2];
    unix_pair(ends);
    use_fake_clock(loop, &clock, false);
    CHECK_INT(loop_call_at(loop, 99, &timer), 0);
    CHECK_INT(loop_add_reader(loop, ends[0], &io), 0);
    peer_send(ends[1], "x");
    CHECK_INT(loop_call_soon(loop, &soon), 0);
    pass(loop);
    CHECK_TRACE("S;io;t");
    CHECK_INT(loop_remove_reader(loop, ends[0]), 1);
    free_loop(loop);
    close(ends[0]);
    close(ends[1]);
}

static void cancel_other(void *context)
{
    struct actor *actor = context;
    trace("%s", actor->name);
    handle_cancel(actor->other);
}

static void a_handle_cancelled_by_an_earlier_one_of_its_batch_does_not_run(void)
{
    struct loop *loop = new_loop();
    struct handle b = TRACES("b"), c = TRACES("c");
    struct actor a = {{.function = cancel_other, .context = &a}, "a", loop, &b, 0};
    loop_call_soon(loop, &a.handle);
    loop_call_soon(loop, &b);
    loop_call_soon(loop, &c);
    settle(loop);
    CHECK_TRACE("a;c");
    CHECK(handle_cancelled(&b));
    CHECK(!handle_is_scheduled(&b));
    free_loop(loop);
}

static void cancelling_twice_or_after_the_run_is_harmless(void)
{
    struct loop *loop = new_loop();
    struct handle never = TRACES("never"), a = TRACES("a");
    handle_cancel(&never);
    loop_call_soon(loop, &a);
    CHECK(handle_is_scheduled(&a));
    CHECK(!handle_cancelled(&a));
    pass(loop);
    CHECK(!handle_is_scheduled(&a));
    CHECK(!handle_cancelled(&a));
    handle_cancel(&a);
    handle_cancel(&a);
    CHECK(handle_cancelled(&a));
    CHECK_TRACE("a");
    free_loop(loop);
}

static void a_cancelled_handle_can_be_queued_again(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a"), b = TRACES("b");
    loop_call_soon(loop, &a);
    loop_call_soon(loop, &b);
    handle_cancel(&a);
    CHECK_INT(loop_call_soon(loop, &a), 0);
    CHECK(!handle_cancelled(&a));
    settle(loop);
    CHECK_TRACE("b;a");
    free_loop(loop);
}

static void run_again(void *context)
{
    struct actor *actor = context;
    trace("%s", actor->name);
    if (--actor->times > 0)
        CHECK_INT(loop_call_soon(actor->loop, &actor->handle), 0);
}

static void a_handle_may_queue_itself_once_a_pass(void)
{
    struct loop *loop = new_loop();
    struct actor a = {{.function = run_again, .context = &a}, "a", loop, NULL, 3};
    loop_call_soon(loop, &a.handle);
    pass(loop);
    CHECK_TRACE("a");
    pass(loop);
    CHECK_TRACE("a;a");
    pass(loop);
    CHECK_TRACE("a;a;a");
    CHECK(is_idle(loop));
    free_loop(loop);
}

static void spin(void *context)
{
    struct actor *actor = context;
    actor->times++;
    loop_call_soon(actor->loop, &actor->handle);
}

static void a_callback_that_queues_itself_for_ever_starves_neither_io_nor_timers(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    struct actor spinner = {{.function = spin, .context = &spinner}, "spin", loop, NULL, 0};
    struct handle io = TRACES("io");
    struct timer_handle timer = TIMER_TRACES("timer");
    int ends[2];
    unix_pair(ends);
    use_fake_clock(loop, &clock, false);
    loop_call_soon(loop, &spinner.handle);
    loop_add_reader(loop, ends[0], &io);
    loop_call_later(loop, 5, &timer);
    pass(loop);
    CHECK_TRACE("");
    peer_send(ends[1], "x");
    pass(loop);
    CHECK_TRACE("io");
    loop_remove_reader(loop, ends[0]);
    clock.now = 5;
    pass(loop);
    CHECK_TRACE("io;timer");
    CHECK_INT(spinner.times, 3);
    handle_cancel(&spinner.handle);
    free_loop(loop);
    close(ends[0]);
    close(ends[1]);
}

static void free_itself(void *context)
{
    trace("freed");
    free(context);
}

static void a_callback_may_free_its_own_handle(void)
{
    struct loop *loop = new_loop();
    struct handle after = TRACES("after");
    struct handle *handle = malloc(sizeof *handle);
    REQUIRE(handle != NULL);
    handle_init(handle, free_itself, handle);
    loop_call_soon(loop, handle);
    loop_call_soon(loop, &after);
    pass(loop);
    CHECK_TRACE("freed;after");
    free_loop(loop);
}

static void free_other(void *context)
{
    struct actor *actor = context;
    trace("%s", actor->name);
    handle_cancel(actor->other);
    free(actor->other);
}

static void a_callback_may_cancel_and_free_the_next_of_its_batch(void)
{
    struct loop *loop = new_loop();
    struct handle *next = malloc(sizeof *next), last = TRACES("last");
    REQUIRE(next != NULL);
    handle_init(next, trace_function, "next");
    struct actor first = {{.function = free_other, .context = &first}, "first", loop, next, 0};
    loop_call_soon(loop, &first.handle);
    loop_call_soon(loop, next);
    loop_call_soon(loop, &last);
    pass(loop);
    CHECK_TRACE("first;last");
    free_loop(loop);
}

static int queue_twice(void *context)
{
    struct handle handle = TRACES("twice");
    loop_call_soon(context, &handle);
    return loop_call_soon(context, &handle);
}

static void queueing_a_queued_handle_is_an_assertion(void)
{
    struct loop *loop = new_loop();
    char text[400];
    CHECK_INT(in_child(queue_twice, loop, text, sizeof text), -SIGABRT);
    CHECK_CONTAINS(text, "ssert");
    free_loop(loop);
}

static void queueing_allocates_nothing(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a");
    loop_call_soon(loop, &a);
    pass(loop);
    unsigned long before = heap_allocations();
    for (int i = 0; i < 100; i++) {
        loop_call_soon(loop, &a);
        pass(loop);
    }
    CHECK_INT(heap_allocations() - before, 0);
    free_loop(loop);
}

/* Stopping. */

static void stop_and_queue_other(void *context)
{
    struct actor *actor = context;
    trace("%s", actor->name);
    loop_stop(actor->loop);
    loop_call_soon(actor->loop, actor->other);
}

static void stop_lets_the_batch_finish_and_keeps_what_it_queued(void)
{
    struct loop *loop = new_loop();
    struct handle later = TRACES("later"), b = TRACES("b");
    struct actor a = {{.function = stop_and_queue_other, .context = &a}, "a", loop, &later, 0};
    loop_call_soon(loop, &a.handle);
    loop_call_soon(loop, &b);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("a;b");
    CHECK(handle_is_scheduled(&later));
    loop_stop(loop);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("a;b;later");
    free_loop(loop);
}

static void stopping_before_running_gives_one_pass(void)
{
    struct loop *loop = new_loop();
    struct handle a2 = TRACES("a2"), b = TRACES("b");
    struct actor a = {{.function = queue_other, .context = &a}, "a", loop, &a2, 0};
    loop_call_soon(loop, &a.handle);
    loop_call_soon(loop, &b);
    loop_stop(loop);
    loop_stop(loop);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("a;b");
    loop_stop(loop);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("a;b;a2");
    free_loop(loop);
}

static void a_stopping_loop_does_not_wait(void)
{
    struct loop *loop = new_loop();
    loop_stop(loop);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK(kernel_asked_wait() == 0);
    free_loop(loop);
}

static void stop_the_loop(void *loop)
{
    trace("stop");
    loop_stop(loop);
}

static void a_timer_or_a_reader_may_stop_the_loop(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    struct timer_handle timer;
    struct handle reader;
    int ends[2];
    unix_pair(ends);
    use_fake_clock(loop, &clock, true);
    timer_handle_init(&timer, stop_the_loop, loop);
    loop_call_later(loop, 3, &timer);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("stop");
    handle_init(&reader, stop_the_loop, loop);
    loop_add_reader(loop, ends[0], &reader);
    peer_send(ends[1], "x");
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("stop;stop");
    free_loop(loop);
    close(ends[0]);
    close(ends[1]);
}

static void run_inside(void *loop)
{
    CHECK(loop_is_running(loop));
    CHECK_INT(loop_run_forever(loop), -EBUSY);
    CHECK_INT(loop_run_once(loop), -EBUSY);
    CHECK_INT(loop_close(loop), -EBUSY);
    CHECK(loop_is_running(loop));
    CHECK(!loop_is_closed(loop));
    trace("refused");
}

static void a_running_loop_is_neither_run_again_nor_closed(void)
{
    struct loop *loop = new_loop();
    struct handle a, b = TRACES("b");
    handle_init(&a, run_inside, loop);
    loop_call_soon(loop, &a);
    loop_call_soon(loop, &b);
    loop_stop(loop);
    CHECK(!loop_is_running(loop));
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK(!loop_is_running(loop));
    CHECK_TRACE("refused;b");
    free_loop(loop);
}

static void run_once_makes_one_pass_and_leaves_the_rest(void)
{
    struct loop *loop = new_loop();
    struct handle a2 = TRACES("a2");
    struct actor a = {{.function = queue_other, .context = &a}, "a", loop, &a2, 0};
    loop_call_soon(loop, &a.handle);
    CHECK_INT(loop_run_once(loop), 0);
    CHECK_TRACE("a");
    CHECK_INT(loop_run_once(loop), 0);
    CHECK_TRACE("a;a2");
    free_loop(loop);
}

static void a_stop_during_run_once_is_over_when_it_returns(void)
{
    struct loop *loop = new_loop();
    struct handle a, b = TRACES("b");
    struct timer_handle end;
    handle_init(&a, stop_the_loop, loop);
    loop_call_soon(loop, &a);
    CHECK_INT(loop_run_once(loop), 0);
    timer_handle_init(&end, stop_the_loop, loop);
    loop_call_soon(loop, &b);
    loop_call_later(loop, 0.001, &end);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK_TRACE("stop;b;stop");
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(callbacks_run_in_the_order_they_were_queued),
    TEST(what_a_callback_queues_waits_for_the_next_pass),
    TEST(a_pass_runs_the_queue_then_io_then_timers),
    TEST(a_handle_cancelled_by_an_earlier_one_of_its_batch_does_not_run),
    TEST(cancelling_twice_or_after_the_run_is_harmless),
    TEST(a_cancelled_handle_can_be_queued_again),
    TEST(a_handle_may_queue_itself_once_a_pass),
    TEST(a_callback_that_queues_itself_for_ever_starves_neither_io_nor_timers),
    TEST(a_callback_may_free_its_own_handle),
    TEST(a_callback_may_cancel_and_free_the_next_of_its_batch),
    TEST(queueing_a_queued_handle_is_an_assertion),
    TEST(queueing_allocates_nothing),
    TEST(stop_lets_the_batch_finish_and_keeps_what_it_queued),
    TEST(stopping_before_running_gives_one_pass),
    TEST(a_stopping_loop_does_not_wait),
    TEST(a_timer_or_a_reader_may_stop_the_loop),
    TEST(a_running_loop_is_neither_run_again_nor_closed),
    TEST(run_once_makes_one_pass_and_leaves_the_rest),
    TEST(a_stop_during_run_once_is_over_when_it_returns),
};
const struct test_group queue_group = TEST_GROUP("the ready queue", tests);
