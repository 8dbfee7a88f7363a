/* Readers and writers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "groups.h"
#include "kernel.h"
#include "loops.h"
#include "peers.h"
#include "selector.h"

struct watcher {
    struct handle handle;
    const char *name;
    struct loop *loop;
    int fd, other;
};

static void close_both(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void a_reader_is_called_once_a_pass_while_there_is_something_to_read(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("r");
    int ends[2];
    unix_pair(ends);
    CHECK_INT(loop_add_reader(loop, ends[0], &reader), 0);
    pass(loop);
    CHECK_TRACE("");
    peer_send(ends[1], "x");
    pass(loop);
    pass(loop);
    pass(loop);
    CHECK_TRACE("r;r;r");
    CHECK_INT(loop_remove_reader(loop, ends[0]), 1);
    CHECK_INT(loop_remove_reader(loop, ends[0]), 0);
    CHECK(is_idle(loop));
    CHECK_TRACE("r;r;r");
    free_loop(loop);
    close_both(ends);
}

static void a_writer_is_called_once_a_pass_while_there_is_room(void)
{
    struct loop *loop = new_loop();
    struct handle writer = TRACES("w");
    int ends[2];
    unix_pair(ends);
    CHECK_INT(loop_add_writer(loop, ends[0], &writer), 0);
    pass(loop);
    pass(loop);
    CHECK_TRACE("w;w");
    CHECK_INT(loop_remove_writer(loop, ends[0]), 1);
    CHECK_INT(loop_remove_writer(loop, ends[0]), 0);
    CHECK(is_idle(loop));
    free_loop(loop);
    close_both(ends);
}

static void a_second_reader_replaces_the_first(void)
{
    struct loop *loop = new_loop();
    struct handle first = TRACES("first"), second = TRACES("second");
    int ends[2];
    unix_pair(ends);
    peer_send(ends[1], "x");
    CHECK_INT(loop_add_reader(loop, ends[0], &first), 0);
    CHECK_INT(loop_add_reader(loop, ends[0], &second), 0);
    CHECK(handle_cancelled(&first));
    pass(loop);
    CHECK_TRACE("second");
    CHECK_INT(loop_remove_reader(loop, ends[0]), 1);
    CHECK_INT(loop_remove_reader(loop, ends[0]), 0);
    free_loop(loop);
    close_both(ends);
}

static void a_second_writer_replaces_the_first(void)
{
    struct loop *loop = new_loop();
    struct handle first = TRACES("first"), second = TRACES("second");
    int ends[2];
    unix_pair(ends);
    loop_add_writer(loop, ends[0], &first);
    loop_add_writer(loop, ends[0], &second);
    CHECK(handle_cancelled(&first));
    pass(loop);
    CHECK_TRACE("second");
    CHECK_INT(loop_remove_writer(loop, ends[0]), 1);
    free_loop(loop);
    close_both(ends);
}

static void of_one_descriptor_the_reader_comes_before_the_writer(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("R"), writer = TRACES("W");
    int ends[2];
    unix_pair(ends);
    peer_send(ends[1], "x");
    loop_add_writer(loop, ends[0], &writer);
    loop_add_reader(loop, ends[0], &reader);
    pass(loop);
    CHECK_TRACE("R;W");
    CHECK_INT(loop_remove_reader(loop, ends[0]), 1);
    pass(loop);
    CHECK_TRACE("R;W;W");
    CHECK_INT(loop_remove_writer(loop, ends[0]), 1);
    CHECK_INT(loop_remove_writer(loop, ends[0]), 0);
    free_loop(loop);
    close_both(ends);
}

static void remove_two(void *context)
{
    struct watcher *watcher = context;
    trace("one");
    loop_remove_reader(watcher->loop, watcher->fd);
    loop_remove_reader(watcher->loop, watcher->other);
}

static void a_reader_removed_by_another_of_the_same_pass_is_not_called(void)
{
    struct loop *loop = new_loop();
    int one[2], two[2];
    unix_pair(one);
    unix_pair(two);
    struct watcher first = {{.function = remove_two, .context = &first}, "first", loop, one[0], two[0]};
    struct watcher second = {{.function = remove_two, .context = &second}, "second", loop, one[0], two[0]};
    loop_add_reader(loop, one[0], &first.handle);
    loop_add_reader(loop, two[0], &second.handle);
    peer_send(one[1], "x");
    peer_send(two[1], "x");
    pass(loop);
    CHECK_TRACE("one");
    CHECK(is_idle(loop));
    free_loop(loop);
    close_both(one);
    close_both(two);
}

static void count_call(void *context)
{
    ++*(int *)context;
}

static void every_ready_descriptor_is_reported_in_one_pass(void)
{
    enum { COUNT = 40 };
    static int pairs[COUNT][2];
    static struct handle readers[COUNT];
    static int calls[COUNT];
    struct loop *loop = new_loop();
    for (int i = 0; i < COUNT; i++) {
        unix_pair(pairs[i]);
        calls[i] = 0;
        handle_init(&readers[i], count_call, &calls[i]);
        CHECK_INT(loop_add_reader(loop, pairs[i][0], &readers[i]), 0);
    }
    for (int i = 0; i < COUNT; i += 2)
        peer_send(pairs[(i * 7) % COUNT][1], "x");
    pass(loop);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(calls[i], i % 2 == 0 ? 1 : 0);
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(loop_remove_reader(loop, pairs[i][0]), 1);
        close_both(pairs[i]);
    }
    CHECK(is_idle(loop));
    free_loop(loop);
}

static void descriptors_that_cannot_be_watched_are_refused(void)
{
    struct loop *loop = new_loop();
    struct handle handle = TRACES("h");
    int ends[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    unix_pair(ends);
    close(ends[0]);
    CHECK_INT(loop_add_reader(loop, -1, &handle), -EBADF);
    CHECK_INT(loop_add_writer(loop, -1, &handle), -EBADF);
    CHECK_INT(loop_add_reader(loop, ends[0], &handle), -EBADF);
    CHECK_INT(loop_add_writer(loop, ends[0], &handle), -EBADF);
    CHECK_INT(loop_add_reader(loop, file, &handle), -EPERM);
    CHECK_INT(loop_add_writer(loop, file, &handle), -EPERM);
    CHECK_INT(loop_remove_reader(loop, file), 0);
    CHECK_INT(loop_remove_writer(loop, ends[0]), 0);
    CHECK_INT(loop_remove_reader(loop, 10000), 0);
    CHECK(is_idle(loop));
    free_loop(loop);
    close(file);
    close(ends[1]);
}

static void select_refuses_a_descriptor_beyond_its_limit(void)
{
    struct loop *loop = new_loop_with(&select_methods);
    struct handle handle = TRACES("h");
    struct rlimit limit;
    int ends[2];
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    unsigned long before = limit.rlim_cur;
    if (before < FD_SETSIZE + 1 && limit.rlim_max >= FD_SETSIZE + 1)
        limit_descriptors(FD_SETSIZE + 1);
    unix_pair(ends);
    int high = fcntl(ends[0], F_DUPFD_CLOEXEC, FD_SETSIZE);
    if (high >= 0) {
        CHECK_INT(loop_add_reader(loop, high, &handle), -ERANGE);
        CHECK_INT(loop_add_writer(loop, high, &handle), -ERANGE);
        CHECK_INT(loop_remove_reader(loop, high), 0);
        close(high);
    } else { /* the system allows none so high: then that is what the loop says */
        CHECK_INT(loop_add_reader(loop, FD_SETSIZE, &handle), -EBADF);
    }
    CHECK_TEXT(loop_selector_name(loop), "select");
    int last = fcntl(ends[0], F_DUPFD_CLOEXEC, FD_SETSIZE - 1);
    if (last == FD_SETSIZE - 1) {
        CHECK_INT(loop_add_reader(loop, last, &handle), 0);
        peer_send(ends[1], "x");
        pass(loop);
        CHECK_TRACE("h");
        CHECK_INT(loop_remove_reader(loop, last), 1);
    }
    close(last);
    limit_descriptors(before);
    free_loop(loop);
    close_both(ends);
}

