/* Futures, and running the loop until one is done. */
#include "future.h"

#include <errno.h>

#include "error.h"
#include "groups.h"
#include "loops.h"

static void a_pending_future_has_neither_result_nor_exception(void)
{
    struct loop *loop = new_loop();
    struct future future;
    void *result = &future;
    future_init(&future, loop);
    CHECK(!future_done(&future));
    CHECK(!future_cancelled(&future));
    CHECK_INT(future_result(&future, &result), -EAGAIN);
    CHECK(result == &future);
    CHECK(future_exception(&future) == NULL);
    future_destroy(&future);
    free_loop(loop);
}

static void a_future_is_completed_once(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct error *error = error_from_errno(EIO);
    int value = 7, other = 8;
    void *result = NULL;
    future_init(&future, loop);
    CHECK_INT(future_set_result(&future, &value), 0);
    CHECK_INT(future_set_result(&future, &other), -EALREADY);
    CHECK_INT(future_set_exception(&future, error), -EALREADY);
    CHECK(!future_cancel(&future));
    CHECK_INT(future_result(&future, &result), 0);
    CHECK(result == &value);
    CHECK_INT(future_result(&future, NULL), 0);
    CHECK(future_exception(&future) == NULL);
    CHECK(future_done(&future) && !future_cancelled(&future));
    future_destroy(&future);
    error_release(error);
    free_loop(loop);
}

static void a_cancelled_future_is_done_and_stays_cancelled(void)
{
    struct loop *loop = new_loop();
    struct future future;
    future_init(&future, loop);
    CHECK(future_cancel(&future));
    CHECK(!future_cancel(&future));
    CHECK(future_done(&future) && future_cancelled(&future));
    CHECK_INT(future_set_result(&future, NULL), -EALREADY);
    CHECK_INT(future_result(&future, NULL), -ECANCELED);
    const struct error *error = future_exception(&future);
    CHECK(error != NULL && error->domain == &error_cancelled);
    future_destroy(&future);
    CHECK_TRACE("");
    free_loop(loop);
}

static void an_exception_comes_back_as_a_code(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct error *refused = error_from_errno(ECONNREFUSED), *own = error_new(&error_application, 3, "own");
    future_init(&future, loop);
    CHECK_INT(future_set_exception(&future, refused), 0);
    CHECK_INT(future_result(&future, NULL), -ECONNREFUSED);
    CHECK(future_exception(&future) == refused);
    future_destroy(&future);
    future_init(&future, loop);
    CHECK_INT(future_set_exception(&future, own), 0);
    CHECK_INT(future_result(&future, NULL), -EPROTO);
    CHECK(error_is(future_exception(&future), &error_application, 3));
    future_destroy(&future);
    error_release(refused);
    error_release(own);
    free_loop(loop);
}

struct adder {
    struct handle handle;
    struct future *future;
    struct handle *more;
};

static void add_more(void *context)
{
    struct adder *adder = context;
    trace("cb2");
    CHECK_INT(future_add_done_callback(adder->future, adder->more), 0);
}

static void callbacks_are_queued_in_their_order_and_never_called_at_once(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle one = TRACES("cb1"), three = TRACES("cb3"), four = TRACES("cb4");
    struct adder two = {.future = &future, .more = &four};
    handle_init(&two.handle, add_more, &two);
    future_init(&future, loop);
    CHECK_INT(future_add_done_callback(&future, &one), 0);
    CHECK_INT(future_add_done_callback(&future, &two.handle), 0);
    CHECK_INT(future_set_result(&future, NULL), 0);
    trace("set");
    CHECK_INT(future_add_done_callback(&future, &three), 0);
    CHECK_TRACE("set");
    pass(loop);
    CHECK_TRACE("set;cb1;cb2;cb3");
    pass(loop);
    CHECK_TRACE("set;cb1;cb2;cb3;cb4");
    future_destroy(&future);
    free_loop(loop);
}

