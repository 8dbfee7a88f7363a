/* Timers: their order, cancelling, moving, and how long the loop waits for them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "groups.h"
#include "kernel.h"
#include "loops.h"

static void timers_fire_in_the_order_of_their_times(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle a = TIMER_TRACES(".03"), b = TIMER_TRACES(".01"), c = TIMER_TRACES(".02");
    use_fake_clock(loop, &clock, true);
    CHECK_INT(loop_call_later(loop, .03, &a), 0);
    CHECK_INT(loop_call_later(loop, .01, &b), 0);
    CHECK_INT(loop_call_later(loop, .02, &c), 0);
    EXPECT(loop, ".01;.02;.03");
    free_loop(loop);
}

static void equal_times_are_first_come_first_served(void)
{
    enum { COUNT = 100 };
    static struct timer_handle timers[COUNT];
    static char names[COUNT][4];
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    char expected[COUNT * 4] = "";
    size_t length = 0;
    use_fake_clock(loop, &clock, false);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        timer_handle_init(&timers[i], trace_function, names[i]);
        CHECK_INT(loop_call_at(loop, 11, &timers[i]), 0);
        length += (size_t)snprintf(expected + length, sizeof expected - length, i == 0 ? "%d" : ";%d", i);
    }
    pass(loop);
    CHECK_TRACE("");
    clock.now = 11;
    pass(loop);
    CHECK_TRACE(expected);
    free_loop(loop);
}

static void delays_of_nothing_or_less_are_due_in_the_order_of_their_times(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle zero = TIMER_TRACES("z"), negative = TIMER_TRACES("n"), past = TIMER_TRACES("p");
    use_fake_clock(loop, &clock, false);
    CHECK_INT(loop_call_later(loop, 0, &zero), 0);
    CHECK_INT(loop_call_later(loop, -1, &negative), 0);
    CHECK_INT(loop_call_at(loop, 0, &past), 0);
    pass(loop);
    CHECK_TRACE("p;n;z");
    free_loop(loop);
}

static void what_is_queued_runs_before_a_timer_without_delay(void)
{
    struct loop *loop = new_loop();
    struct timer_handle timer = TIMER_TRACES("T");
    struct handle soon = TRACES("S");
    loop_call_later(loop, 0, &timer);
    loop_call_soon(loop, &soon);
    EXPECT(loop, "S;T");
    free_loop(loop);
}

struct starter {
    struct timer_handle timer;
    struct loop *loop;
    struct timer_handle *next;
    struct handle *soon;
};

static void start_more(void *context)
{
    struct starter *starter = context;
    trace("a");
    loop_call_later(starter->loop, 0, starter->next);
    loop_call_soon(starter->loop, starter->soon);
}

static void a_timer_started_by_a_timer_waits_for_the_next_pass(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle next = TIMER_TRACES("a0"), other = TIMER_TRACES("b");
    struct handle soon = TRACES("s");
    struct starter first = {.loop = loop, .next = &next, .soon = &soon};
    use_fake_clock(loop, &clock, false);
    timer_handle_init(&first.timer, start_more, &first);
    loop_call_later(loop, 0, &first.timer);
    loop_call_later(loop, 0, &other);
    pass(loop);
    CHECK_TRACE("a;b");
    pass(loop);
    CHECK_TRACE("a;b;s;a0");
    free_loop(loop);
}

static void a_cancelled_timer_does_not_fire_and_may_be_cancelled_twice(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle one = TIMER_TRACES("one"), two = TIMER_TRACES("two");
    use_fake_clock(loop, &clock, true);
    loop_call_later(loop, 1, &one);
    loop_call_later(loop, 2, &two);
    CHECK(timer_handle_when(&two) == 12);
    timer_handle_cancel(&one);
    timer_handle_cancel(&one);
    CHECK(handle_cancelled(&one.handle));
    EXPECT(loop, "two");
    timer_handle_cancel(&two);
    CHECK_TRACE("two");
    free_loop(loop);
}

struct killer {
    struct timer_handle timer;
    struct timer_handle *victim;
};

static void kill_victim(void *context)
{
    struct killer *killer = context;
    trace("killer");
    timer_handle_cancel(killer->victim);
}

static void a_timer_cancelled_by_another_of_the_same_pass_does_not_fire(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle victim = TIMER_TRACES("victim"), last = TIMER_TRACES("last");
    struct killer killer = {.victim = &victim};
    use_fake_clock(loop, &clock, false);
    timer_handle_init(&killer.timer, kill_victim, &killer);
    loop_call_at(loop, 1, &killer.timer);
    loop_call_at(loop, 2, &victim);
    loop_call_at(loop, 3, &last);
    pass(loop);
    CHECK_TRACE("killer;last");
    CHECK(is_idle(loop));
    free_loop(loop);
}

static void an_armed_timer_armed_again_is_moved(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    struct timer_handle a = TIMER_TRACES("a"), b = TIMER_TRACES("b"), c = TIMER_TRACES("c");
    use_fake_clock(loop, &clock, true);
    loop_call_at(loop, 1, &a);
    loop_call_at(loop, 2, &b);
    loop_call_at(loop, 3, &c);
    CHECK_INT(loop_call_at(loop, 4, &a), 0);
    CHECK_INT(loop_call_at(loop, 0.5, &c), 0);
    CHECK(timer_handle_when(&a) == 4);
    EXPECT(loop, "c;b;a");
    CHECK(clock.now >= 4);
    free_loop(loop);
}

static void postpone(void *context)
{
    struct starter *starter = context;
    trace("first");
    CHECK_INT(loop_call_at(starter->loop, 20, starter->next), 0);
}

static void a_due_timer_moved_by_an_earlier_one_waits_for_its_new_time(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle second = TIMER_TRACES("second");
    struct starter first = {.loop = loop, .next = &second};
    use_fake_clock(loop, &clock, false);
    timer_handle_init(&first.timer, postpone, &first);
    loop_call_at(loop, 1, &first.timer);
    loop_call_at(loop, 2, &second);
    pass(loop);
    CHECK_TRACE("first");
    CHECK(is_idle(loop));
    clock.now = 20;
    EXPECT(loop, "first;second");
    free_loop(loop);
}

static void a_timer_moved_to_an_equal_time_goes_to_the_back(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    struct timer_handle a = TIMER_TRACES("a"), b = TIMER_TRACES("b");
    use_fake_clock(loop, &clock, true);
    loop_call_at(loop, 1, &a);
    loop_call_at(loop, 1, &b);
    loop_call_at(loop, 1, &a);
    EXPECT(loop, "b;a");
    free_loop(loop);
}

struct periodic {
    struct timer_handle timer;
    struct loop *loop;
    int left;
};

static void tick(void *context)
{
    struct periodic *periodic = context;
    trace("%.0f", loop_time(periodic->loop));
    if (--periodic->left > 0)
        loop_call_later(periodic->loop, 1, &periodic->timer);
}

static void a_timer_may_arm_itself_again(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    struct periodic periodic = {.loop = loop, .left = 3};
    use_fake_clock(loop, &clock, true);
    timer_handle_init(&periodic.timer, tick, &periodic);
    loop_call_later(loop, 1, &periodic.timer);
    EXPECT(loop, "1;2;3");
    free_loop(loop);
}

static void free_timer(void *context)
{
    trace("freed");
    free(context);
}

static void a_timers_callback_may_free_it(void)
{
    struct loop *loop = new_loop();
    struct timer_handle *timer = malloc(sizeof *timer);
    REQUIRE(timer != NULL);
    timer_handle_init(timer, free_timer, timer);
    loop_call_later(loop, 0, timer);
    EXPECT(loop, "freed");
    free_loop(loop);
}

static void a_timer_fires_at_its_time_and_not_before(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle timer = TIMER_TRACES("t");
    use_fake_clock(loop, &clock, false);
    loop_call_at(loop, 11, &timer);
    clock.now = 10.999;
    pass(loop);
    CHECK_TRACE("");
    clock.now = 11;
    pass(loop);
    CHECK_TRACE("t");
    free_loop(loop);
}

static void the_loop_waits_as_long_as_the_next_timer_says(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle timer = TIMER_TRACES("t");
    use_fake_clock(loop, &clock, false);
    loop_call_later(loop, 7.5, &timer);
    pass(loop);
    CHECK(kernel_asked_wait() >= 7.5 && kernel_asked_wait() < 7.502);
    free_loop(loop);
}

static void waiting_for_a_timer_does_not_spin(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0.1};
    struct timer_handle timer = TIMER_TRACES("t");
    use_fake_clock(loop, &clock, true);
    for (int i = 0; i < 50; i++) {
        unsigned long before = kernel_count(KERNEL_WAIT);
        trace_clear();
        loop_call_later(loop, 0.0001 * (double)(i + 1) / 3, &timer);
        for (int j = 0; j < 10 && traced()[0] == '\0'; j++)
            CHECK_INT(loop_run_once(loop), 0);
        CHECK_TRACE("t");
        CHECK(kernel_count(KERNEL_WAIT) - before <= 2);
    }
    free_loop(loop);
}

static void a_cancelled_timer_does_not_wake_the_loop(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle soon = TIMER_TRACES("soon"), late = TIMER_TRACES("late");
    use_fake_clock(loop, &clock, false);
    loop_call_later(loop, 1, &soon);
    loop_call_later(loop, 5, &late);
    timer_handle_cancel(&soon);
    pass(loop);
    CHECK(kernel_asked_wait() >= 5);
    timer_handle_cancel(&late);
    pass(loop);
    CHECK(kernel_asked_wait() < 0);
    free_loop(loop);
}

static void a_wait_is_never_longer_than_a_day(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle century = TIMER_TRACES("century"), never = TIMER_TRACES("never");
    use_fake_clock(loop, &clock, false);
    CHECK_INT(loop_call_later(loop, 3.2e9, &century), 0);
    pass(loop);
    CHECK(kernel_asked_wait() > 86000 && kernel_asked_wait() <= 86400.01);
    CHECK_INT(loop_call_later(loop, INFINITY, &never), 0);
    timer_handle_cancel(&century);
    pass(loop);
    CHECK(kernel_asked_wait() < 0 || (kernel_asked_wait() > 86000 && kernel_asked_wait() <= 86400.01));
    CHECK_TRACE("");
    free_loop(loop);
}

static void a_time_long_before_all_others_is_due_at_once(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {10};
    struct timer_handle first = TIMER_TRACES("first"), zero = TIMER_TRACES("zero");
    use_fake_clock(loop, &clock, false);
    CHECK_INT(loop_call_at(loop, 0, &zero), 0);
    CHECK_INT(loop_call_at(loop, -INFINITY, &first), 0);
    pass(loop);
    CHECK_TRACE("first;zero");
    free_loop(loop);
}

static void a_time_that_is_no_number_is_refused(void)
{
    struct loop *loop = new_loop();
    struct timer_handle timer = TIMER_TRACES("t");
    CHECK_INT(loop_call_later(loop, NAN, &timer), -EINVAL);
    CHECK_INT(loop_call_at(loop, NAN, &timer), -EINVAL);
    CHECK(!handle_is_scheduled(&timer.handle));
    CHECK(is_idle(loop));
    CHECK_TRACE("");
    free_loop(loop);
}

static void no_memory_for_a_timer_is_an_error_and_harmless(void)
{
    enum { COUNT = 300 };
    static struct timer_handle timers[COUNT];
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    int refused = 0, fired = 0;
    use_fake_clock(loop, &clock, true);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1000000);
    for (int i = 0; i < COUNT; i++) {
        timer_handle_init(&timers[i], trace_function, "t");
        int result = loop_call_later(loop, COUNT - i, &timers[i]);
        CHECK(result == 0 || result == -ENOMEM);
        refused += result != 0;
    }
    kernel_fail(KERNEL_MEMORY, 0, 0, 0);
    CHECK(refused > 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(loop_call_later(loop, 1 + i, &timers[i]), 0);
    settle(loop);
    for (const char *text = traced(); *text != '\0'; text++)
        fired += *text == 't';
    CHECK_INT(fired, COUNT);
    free_loop(loop);
}

static void of_many_cancelled_timers_the_others_fire_in_order(void)
{
    enum { COUNT = 150 };
    static struct timer_handle timers[COUNT];
    static char names[COUNT][4];
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    use_fake_clock(loop, &clock, true);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        timer_handle_init(&timers[i], trace_function, names[i]);
        loop_call_later(loop, 1 + i, &timers[i]);
    }
    for (int i = 0; i < COUNT; i++)
        if (i % 30 != 0)
            timer_handle_cancel(&timers[i]);
    EXPECT(loop, "0;30;60;90;120");
    free_loop(loop);
}

static void cancelled_timers_do_not_pile_up(void)
{
    struct loop *loop = new_loop();
    static struct timer_handle timers[100];
    for (int i = 0; i < 100; i++) {
        timer_handle_init(&timers[i], trace_function, "t");
        loop_call_later(loop, 1000, &timers[i]);
    }
    size_t before = heap_bytes();
    for (int round = 0; round < 200; round++)
        for (int i = 0; i < 100; i++) {
            timer_handle_cancel(&timers[i]);
            loop_call_later(loop, 1000 + round, &timers[i]);
        }
    CHECK(heap_bytes() <= 2 * before);
    for (int i = 0; i < 100; i++)
        timer_handle_cancel(&timers[i]);
    pass(loop);
    CHECK(kernel_asked_wait() < 0);
    free_loop(loop);
}

/* Against a model: a list searched for its least time. */
enum { MODELLED = 64 };
static struct modelled {
    struct timer_handle timer;
    double when;
    long turn;
    bool armed;
    int index;
} modelled[MODELLED];
static int last_fired;