static void a_hang_up_wakes_both_reader_and_writer(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("R"), writer = TRACES("W");
    int ends[2];
    unix_pair(ends);
    close(ends[1]);
    loop_add_reader(loop, ends[0], &reader);
    loop_add_writer(loop, ends[0], &writer);
    pass(loop);
    CHECK_TRACE("R;W");
    loop_remove_reader(loop, ends[0]);
    loop_remove_writer(loop, ends[0]);
    free_loop(loop);
    close(ends[0]);
}

static void a_reader_of_a_pipes_writing_end_hears_that_the_other_end_is_closed(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("R");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    CHECK_INT(loop_add_reader(loop, ends[1], &reader), 0);
    pass(loop);
    CHECK_TRACE("");
    close(ends[0]);
    pass(loop);
    CHECK_TRACE("R");
    loop_remove_reader(loop, ends[1]);
    free_loop(loop);
    close(ends[1]);
}

static void a_cancelled_reader_is_called_no_more_and_does_not_make_the_loop_spin(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("r");
    int ends[2];
    unix_pair(ends);
    loop_add_reader(loop, ends[0], &reader);
    peer_send(ends[1], "x");
    handle_cancel(&reader);
    pass(loop);
    pass(loop);
    CHECK_TRACE("");
    CHECK(is_idle(loop));
    free_loop(loop);
    close_both(ends);
}

