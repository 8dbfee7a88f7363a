/* Signals: counted, ordered, one loop each, and given back. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"
#include "loops.h"

static void deliveries_are_counted_and_come_after_what_was_queued(void)
{
    struct loop *loop = new_loop();
    struct handle soon = TRACES("S");
    CHECK_INT(loop_add_signal_handler(loop, SIGUSR1, trace_function, "USR1"), 0);
    loop_call_soon(loop, &soon);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    EXPECT(loop, "S;USR1;USR1");
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 1);
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 0);
    free_loop(loop);
}

static void different_signals_come_in_the_order_of_their_delivery(void)
{
    struct loop *loop = new_loop();
    CHECK_INT(loop_add_signal_handler(loop, SIGUSR1, trace_function, "USR1"), 0);
    CHECK_INT(loop_add_signal_handler(loop, SIGUSR2, trace_function, "USR2"), 0);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    EXPECT(loop, "USR2;USR1;USR2");
    free_loop(loop);
}

static void count_signal(void *context)
{
    ++*(int *)context;
}

static bool a_thousand(void *context)
{
    return *(int *)context >= 1000;
}

static void a_thousand_deliveries_are_a_thousand_calls(void)
{
    struct loop *loop = new_loop();
    int count = 0;
    loop_add_signal_handler(loop, SIGUSR1, count_signal, &count);
    for (int i = 0; i < 1000; i++)
        raise(SIGUSR1);
    CHECK(run_until(loop, a_thousand, &count));
    settle(loop);
    CHECK_INT(count, 1000);
    free_loop(loop);
}

static bool any(void *context)
{
    return *(int *)context > 0;
}

static void a_flood_of_signals_neither_blocks_nor_changes_errno(void)
{
    struct loop *loop = new_loop();
    int count = 0, flood = under_valgrind() ? 70000 : 150000;
    loop_add_signal_handler(loop, SIGUSR1, count_signal, &count);
    errno = EXDEV;
    for (int i = 0; i < flood; i++)
        raise(SIGUSR1);
    CHECK_INT(errno, EXDEV);
    CHECK(run_until(loop, any, &count));
    settle(loop);
    CHECK(count > 0 && count <= flood);
    free_loop(loop);
}

static void signals_that_cannot_be_handled_are_refused(void)
{
    struct loop *loop = new_loop();
    const int wrong[] = {0, -1, 1000, SIGKILL, SIGSTOP};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_INT(loop_add_signal_handler(loop, wrong[i], trace_function, "never"), -EINVAL);
    CHECK_INT(loop_remove_signal_handler(loop, 0), -EINVAL);
    CHECK_INT(loop_remove_signal_handler(loop, 1000), -EINVAL);
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 0);
    free_loop(loop);
}

static void a_second_handler_of_a_signal_replaces_the_first(void)
{
    struct loop *loop = new_loop();
    CHECK_INT(loop_add_signal_handler(loop, SIGUSR1, trace_function, "first"), 0);
    CHECK_INT(loop_add_signal_handler(loop, SIGUSR1, trace_function, "second"), 0);
    raise(SIGUSR1);
    EXPECT(loop, "second");
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 1);
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 0);
    free_loop(loop);
}

static void *send_signal(void *unused)
{
    (void)unused;
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void start_thread(void *thread)
{
    CHECK_INT(pthread_create(thread, NULL, send_signal, NULL), 0);
}

static void stop_loop(void *loop)
{
    trace("USR1");
    loop_stop(loop);
}

static void a_signal_wakes_a_waiting_loop(void)
{
    struct loop *loop = new_loop();
    pthread_t thread;
    struct handle start;
    loop_add_signal_handler(loop, SIGUSR1, stop_loop, loop);
    handle_init(&start, start_thread, &thread);
    loop_call_soon(loop, &start);
    CHECK_INT(loop_run_forever(loop), 0);
    pthread_join(thread, NULL);
    CHECK_TRACE("USR1");
    free_loop(loop);
}

static void a_signal_belongs_to_one_loop_at_a_time(void)
{
    struct loop *one = new_loop(), *two = new_loop();
    CHECK_INT(loop_add_signal_handler(one, SIGUSR1, trace_function, "one"), 0);
    CHECK_INT(loop_add_signal_handler(two, SIGUSR1, trace_function, "two"), -EBUSY);
    CHECK_INT(loop_remove_signal_handler(two, SIGUSR1), 0);
    raise(SIGUSR1);
    settle(two);
    EXPECT(one, "one");
    CHECK_INT(loop_remove_signal_handler(one, SIGUSR1), 1);
    CHECK_INT(loop_add_signal_handler(two, SIGUSR1, trace_function, "two"), 0);
    raise(SIGUSR1);
    settle(one);
    EXPECT(two, "one;two");
    free_loop(one);
    free_loop(two);
}

static void two_loops_have_a_signal_each(void)
{
    struct loop *one = new_loop(), *two = new_loop();
    loop_add_signal_handler(one, SIGUSR1, trace_function, "one");
    loop_add_signal_handler(two, SIGUSR2, trace_function, "two");
    raise(SIGUSR2);
    raise(SIGUSR1);
    EXPECT(one, "one");
    EXPECT(two, "one;two");
    free_loop(one);
    free_loop(two);
}

static bool is_default(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

static void removing_and_closing_give_the_signal_back(void)
{
    struct loop *loop = new_loop();
    loop_add_signal_handler(loop, SIGUSR1, trace_function, "1");
    loop_add_signal_handler(loop, SIGUSR2, trace_function, "2");
    CHECK(!is_default(SIGUSR1) && !is_default(SIGUSR2));
    loop_remove_signal_handler(loop, SIGUSR1);
    CHECK(is_default(SIGUSR1) && !is_default(SIGUSR2));
    CHECK_INT(loop_close(loop), 0);
    CHECK(is_default(SIGUSR2));
    free_loop(loop);
}

static void remove_usr1(void *loop)
{
    trace("USR1");
    CHECK_INT(loop_remove_signal_handler(loop, SIGUSR1), 1);
}

static void a_handler_may_remove_itself(void)
{
    struct loop *loop = new_loop();
    loop_add_signal_handler(loop, SIGUSR1, remove_usr1, loop);
    raise(SIGUSR1);
    EXPECT(loop, "USR1");
    CHECK(is_default(SIGUSR1));
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(deliveries_are_counted_and_come_after_what_was_queued),
    TEST(different_signals_come_in_the_order_of_their_delivery),
    TEST(a_thousand_deliveries_are_a_thousand_calls),
    TEST(a_flood_of_signals_neither_blocks_nor_changes_errno),
    TEST(signals_that_cannot_be_handled_are_refused),
    TEST(a_second_handler_of_a_signal_replaces_the_first),
    TEST(a_signal_wakes_a_waiting_loop),
    TEST(a_signal_belongs_to_one_loop_at_a_time),
    TEST(two_loops_have_a_signal_each),
    TEST(removing_and_closing_give_the_signal_back),
    TEST(a_handler_may_remove_itself),
};
const struct test_group signal_group = TEST_GROUP("signals", tests);