static void note_fired(void *context)
{
    last_fired = ((struct modelled *)context)->index;
    trace("%d", last_fired);
}

static bool comes_before(const struct modelled *one, const struct modelled *other)
{
    return one->when < other->when || (one->when == other->when && one->turn < other->turn);
}

static int least(void)
{
    int found = -1;
    for (int i = 0; i < MODELLED; i++) {
        const struct modelled *one = &modelled[i];
        if (one->armed && (found < 0 || comes_before(one, &modelled[found])))
            found = i;
    }
    return found;
}

static unsigned next_random(void)
{
    static unsigned state = 12345;
    state = state * 1103515245u + 12345u;
    return state >> 16;
}

static void two_thousand_random_changes_leave_the_timers_in_order(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {0};
    long turn = 0;
    use_fake_clock(loop, &clock, false);
    for (int i = 0; i < MODELLED; i++) {
        modelled[i] = (struct modelled){.index = i};
        timer_handle_init(&modelled[i].timer, note_fired, &modelled[i]);
    }
    for (int step = 0; step < 2000; step++) {
        struct modelled *one = &modelled[next_random() % MODELLED];
        if (next_random() % 3 == 0) {
            timer_handle_cancel(&one->timer);
            one->armed = false;
        } else {
            one->when = 1 + (double)(next_random() % 20);
            one->turn = turn++;
            one->armed = loop_call_at(loop, one->when, &one->timer) == 0;
        }
    }
    clock.now = 1000;
    char expected[MODELLED * 4] = "";
    size_t length = 0;
    for (int next = least(); next >= 0; next = least()) {
        length += (size_t)snprintf(expected + length, sizeof expected - length, length == 0 ? "%d" : ";%d", next);
        modelled[next].armed = false;
    }
    pass(loop);
    CHECK_TRACE(expected);
    free_loop(loop);
}

