/* Making and closing loops; the exception handler; the log. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "groups.h"
#include "kernel.h"
#include "loop_private.h"
#include "loops.h"
#include "peers.h"
#include "selector.h"

static void a_closed_loop_refuses_everything_but_remains_harmless(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a");
    struct timer_handle timer = TIMER_TRACES("t");
    int ends[2];
    unix_pair(ends);
    CHECK(!loop_is_closed(loop));
    CHECK_INT(loop_close(loop), 0);
    CHECK(loop_is_closed(loop));
    CHECK_INT(loop_call_soon(loop, &a), -EBADF);
    CHECK_INT(loop_call_later(loop, 1, &timer), -EBADF);
    CHECK_INT(loop_call_at(loop, 1, &timer), -EBADF);
    CHECK_INT(loop_call_soon_threadsafe(loop, &a), -EBADF);
    CHECK_INT(loop_run_forever(loop), -EBADF);
    CHECK_INT(loop_run_once(loop), -EBADF);
    CHECK_INT(loop_add_reader(loop, ends[0], &a), -EBADF);
    CHECK_INT(loop_add_writer(loop, ends[0], &a), -EBADF);
    CHECK_INT(loop_add_signal_handler(loop, 10, trace_function, "s"), -EBADF);
    CHECK_INT(loop_remove_reader(loop, ends[0]), 0);
    CHECK_INT(loop_remove_writer(loop, ends[0]), 0);
    loop_stop(loop);
    CHECK_INT(loop_close(loop), 0);
    CHECK(!loop_is_running(loop));
    free_loop(loop);
    close(ends[0]);
    close(ends[1]);
}

static void closing_drops_what_is_queued_armed_and_watched(void)
{
    struct loop *loop = new_loop();
    struct handle *handle = malloc(sizeof *handle), *reader = malloc(sizeof *reader);
    struct timer_handle *timer = malloc(sizeof *timer);
    int ends[2];
    REQUIRE(handle != NULL && reader != NULL && timer != NULL);
    unix_pair(ends);
    handle_init(handle, trace_function, "h");
    handle_init(reader, trace_function, "r");
    timer_handle_init(timer, trace_function, "t");
    loop_call_soon(loop, handle);
    loop_call_later(loop, 0, timer);
    loop_add_reader(loop, ends[0], reader);
    peer_send(ends[1], "x");
    CHECK_INT(loop_close(loop), 0);
    CHECK(!handle_is_scheduled(handle));
    CHECK(!handle_is_scheduled(&timer->handle));
    handle_cancel(handle);
    timer_handle_cancel(timer);
    handle_cancel(reader);
    free(handle);
    free(reader);
    free(timer);
    free_loop(loop);
    CHECK_TRACE("");
    close(ends[0]);
    close(ends[1]);
}

static void freeing_closes_and_freeing_nothing_is_fine(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a");
    loop_call_soon(loop, &a);
    loop_free(loop);
    loop_free(NULL);
    CHECK_TRACE("");
    CHECK(!handle_is_scheduled(&a));
}

static void closing_runs_the_closers_the_last_one_first(void)
{
    struct loop *loop = new_loop();
    struct handle one = TRACES("one"), two = TRACES("two"), three = TRACES("three"), four = TRACES("four");
    loop_add_closer(loop, &one);
    loop_add_closer(loop, &two);
    loop_add_closer(loop, &three);
    loop_add_closer(loop, &four);
    loop_remove_closer(&three);
    CHECK_TRACE("");
    CHECK_INT(loop_close(loop), 0);
    CHECK_TRACE("four;two;one");
    free_loop(loop);
    CHECK_TRACE("four;two;one");
}

static void several_loops_live_side_by_side(void)
{
    struct loop *one = new_loop(), *two = new_loop_with(&select_methods);
    struct handle a = TRACES("one"), b = TRACES("two");
    loop_call_soon(one, &a);
    loop_call_soon(two, &b);
    pass(two);
    pass(one);
    CHECK_TRACE("two;one");
    loop_free(one);
    loop_call_soon(two, &b);
    pass(two);
    CHECK_TRACE("two;one;two");
    free_loop(two);
}

static void run_other(void *other)
{
    trace("outer");
    CHECK_INT(loop_run_once(other), 0);
    trace("outer ends");
}

static void a_loop_without_memory_is_not_made_and_leaves_nothing(void)
{
    unsigned after = 0;
    for (; after < 60; after++) {
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        errno = 0;
        struct loop *loop = loop_create(NULL);
        bool failed = kernel_failed(KERNEL_MEMORY);
        int error = errno;
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        loop_free(loop);
        if (!failed)
            break;
        CHECK(loop == NULL);
        CHECK_INT(error, ENOMEM);
    }
    CHECK(after > 0 && after < 60);
}

static void a_loop_without_descriptors_is_not_made_and_leaves_nothing(void)
{
    unsigned long before = limit_descriptors(32);
    struct hoard hoard;
    for (size_t spare = 0; spare < 2; spare++) {
        hoard_descriptors(&hoard, spare);
        errno = 0;
        struct loop *loop = loop_create(&select_methods);
        CHECK(loop == NULL);
        CHECK_INT(errno, EMFILE);
        loop_free(loop);
        hoard_end(&hoard);
    }
    limit_descriptors(before);
}

static void a_loops_own_descriptors_are_closed_on_exec_and_do_not_block(void)
{
    bool open_before[64];
    for (int fd = 0; fd < 64; fd++)
        open_before[fd] = fcntl(fd, F_GETFD) >= 0;
    struct loop *loop = new_loop();
    int found = 0;
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (open_before[fd] || flags < 0)
            continue;
        found++;
        CHECK(flags & FD_CLOEXEC);
    }
    CHECK(found >= 2);
    free_loop(loop);
}

/* Exceptions and the log. */