static void read_and_write_next(void *context)
{
    struct watcher *watcher = context;
    char byte;
    trace("read");
    CHECK_INT(read(watcher->fd, &byte, 1), 1);
    static struct handle writer;
    handle_init(&writer, trace_function, "write");
    CHECK_INT(loop_add_writer(watcher->loop, watcher->fd, &writer), 0);
}

static void a_writer_added_by_a_reader_is_called_in_the_next_pass(void)
{
    struct loop *loop = new_loop();
    int ends[2];
    unix_pair(ends);
    struct watcher watcher = {{.function = read_and_write_next, .context = &watcher}, "w", loop, ends[0], -1};
    loop_add_reader(loop, ends[0], &watcher.handle);
    peer_send(ends[1], "x");
    pass(loop);
    CHECK_TRACE("read");
    pass(loop);
    CHECK_TRACE("read;write");
    loop_remove_reader(loop, ends[0]);
    loop_remove_writer(loop, ends[0]);
    free_loop(loop);
    close_both(ends);
}

static void a_removed_reader_can_be_added_again(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("r");
    int ends[2];
    unix_pair(ends);
    peer_send(ends[1], "x");
    for (int i = 0; i < 3; i++) {
        CHECK_INT(loop_add_reader(loop, ends[0], &reader), 0);
        CHECK(!handle_cancelled(&reader));
        pass(loop);
        CHECK_INT(loop_remove_reader(loop, ends[0]), 1);
        pass(loop);
    }
    CHECK_TRACE("r;r;r");
    free_loop(loop);
    close_both(ends);
}

static void a_reused_descriptor_number_starts_afresh(void)
{
    struct loop *loop = new_loop();
    struct handle one = TRACES("one"), two = TRACES("two");
    int first[2], second[2];
    unix_pair(first);
    loop_add_reader(loop, first[0], &one);
    pass(loop);
    loop_remove_reader(loop, first[0]);
    close_both(first);
    unix_pair(second);
    CHECK_INT(second[0], first[0]);
    CHECK_INT(loop_add_reader(loop, second[0], &two), 0);
    peer_send(second[1], "x");
    pass(loop);
    CHECK_TRACE("two");
    loop_remove_reader(loop, second[0]);
    free_loop(loop);
    close_both(second);
}

static void an_interrupted_wait_is_no_error(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("r");
    int ends[2];
    unix_pair(ends);
    loop_add_reader(loop, ends[0], &reader);
    peer_send(ends[1], "x");
    kernel_fail(KERNEL_WAIT, EINTR, 0, 3);
    for (int i = 0; i < 4; i++)
        CHECK_INT(pass(loop), 0);
    CHECK(kernel_failed(KERNEL_WAIT));
    CHECK(traced()[0] == 'r');
    loop_remove_reader(loop, ends[0]);
    free_loop(loop);
    close_both(ends);
}

static void an_error_of_the_selector_ends_the_run_with_it(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a");
    kernel_fail(KERNEL_WAIT, ENOMEM, 0, 1);
    CHECK_INT(loop_run_forever(loop), -ENOMEM);
    CHECK(!loop_is_running(loop));
    loop_call_soon(loop, &a);
    CHECK_INT(pass(loop), 0);
    CHECK_TRACE("a");
    free_loop(loop);
}

static void no_memory_for_a_watch_is_an_error_and_harmless(void)
{
    struct loop *loop = new_loop();
    struct handle readers[30];
    int ends[30][2], refused = 0, result = 0;
    for (int i = 0; i < 30; i++) {
        unix_pair(ends[i]);
        int high = fcntl(ends[i][0], F_DUPFD_CLOEXEC, 80 + 20 * i); /* so that the loop has to grow for it */
        REQUIRE(high >= 0);
        close(ends[i][0]);
        ends[i][0] = high;
        peer_send(ends[i][1], "x");
        handle_init(&readers[i], trace_function, "r");
    }
    for (unsigned after = 0; after < 6; after++)
        for (int i = 0; i < 30; i++) {
            kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
            result = loop_add_reader(loop, ends[i][0], &readers[i]);
            CHECK(result == 0 || result == -ENOMEM);
            refused += result != 0;
            CHECK_INT(loop_remove_reader(loop, ends[i][0]), result == 0);
        }
    kernel_fail(KERNEL_MEMORY, 0, 0, 0);
    CHECK(refused > 0);
    CHECK_INT(loop_add_reader(loop, ends[7][0], &readers[7]), 0);
    pass(loop);
    CHECK_TRACE("r");
    loop_remove_reader(loop, ends[7][0]);
    free_loop(loop);
    for (int i = 0; i < 30; i++)
        close_both(ends[i]);
}