static void cancelling_and_failing_queue_the_callbacks_too(void)
{
    struct loop *loop = new_loop();
    struct future one, two;
    struct handle a = TRACES("cancelled"), b = TRACES("failed");
    struct error *error = error_from_errno(EIO);
    future_init(&one, loop);
    future_init(&two, loop);
    future_add_done_callback(&one, &a);
    future_add_done_callback(&two, &b);
    future_cancel(&one);
    future_set_exception(&two, error);
    CHECK_TRACE("");
    EXPECT(loop, "cancelled;failed");
    CHECK(future_exception(&two) == error);
    future_destroy(&one);
    future_destroy(&two);
    error_release(error);
    free_loop(loop);
}

static void two_callbacks_with_one_function_are_both_called(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle one = TRACES("same"), two = TRACES("same");
    future_init(&future, loop);
    future_add_done_callback(&future, &one);
    future_add_done_callback(&future, &two);
    future_set_result(&future, NULL);
    EXPECT(loop, "same;same");
    future_destroy(&future);
    free_loop(loop);
}

static void note_a(void *unused)
{
    (void)unused;
    trace("a");
}

static void note_b(void *unused)
{
    (void)unused;
    trace("b");
}

static void removing_a_callback_removes_all_its_equals(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle a1 = {.function = note_a}, b1 = {.function = note_b}, a2 = {.function = note_a},
                  b2 = {.function = note_b};
    future_init(&future, loop);
    future_add_done_callback(&future, &a1);
    future_add_done_callback(&future, &b1);
    future_add_done_callback(&future, &a2);
    CHECK_INT(future_remove_done_callback(&future, note_a, &future), 0);
    CHECK_INT(future_remove_done_callback(&future, note_a, NULL), 2);
    CHECK_INT(future_remove_done_callback(&future, note_a, NULL), 0);
    future_add_done_callback(&future, &b2);
    future_set_result(&future, NULL);
    EXPECT(loop, "b;b");
    future_destroy(&future);
    free_loop(loop);
}

static void report_trouble(void *loop)
{
    struct error *error = error_new(&error_application, 1, "bad");
    const struct exception_context context = {.message = "Exception in callback", .exception = error};
    loop_call_exception_handler(loop, &context);
    error_release(error);
}

static void after_a_callback_that_reports_the_next_one_is_called(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle bad, ok = TRACES("ok");
    handle_init(&bad, report_trouble, loop);
    future_init(&future, loop);
    future_add_done_callback(&future, &bad);
    future_add_done_callback(&future, &ok);
    future_set_result(&future, NULL);
    EXPECT(loop, "EXH[Exception in callback|bad];ok");
    future_destroy(&future);
    free_loop(loop);
}

static void an_exception_that_nobody_asked_for_is_reported_at_the_end(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct error *error = error_new(&error_application, 1, "lost");
    future_init(&future, loop);
    future_set_exception(&future, error);
    CHECK_TRACE("");
    future_destroy(&future);
    CHECK_TRACE("EXH[Future exception was never retrieved|lost]");
    trace_clear();
    for (int way = 0; way < 2; way++) {
        future_init(&future, loop);
        future_set_exception(&future, error);
        if (way == 0)
            future_result(&future, NULL);
        else
            future_exception(&future);
        future_destroy(&future);
    }
    future_init(&future, loop);
    future_cancel(&future);
    future_destroy(&future);
    future_init(&future, loop);
    future_destroy(&future);
    CHECK_TRACE("");
    error_release(error);
    free_loop(loop);
}

struct chain {
    struct handle handle;
    struct future *next;
};

static void set_next(void *context)
{
    struct chain *chain = context;
    trace("a");
    future_set_result(chain->next, NULL);
}

static void a_chained_future_takes_one_more_pass(void)
{
    struct loop *loop = new_loop();
    struct future first, second;
    struct handle b = TRACES("b");
    struct chain chain = {.next = &second};
    handle_init(&chain.handle, set_next, &chain);
    future_init(&first, loop);
    future_init(&second, loop);
    future_add_done_callback(&first, &chain.handle);
    future_add_done_callback(&second, &b);
    future_set_result(&first, NULL);
    pass(loop);
    CHECK_TRACE("a");
    pass(loop);
    CHECK_TRACE("a;b");
    future_destroy(&first);
    future_destroy(&second);
    free_loop(loop);
}