struct reporter {
    struct handle handle;
    struct loop *loop;
    struct exception_context context;
};

static void report(void *context)
{
    struct reporter *reporter = context;
    trace("bad");
    loop_call_exception_handler(reporter->loop, &reporter->context);
}

static void the_exception_handler_hears_and_the_next_callback_runs(void)
{
    struct loop *loop = new_loop();
    struct error *error = error_new(&error_application, 1, "boom %d", 7);
    struct reporter bad = {.loop = loop, .context = {.message = "Exception in callback", .exception = error}};
    struct handle next = TRACES("next");
    handle_init(&bad.handle, report, &bad);
    loop_call_soon(loop, &bad.handle);
    loop_call_soon(loop, &next);
    pass(loop);
    CHECK_TRACE("bad;EXH[Exception in callback|boom 7];next");
    error_release(error);
    free_loop(loop);
}

static void a_reader_that_reports_is_called_again_each_pass_until_removed(void)
{
    struct loop *loop = new_loop();
    struct error *error = error_from_errno(EIO);
    struct reporter reader = {.loop = loop, .context = {.message = "trouble", .exception = error}};
    int ends[2];
    unix_pair(ends);
    handle_init(&reader.handle, report, &reader);
    loop_add_reader(loop, ends[0], &reader.handle);
    peer_send(ends[1], "x");
    pass(loop);
    pass(loop);
    loop_remove_reader(loop, ends[0]);
    pass(loop);
    CHECK_TRACE("bad;EXH[trouble|EIO];bad;EXH[trouble|EIO]");
    error_release(error);
    free_loop(loop);
    close(ends[0]);
    close(ends[1]);
}

static void note_exception(struct loop *loop, const struct exception_context *context, void *own)
{
    CHECK(loop_is_closed(loop) == false);
    trace("%s hears %s", (const char *)own, context->message);
}

static void hooks_get_the_context_they_were_set_with(void)
{
    struct loop *loop = new_loop();
    const struct exception_context context = {.message = "it"};
    loop_set_exception_handler(loop, note_exception, "one");
    loop_call_exception_handler(loop, &context);
    loop_set_exception_handler(loop, note_exception, "two");
    loop_call_exception_handler(loop, &context);
    CHECK_TRACE("one hears it;two hears it");
    free_loop(loop);
}

static void note_log(void *context, enum log_level level, const char *text)
{
    trace("%s%d[%s]", (const char *)context, (int)(level - LOG_LEVEL_DEBUG), text);
}

static void the_default_handler_logs_an_error(void)
{
    struct loop *loop = new_loop();
    struct error *error = error_from_errno(ECONNRESET);
    const struct exception_context context = {.message = "It broke", .exception = error};
    loop_set_exception_handler(loop, NULL, NULL);
    loop_set_log(loop, note_log, "log");
    loop_call_exception_handler(loop, &context);
    CHECK_TRACE("log3[It broke: [Errno 104] Connection reset by peer]");
    trace_clear();
    const struct exception_context bare = {.message = "It broke"};
    loop_default_exception_handler(loop, &bare);
    CHECK(strncmp(traced(), "log3[It broke", 13) == 0);
    error_release(error);
    free_loop(loop);
}

static int log_to_stderr(void *unused)
{
    (void)unused;
    struct loop *loop = loop_create(NULL);
    if (loop == NULL)
        return 3;
    struct error *error = error_from_errno(EIO);
    const struct exception_context context = {.message = "It broke", .exception = error};
    loop_call_exception_handler(loop, &context);
    error_release(error);
    loop_free(loop);
    return 0;
}

static void without_hooks_errors_go_to_standard_error(void)
{
    char text[500];
    CHECK_INT(in_child(log_to_stderr, NULL, text, sizeof text), 0);
    CHECK_CONTAINS(text, "It broke: [Errno 5] Input/output error\n");
}

static void a_callback_may_turn_another_loop(void)
{
    struct loop *outer = new_loop(), *inner = new_loop();
    struct handle a, b = TRACES("inner");
    handle_init(&a, run_other, inner);
    loop_call_soon(outer, &a);
    loop_call_soon(inner, &b);
    CHECK_INT(loop_run_once(outer), 0);
    CHECK_TRACE("outer;inner;outer ends");
    free_loop(inner);
    free_loop(outer);
}

static const struct test tests[] = {
    TEST(a_closed_loop_refuses_everything_but_remains_harmless),
    TEST(closing_drops_what_is_queued_armed_and_watched),
    TEST(freeing_closes_and_freeing_nothing_is_fine),
    TEST(closing_runs_the_closers_the_last_one_first),
    TEST(several_loops_live_side_by_side),
    TEST(a_callback_may_turn_another_loop),
    TEST(a_loop_without_memory_is_not_made_and_leaves_nothing),
    TEST(a_loop_without_descriptors_is_not_made_and_leaves_nothing),
    TEST(a_loops_own_descriptors_are_closed_on_exec_and_do_not_block),
    TEST(the_exception_handler_hears_and_the_next_callback_runs),
    TEST(a_reader_that_reports_is_called_again_each_pass_until_removed),
    TEST(hooks_get_the_context_they_were_set_with),
    TEST(the_default_handler_logs_an_error),
    TEST(without_hooks_errors_go_to_standard_error),
};
const struct test_group life_group = TEST_GROUP("the life of a loop", tests);