static void random_changes_of_two_hundred_watches_are_all_known(void)
{
    enum { COUNT = 100 };
    static int pairs[COUNT][2], calls[COUNT];
    static struct handle readers[COUNT];
    static bool watched[COUNT], full[COUNT];
    struct loop *loop = new_loop();
    unsigned state = 7;
    memset(watched, 0, sizeof watched);
    memset(full, 0, sizeof full);
    for (int i = 0; i < COUNT; i++) {
        unix_pair(pairs[i]);
        handle_init(&readers[i], count_call, &calls[i]);
    }
    for (int round = 0; round < 20; round++) {
        for (int change = 0; change < 60; change++) {
            state = state * 1103515245u + 12345u;
            int i = (int)((state >> 16) % COUNT);
            if (watched[i]) {
                CHECK_INT(loop_remove_reader(loop, pairs[i][0]), 1);
                watched[i] = false;
            } else {
                CHECK_INT(loop_add_reader(loop, pairs[i][0], &readers[i]), 0);
                watched[i] = true;
            }
            if (!full[i] && change % 3 == 0) {
                peer_send(pairs[i][1], "x");
                full[i] = true;
            }
        }
        memset(calls, 0, sizeof calls);
        pass(loop);
        for (int i = 0; i < COUNT; i++)
            CHECK_INT(calls[i], watched[i] && full[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        loop_remove_reader(loop, pairs[i][0]);
        close_both(pairs[i]);
    }
    free_loop(loop);
}

static void watching_what_is_watched_allocates_nothing(void)
{
    struct loop *loop = new_loop();
    struct handle reader = TRACES("r"), writer = TRACES("w");
    int ends[2];
    unix_pair(ends);
    loop_add_reader(loop, ends[0], &reader);
    loop_add_writer(loop, ends[0], &writer);
    pass(loop);
    unsigned long before = heap_allocations();
    for (int i = 0; i < 50; i++) {
        loop_remove_writer(loop, ends[0]);
        pass(loop);
        loop_add_writer(loop, ends[0], &writer);
        pass(loop);
    }
    CHECK_INT(heap_allocations() - before, 0);
    loop_remove_reader(loop, ends[0]);
    loop_remove_writer(loop, ends[0]);
    free_loop(loop);
    close_both(ends);
}

static const struct test tests[] = {
    TEST(a_reader_is_called_once_a_pass_while_there_is_something_to_read),
    TEST(a_writer_is_called_once_a_pass_while_there_is_room),
    TEST(a_second_reader_replaces_the_first),
    TEST(a_second_writer_replaces_the_first),
    TEST(of_one_descriptor_the_reader_comes_before_the_writer),
    TEST(a_reader_removed_by_another_of_the_same_pass_is_not_called),
    TEST(every_ready_descriptor_is_reported_in_one_pass),
    TEST(descriptors_that_cannot_be_watched_are_refused),
    TEST(select_refuses_a_descriptor_beyond_its_limit),
    TEST(a_hang_up_wakes_both_reader_and_writer),
    TEST(a_reader_of_a_pipes_writing_end_hears_that_the_other_end_is_closed),
    TEST(a_cancelled_reader_is_called_no_more_and_does_not_make_the_loop_spin),
    TEST(a_writer_added_by_a_reader_is_called_in_the_next_pass),
    TEST(a_removed_reader_can_be_added_again),
    TEST(a_reused_descriptor_number_starts_afresh),
    TEST(an_interrupted_wait_is_no_error),
    TEST(an_error_of_the_selector_ends_the_run_with_it),
    TEST(no_memory_for_a_watch_is_an_error_and_harmless),
    TEST(random_changes_of_two_hundred_watches_are_all_known),
    TEST(watching_what_is_watched_allocates_nothing),
};
const struct test_group io_group = TEST_GROUP("readers and writers", tests);