static void on_a_closed_loop_a_future_is_done_but_its_callbacks_are_refused(void)
{
    struct loop *loop = new_loop();
    struct future future, bare;
    struct handle never = TRACES("never");
    future_init(&future, loop);
    future_init(&bare, loop);
    future_add_done_callback(&future, &never);
    loop_close(loop);
    CHECK_INT(future_set_result(&future, NULL), -EBADF);
    CHECK(future_done(&future));
    CHECK_INT(future_set_result(&bare, NULL), 0);
    CHECK_INT(future_add_done_callback(&bare, &never), -EBADF);
    future_destroy(&future);
    future_destroy(&bare);
    free_loop(loop);
    CHECK_TRACE("");
}

static void a_destroyed_future_forgets_its_callbacks(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle never = TRACES("never");
    future_init(&future, loop);
    future_add_done_callback(&future, &never);
    future_destroy(&future);
    CHECK(!handle_is_scheduled(&never));
    settle(loop);
    CHECK_TRACE("");
    free_loop(loop);
}

static void a_waiting_callback_may_be_cancelled(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle one = TRACES("1"), two = TRACES("2"), three = TRACES("3");
    future_init(&future, loop);
    future_add_done_callback(&future, &one);
    future_add_done_callback(&future, &two);
    future_add_done_callback(&future, &three);
    handle_cancel(&two);
    future_set_result(&future, NULL);
    handle_cancel(&three);
    EXPECT(loop, "1");
    future_destroy(&future);
    free_loop(loop);
}

static void note_give_up(struct future *future, void *worker)
{
    CHECK(future != NULL);
    trace("%s gives up", (const char *)worker);
}

static void who_works_for_a_future_hears_once_that_nobody_wants_it(void)
{
    struct loop *loop = new_loop();
    struct future future;
    future_init(&future, loop);
    future_on_give_up(&future, note_give_up, "cancelled worker");
    future_cancel(&future);
    future_cancel(&future);
    future_destroy(&future);
    CHECK_TRACE("cancelled worker gives up");
    trace_clear();
    future_init(&future, loop);
    future_on_give_up(&future, note_give_up, "destroyed worker");
    future_destroy(&future);
    CHECK_TRACE("destroyed worker gives up");
    trace_clear();
    future_init(&future, loop);
    future_on_give_up(&future, note_give_up, "done worker");
    future_set_result(&future, NULL);
    future_destroy(&future);
    CHECK_TRACE("");
    free_loop(loop);
}

/* loop_run_until_complete */

static void complete_it(void *future)
{
    trace("set");
    future_set_result(future, NULL);
}

static void the_loop_runs_until_the_future_is_done(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle set;
    handle_init(&set, complete_it, &future);
    future_init(&future, loop);
    loop_call_soon(loop, &set);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    CHECK_TRACE("set");
    CHECK(!loop_is_running(loop));
    future_destroy(&future);
    free_loop(loop);
}

static void for_a_done_future_the_loop_makes_one_pass(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle x = TRACES("x");
    int seven = 7;
    void *result = NULL;
    future_init(&future, loop);
    future_set_result(&future, &seven);
    loop_call_soon(loop, &x);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    CHECK_TRACE("x");
    CHECK_INT(future_result(&future, &result), 0);
    CHECK(result == &seven);
    future_destroy(&future);
    free_loop(loop);
}

struct queuer {
    struct handle handle;
    struct loop *loop;
    struct handle *other;
};

static void queue_other(void *context)
{
    struct queuer *queuer = context;
    trace("cb");
    loop_call_soon(queuer->loop, queuer->other);
}

