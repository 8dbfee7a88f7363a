/* Pipes that are read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ch03/serving.h"
#include "groups.h"
#include "pipe_transport.h"

struct reading {
    struct loop *loop;
    struct recording protocol;
    struct future done;
    struct handle told;
    struct transport *transport;
    int writer;
};

static struct protocol *give(void *reading)
{
    return &((struct reading *)reading)->protocol.protocol;
}

static bool is_done(void *future)
{
    return future_done(future);
}

static void prepare(struct reading *reading)
{
    *reading = (struct reading){.loop = new_loop(), .writer = -1};
    recording_init(&reading->protocol, NULL);
    reading->protocol.protocol.callbacks = &recording_end_callbacks;
    future_init(&reading->done, reading->loop);
    handle_init(&reading->told, trace_function, "RET");
    future_add_done_callback(&reading->done, &reading->told);
}

static void begin(struct reading *reading)
{
    int ends[2];
    void *transport = NULL;
    prepare(reading);
    REQUIRE(pipe(ends) == 0);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    reading->writer = ends[1];
    REQUIRE(loop_connect_read_pipe(reading->loop, &reading->done, give, reading, ends[0]) == 0);
    CHECK_TRACE("");
    REQUIRE(run_until(reading->loop, is_done, &reading->done));
    REQUIRE(future_result(&reading->done, &transport) == 0);
    reading->transport = transport;
    settle(reading->loop);
}

static void say(const struct reading *reading, const char *text)
{
    REQUIRE(write(reading->writer, text, strlen(text)) == (ssize_t)strlen(text));
}

static void hang_up(struct reading *reading)
{
    close(reading->writer);
    reading->writer = -1;
}

static bool nobody_reads(const struct reading *reading)
{
    struct pollfd entry = {.fd = reading->writer, .events = POLLOUT};
    return poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
}

static void end(struct reading *reading)
{
    handle_cancel(&reading->told);
    if (reading->transport != NULL)
        transport_abort(reading->transport);
    settle(reading->loop);
    transport_release(reading->transport);
    CHECK_INT(reading->protocol.released, 1);
    CHECK_INT(reading->protocol.lost, reading->protocol.made);
    future_destroy(&reading->done);
    free_loop(reading->loop);
    if (reading->writer >= 0)
        close(reading->writer);
}

static void what_is_written_comes_then_the_end_and_the_loss(void)
{
    struct reading reading;
    begin(&reading);
    CHECK_TRACE("CM;RET");
    say(&reading, "abc");
    settle(reading.loop);
    hang_up(&reading);
    EXPECT(reading.loop, "CM;RET;DR(abc);EOF;CL(None)");
    CHECK(*(const int *)transport_get_extra_info(reading.transport, "pipe") == -1);
    end(&reading);
}

static void note_closing(struct recording *recording)
{
    trace(transport_is_closing(recording->transport) ? "closing" : "open");
}

static void to_stay_open_after_the_end_is_impossible(void)
{
    struct reading reading;
    begin(&reading);
    reading.protocol.keep_open = true;
    reading.protocol.on_end = note_closing;
    hang_up(&reading);
    EXPECT(reading.loop, "CM;RET;EOF;closing;CL(None)");
    end(&reading);
}

static void fail(struct recording *recording, const void *data, size_t size)
{
    (void)data, (void)size;
    fail_with(recording, "no");
}

static void a_failing_data_received_is_reported_and_the_pipe_stays_open(void)
{
    struct reading reading;
    begin(&reading);
    reading.protocol.on_data = fail;
    say(&reading, "x");
    settle(reading.loop);
    say(&reading, "y");
    EXPECT(reading.loop, "CM;RET;DR(x);EXH[Exception in callback|no];DR(y);EXH[Exception in callback|no]");
    CHECK(!transport_is_closing(reading.transport));
    end(&reading);
}

static void a_regular_file_is_refused(void)
{
    struct reading reading;
    prepare(&reading);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, fd) == 0);
    settle(reading.loop);
    CHECK_INT(future_result(&reading.done, NULL), -EINVAL);
    CHECK_TEXT(future_exception(&reading.done)->text, "Pipe transport is for pipes/sockets only.");
    CHECK_TRACE("RET");
    close(fd);
    end(&reading);
}

static void a_descriptor_that_is_none_is_refused(void)
{
    struct reading reading;
    prepare(&reading);
    REQUIRE(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, 999) == 0);
    settle(reading.loop);
    CHECK_INT(future_result(&reading.done, NULL), -EBADF);
    end(&reading);
}

static void a_socket_will_do(void)
{
    struct reading reading;
    int ends[2];
    void *transport = NULL;
    prepare(&reading);
    unix_pair(ends);
    reading.writer = ends[1];
    REQUIRE(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, ends[0]) == 0);
    settle(reading.loop);
    REQUIRE(future_result(&reading.done, &transport) == 0);
    reading.transport = transport;
    say(&reading, "by socket");
    hang_up(&reading);
    EXPECT(reading.loop, "CM;RET;DR(by socket);EOF;CL(None)");
    end(&reading);
}

static void paused_nothing_comes_not_even_the_end(void)
{
    struct reading reading;
    begin(&reading);
    trace_clear();
    transport_pause_reading(reading.transport);
    say(&reading, "later");
    hang_up(&reading);
    settle(reading.loop);
    CHECK_TRACE("");
    transport_resume_reading(reading.transport);
    EXPECT(reading.loop, "DR(later);EOF;CL(None)");
    end(&reading);
}

static void pause_now(struct recording *recording)
{
    transport_pause_reading(recording->transport);
}

static void pausing_in_connection_made_is_honoured(void)
{
    struct reading reading;
    int ends[2];
    void *transport = NULL;
    prepare(&reading);
    REQUIRE(pipe(ends) == 0);
    reading.writer = ends[1];
    reading.protocol.on_made = pause_now;
    say(&reading, "early");
    REQUIRE(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, ends[0]) == 0);
    settle(reading.loop);
    CHECK_TRACE("CM;RET");
    REQUIRE(future_result(&reading.done, &transport) == 0);
    reading.transport = transport;
    transport_resume_reading(transport);
    EXPECT(reading.loop, "CM;RET;DR(early)");
    end(&reading);
}

static void a_new_protocol_hears_the_rest(void)
{
    struct reading reading;
    struct recording next;
    begin(&reading);
    trace_clear();
    recording_init(&next, "b");
    next.protocol.callbacks = &recording_end_callbacks;
    say(&reading, "one");
    settle(reading.loop);
    transport_set_protocol(reading.transport, &next.protocol);
    CHECK_INT(reading.protocol.released, 1);
    say(&reading, "two");
    settle(reading.loop);
    hang_up(&reading);
    EXPECT(reading.loop, "DR(one);b.DR(two);b.EOF;b.CL(None)");
    CHECK_INT(next.released, 1);
    reading.protocol.lost = 1;
    end(&reading);
}

static void closing_is_for_the_next_pass(void)
{
    struct reading reading;
    begin(&reading);
    trace_clear();
    transport_close(reading.transport);
    CHECK(transport_is_closing(reading.transport));
    CHECK_TRACE("");
    EXPECT(reading.loop, "CL(None)");
    CHECK(nobody_reads(&reading));
    end(&reading);
}

static void it_cannot_be_written_to(void)
{
    struct reading reading;
    begin(&reading);
    CHECK_INT(transport_write(reading.transport, "x", 1), -ENOTSUP);
    CHECK(!transport_can_write_eof(reading.transport));
    end(&reading);
}

static void cancelled_before_connection_made_the_pipe_is_closed(void)
{
    struct reading reading;
    int ends[2];
    prepare(&reading);
    REQUIRE(pipe(ends) == 0);
    reading.writer = ends[1];
    REQUIRE(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, ends[0]) == 0);
    CHECK(future_cancel(&reading.done));
    settle(reading.loop);
    CHECK(nobody_reads(&reading));
    end(&reading);
}

static void on_a_closed_loop_nothing_is_connected(void)
{
    struct reading reading;
    int ends[2];
    prepare(&reading);
    REQUIRE(pipe(ends) == 0);
    loop_close(reading.loop);
    CHECK_INT(loop_connect_read_pipe(reading.loop, &reading.done, give, &reading, ends[0]), -EBADF);
    CHECK_INT(loop_connect_write_pipe(reading.loop, &reading.done, give, &reading, ends[1]), -EBADF);
    close(ends[0]);
    close(ends[1]);
    handle_cancel(&reading.told);
    future_destroy(&reading.done);
    free_loop(reading.loop);
}

static const struct test tests[] = {
    TEST(what_is_written_comes_then_the_end_and_the_loss),
    TEST(to_stay_open_after_the_end_is_impossible),
    TEST(a_failing_data_received_is_reported_and_the_pipe_stays_open),
    TEST(a_regular_file_is_refused),
    TEST(a_descriptor_that_is_none_is_refused),
    TEST(a_socket_will_do),
    TEST(paused_nothing_comes_not_even_the_end),
    TEST(pausing_in_connection_made_is_honoured),
    TEST(a_new_protocol_hears_the_rest),
    TEST(closing_is_for_the_next_pass),
    TEST(it_cannot_be_written_to),
    TEST(cancelled_before_connection_made_the_pipe_is_closed),
    TEST(on_a_closed_loop_nothing_is_connected),
};
const struct test_group read_pipe_group = TEST_GROUP("read_pipes", tests);
