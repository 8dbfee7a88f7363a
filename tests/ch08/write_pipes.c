/* Pipes that are written to. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ch05/flowing.h"
#include "groups.h"
#include "pipe_transport.h"

struct writing {
    struct loop *loop;
    struct flowing protocol;
    struct transport *transport;
    int reader;
};

static void begin(struct writing *writing)
{
    int ends[2];
    *writing = (struct writing){.loop = new_loop()};
    flowing_init(&writing->protocol, NULL);
    REQUIRE(pipe(ends) == 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    writing->reader = ends[0];
    struct protocol *protocol = &writing->protocol.recording.protocol;
    writing->transport = pipe_transport_create(writing->loop, ends[1], PIPE_WRITE, protocol, NULL);
    REQUIRE(writing->transport != NULL);
    transport_retain(writing->transport);
    settle(writing->loop);
    CHECK_TRACE("CM");
    trace_clear();
}

static void leave(struct writing *writing)
{
    close(writing->reader);
    writing->reader = -1;
}

static void end(struct writing *writing)
{
    transport_abort(writing->transport);
    settle(writing->loop);
    CHECK_LIVED(&writing->protocol.recording);
    transport_release(writing->transport);
    free_loop(writing->loop);
    if (writing->reader >= 0)
        close(writing->reader);
}

/* Reads everything that there is, turning the loop, up to the end or until nothing comes any more. */
static size_t take(struct writing *writing)
{
    static char data[65536];
    size_t total = 0;
    for (int quiet = 0; quiet < 3;) {
        ssize_t got = read(writing->reader, data, sizeof data);
        if (got == 0)
            break;
        if (got > 0 && !pattern_matches(data, (size_t)got, total))
            FAIL("what came at offset %zu is not what was written", total);
        total += got > 0 ? (size_t)got : 0;
        quiet = got > 0 ? 0 : quiet + 1;
        settle(writing->loop);
    }
    return total;
}

static void the_reader_leaves_and_nothing_is_unsent(void)
{
    struct writing writing;
    begin(&writing);
    leave(&writing);
    EXPECT(writing.loop, "CL(None)");
    end(&writing);
}

static void the_reader_leaves_and_something_is_unsent(void)
{
    struct writing writing;
    begin(&writing);
    write_pattern(writing.transport, 200000, 0);
    CHECK_TRACE("PW");
    leave(&writing);
    EXPECT(writing.loop, "PW;CL(EPIPE)");
    end(&writing);
}

static void resumed_only_when_all_is_sent(void)
{
    struct writing writing;
    begin(&writing);
    write_pattern(writing.transport, 200000, 0);
    CHECK_INT(take(&writing), 200000);
    CHECK_TRACE("PW;RW");
    CHECK_INT(writing.protocol.size_at_resume, 0);
    end(&writing);
}

static void write_eof_drops_what_is_written_later(void)
{
    struct writing writing;
    begin(&writing);
    CHECK(transport_can_write_eof(writing.transport));
    write_pattern(writing.transport, 100000, 0);
    CHECK_INT(transport_write_eof(writing.transport), 0);
    CHECK(transport_is_closing(writing.transport));
    CHECK_INT(transport_write(writing.transport, "TAIL", 4), 0);
    CHECK_INT(take(&writing), 100000);
    settle(writing.loop);
    CHECK_INT(writing.protocol.recording.lost, 1);
    CHECK_CONTAINS(traced(), "CL(None)");
    end(&writing);
}

static void close_sends_everything_first(void)
{
    struct writing writing;
    begin(&writing);
    write_pattern(writing.transport, 300000, 0);
    transport_close(writing.transport);
    CHECK_INT(take(&writing), 300000);
    settle(writing.loop);
    CHECK_CONTAINS(traced(), "CL(None)");
    end(&writing);
}

static void abort_drops_what_the_pipe_has_not_taken(void)
{
    struct writing writing;
    begin(&writing);
    write_pattern(writing.transport, 200000, 0);
    transport_abort(writing.transport);
    CHECK_INT(transport_get_write_buffer_size(writing.transport), 0);
    EXPECT(writing.loop, "PW;CL(None)");
    CHECK_INT(take(&writing), 65536);
    end(&writing);
}

static void a_write_to_nobody_raises_no_signal(void)
{
    struct writing writing;
    struct sigaction before, by_default = {.sa_handler = SIG_DFL};
    begin(&writing);
    sigaction(SIGPIPE, &by_default, &before);
    leave(&writing);
    CHECK_INT(transport_write(writing.transport, "x", 1), 0);
    EXPECT(writing.loop, "CL(EPIPE)");
    sigaction(SIGPIPE, &before, NULL);
    end(&writing);
}

static void a_regular_file_is_refused(void)
{
    struct loop *loop = new_loop();
    struct flowing protocol;
    flowing_init(&protocol, NULL);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    errno = 0;
    CHECK(pipe_transport_create(loop, fd, PIPE_WRITE, &protocol.recording.protocol, NULL) == NULL);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(protocol.recording.released, 0);
    close(fd);
    free_loop(loop);
}

static void a_device_will_do(void)
{
    struct loop *loop = new_loop();
    struct flowing protocol;
    flowing_init(&protocol, NULL);
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct transport *transport = pipe_transport_create(loop, fd, PIPE_WRITE, &protocol.recording.protocol, NULL);
    REQUIRE(transport != NULL);
    settle(loop);
    CHECK_INT(transport_write(transport, "nothing", 7), 0);
    transport_close(transport);
    EXPECT(loop, "CM;CL(None)");
    CHECK_LIVED(&protocol.recording);
    free_loop(loop);
}

static void closing_twice_is_closing_once(void)
{
    struct writing writing;
    begin(&writing);
    transport_close(writing.transport);
    transport_abort(writing.transport);
    transport_close(writing.transport);
    EXPECT(writing.loop, "CL(None)");
    end(&writing);
}

static const struct test tests[] = {
    TEST(the_reader_leaves_and_nothing_is_unsent),
    TEST(the_reader_leaves_and_something_is_unsent),
    TEST(resumed_only_when_all_is_sent),
    TEST(write_eof_drops_what_is_written_later),
    TEST(close_sends_everything_first),
    TEST(abort_drops_what_the_pipe_has_not_taken),
    TEST(a_write_to_nobody_raises_no_signal),
    TEST(a_regular_file_is_refused),
    TEST(a_device_will_do),
    TEST(closing_twice_is_closing_once),
};
const struct test_group write_pipe_group = TEST_GROUP("write_pipes", tests);