static void the_loops_clock_is_the_systems_monotonic_one(void)
{
    struct loop *loop = new_loop();
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    double time = loop_time(loop);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(time >= (double)before.tv_sec + (double)before.tv_nsec / 1e9 - 0.001);
    CHECK(time <= (double)after.tv_sec + (double)after.tv_nsec / 1e9 + 0.001);
    free_loop(loop);
}

static void a_given_clock_can_be_taken_back(void)
{
    struct loop *loop = new_loop();
    struct fake_clock clock = {-5};
    use_fake_clock(loop, &clock, false);
    CHECK(loop_time(loop) == -5);
    loop_set_clock(loop, NULL, NULL);
    CHECK(loop_time(loop) > 0);
    free_loop(loop);
}

static void stop_it(void *loop)
{
    loop_stop(loop);
}

static void on_the_real_clock_a_timer_is_not_early(void)
{
    struct loop *loop = new_loop();
    struct timer_handle timer;
    timer_handle_init(&timer, stop_it, loop);
    double start = loop_time(loop);
    loop_call_later(loop, 0.02, &timer);
    CHECK_INT(loop_run_forever(loop), 0);
    CHECK(loop_time(loop) - start >= 0.02 - 1e-6);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(timers_fire_in_the_order_of_their_times),
    TEST(equal_times_are_first_come_first_served),
    TEST(delays_of_nothing_or_less_are_due_in_the_order_of_their_times),
    TEST(what_is_queued_runs_before_a_timer_without_delay),
    TEST(a_timer_started_by_a_timer_waits_for_the_next_pass),
    TEST(a_cancelled_timer_does_not_fire_and_may_be_cancelled_twice),
    TEST(a_timer_cancelled_by_another_of_the_same_pass_does_not_fire),
    TEST(an_armed_timer_armed_again_is_moved),
    TEST(a_due_timer_moved_by_an_earlier_one_waits_for_its_new_time),
    TEST(a_timer_moved_to_an_equal_time_goes_to_the_back),
    TEST(a_timer_may_arm_itself_again),
    TEST(a_timers_callback_may_free_it),
    TEST(a_timer_fires_at_its_time_and_not_before),
    TEST(the_loop_waits_as_long_as_the_next_timer_says),
    TEST(waiting_for_a_timer_does_not_spin),
    TEST(a_cancelled_timer_does_not_wake_the_loop),
    TEST(a_wait_is_never_longer_than_a_day),
    TEST(a_time_long_before_all_others_is_due_at_once),
    TEST(a_time_that_is_no_number_is_refused),
    TEST(no_memory_for_a_timer_is_an_error_and_harmless),
    TEST(of_many_cancelled_timers_the_others_fire_in_order),
    TEST(cancelled_timers_do_not_pile_up),
    TEST(two_thousand_random_changes_leave_the_timers_in_order),
    TEST(the_loops_clock_is_the_systems_monotonic_one),
    TEST(a_given_clock_can_be_taken_back),
    TEST(on_the_real_clock_a_timer_is_not_early),
};
const struct test_group timer_group = TEST_GROUP("timers", tests);