static void what_the_last_pass_queues_is_kept(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle p = TRACES("p");
    struct queuer queuer = {.loop = loop, .other = &p};
    handle_init(&queuer.handle, queue_other, &queuer);
    future_init(&future, loop);
    future_add_done_callback(&future, &queuer.handle);
    future_set_result(&future, NULL);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    CHECK_TRACE("cb");
    pass(loop);
    CHECK_TRACE("cb;p");
    future_destroy(&future);
    free_loop(loop);
}

static void stop_it(void *loop)
{
    loop_stop(loop);
}

static void stopped_before_it_is_done_says_so_and_can_go_on(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct handle stop, set;
    handle_init(&stop, stop_it, loop);
    handle_init(&set, complete_it, &future);
    future_init(&future, loop);
    loop_call_soon(loop, &stop);
    CHECK_INT(loop_run_until_complete(loop, &future), -EINTR);
    CHECK(!future_done(&future));
    loop_call_soon(loop, &set);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    future_destroy(&future);
    free_loop(loop);
}

static void a_failed_or_cancelled_future_ends_the_run_as_well(void)
{
    struct loop *loop = new_loop();
    struct future future;
    struct error *error = error_from_errno(EIO);
    future_init(&future, loop);
    future_set_exception(&future, error);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    CHECK_INT(future_result(&future, NULL), -EIO);
    future_destroy(&future);
    future_init(&future, loop);
    future_cancel(&future);
    CHECK_INT(loop_run_until_complete(loop, &future), 0);
    future_destroy(&future);
    error_release(error);
    free_loop(loop);
}

struct nested {
    struct handle handle;
    struct loop *loop;
    struct future *future;
};

static void run_inside(void *context)
{
    struct nested *nested = context;
    CHECK_INT(loop_run_until_complete(nested->loop, nested->future), -EBUSY);
    trace("refused");
}

static void it_is_refused_inside_a_callback_for_another_loops_future_and_when_closed(void)
{
    struct loop *loop = new_loop(), *other = new_loop();
    struct future future, foreign;
    struct nested nested = {.loop = loop, .future = &future};
    future_init(&future, loop);
    future_init(&foreign, other);
    handle_init(&nested.handle, run_inside, &nested);
    loop_call_soon(loop, &nested.handle);
    pass(loop);
    CHECK_TRACE("refused");
    CHECK_INT(loop_run_until_complete(loop, &foreign), -EINVAL);
    loop_close(loop);
    CHECK_INT(loop_run_until_complete(loop, &future), -EBADF);
    future_destroy(&future);
    future_destroy(&foreign);
    free_loop(loop);
    free_loop(other);
}

static const struct test tests[] = {
    TEST(a_pending_future_has_neither_result_nor_exception),
    TEST(a_future_is_completed_once),
    TEST(a_cancelled_future_is_done_and_stays_cancelled),
    TEST(an_exception_comes_back_as_a_code),
    TEST(callbacks_are_queued_in_their_order_and_never_called_at_once),
    TEST(cancelling_and_failing_queue_the_callbacks_too),
    TEST(two_callbacks_with_one_function_are_both_called),
    TEST(removing_a_callback_removes_all_its_equals),
    TEST(after_a_callback_that_reports_the_next_one_is_called),
    TEST(an_exception_that_nobody_asked_for_is_reported_at_the_end),
    TEST(a_chained_future_takes_one_more_pass),
    TEST(on_a_closed_loop_a_future_is_done_but_its_callbacks_are_refused),
    TEST(a_destroyed_future_forgets_its_callbacks),
    TEST(a_waiting_callback_may_be_cancelled),
    TEST(who_works_for_a_future_hears_once_that_nobody_wants_it),
    TEST(the_loop_runs_until_the_future_is_done),
    TEST(for_a_done_future_the_loop_makes_one_pass),
    TEST(what_the_last_pass_queues_is_kept),
    TEST(stopped_before_it_is_done_says_so_and_can_go_on),
    TEST(a_failed_or_cancelled_future_ends_the_run_as_well),
    TEST(it_is_refused_inside_a_callback_for_another_loops_future_and_when_closed),
};
const struct test_group future_group = TEST_GROUP("futures", tests);
