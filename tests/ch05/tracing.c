/* The trace: a line for each thing that loops and transports do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "ch05/flowing.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

static char path[] = "/tmp/weft-trace-XXXXXX";

static void begin(void)
{
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    setenv("WEFT_TRACE", path, 1);
}

/* The lines of the file, joined by ';', without times and addresses; only those that begin with one of the words. */
static const char *lines(const char *words)
{
    static char text[8192];
    char line[256];
    size_t length = 0;
    unsetenv("WEFT_TRACE");
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        char *what = strchr(line, ' ') + 1;
        what[strcspn(what, "\n")] = '\0';
        char *address = strstr(what, " 0x");
        if (address != NULL)
            *address = '\0';
        char word[40];
        snprintf(word, sizeof word, " %.*s ", (int)strcspn(what, " "), what);
        if (strstr(words, word) != NULL)
            length += (size_t)snprintf(
                text + length, sizeof text - length, "%s%s", length ? ";" : "", what);
        REQUIRE(length < sizeof text);
    }
    text[length] = '\0';
    fclose(file);
    unlink(path);
    return text;
}

static const char *with_fd(const char *text, int fd)
{
    static char out[1024];
    size_t length = 0;
    for (; *text; text++)
        length += (size_t)snprintf(out + length, sizeof out - length, *text == '#' ? "%d" : "%c",
            *text == '#' ? fd : *text);
    return out;
}

static void what_a_connection_goes_through_is_written_down(void)
{
    struct wire wire;
    begin();
    wire_begin(&wire, tcp_pair);
    int fd = wire.ours;
    peer_send(wire.theirs, "hello");
    EXPECT(wire.loop, "DR(hello)");
    transport_write(wire.transport, "you", 3);
    transport_close(wire.transport);
    EXPECT(wire.loop, "DR(hello);CL(None)");
    wire_end(&wire);
    CHECK_TEXT(lines(" enter leave send receive close lost "),
        with_fd("enter # connection_made;leave # connection_made;receive # 5 of 262144;"
                "enter # data_received;leave # data_received;send # 3 of 3;close #;lost #;"
                "enter # connection_lost;leave # connection_lost",
            fd));
}

static void bytes_that_the_socket_refuses_and_pauses_are_written_down(void)
{
    struct flow flow;
    begin();
    flow_begin(&flow, tcp_pair);
    int fd = *(const int *)transport_get_extra_info(flow.transport, "socket");
    transport_set_write_buffer_limits(flow.transport, 100, 50);
    socket_takes_nothing();
    put(flow.transport, 101);
    drain(&flow, 60);
    flow_end(&flow);
    const char *got = lines(" enter send ");
    const char *wanted = with_fd("send # -1 of 101;enter # pause_writing;send # 60 of 101;enter # resume_writing", fd);
    CHECK_CONTAINS(got, wanted);
}

static void a_reason_is_written_behind_a_loss(void)
{
    struct wire wire;
    begin();
    wire_begin(&wire, tcp_pair);
    int fd = wire.ours;
    peer_reset(wire.theirs);
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
    CHECK_TEXT(lines(" receive lost "),
        with_fd("receive # -1 of 262144;lost # [Errno 104] Connection reset by peer", fd));
}

static void what_a_pass_does_is_written_in_order(void)
{
    struct fake_clock clock = {.now = 5};
    struct handle soon = TRACES("soon");
    struct timer_handle timer = TIMER_TRACES("timer");
    begin();
    struct loop *loop = new_loop();
    use_fake_clock(loop, &clock, true);
    loop_call_soon(loop, &soon);
    loop_call_later(loop, 2, &timer);
    pass(loop);
    pass(loop);
    CHECK_TRACE("soon;timer");
    free_loop(loop);
    CHECK_TEXT(lines(" wait woke soon due call "), "soon;wait 0;woke;call;wait 2;woke;due;call");
}

static void descriptors_that_are_ready_come_before_the_wait_is_over(void)
{
    int ends[2];
    struct handle reader = TRACES("read");
    begin();
    struct loop *loop = new_loop();
    unix_pair(ends);
    loop_add_reader(loop, ends[0], &reader);
    peer_send(ends[1], "x");
    pass(loop);
    loop_remove_reader(loop, ends[0]);
    CHECK_TRACE("read");
    free_loop(loop);
    int fd = ends[0];
    close(ends[0]);
    close(ends[1]);
    CHECK_TEXT(lines(" ready woke call "), with_fd("ready # read;woke;call", fd));
}

static void two_loops_write_whole_lines_to_one_file(void)
{
    struct handle first = TRACES("first"), second = TRACES("second");
    begin();
    struct loop *one = new_loop(), *other = new_loop();
    loop_call_soon(one, &first);
    loop_call_soon(other, &second);
    pass(one);
    pass(other);
    free_loop(one);
    free_loop(other);
    CHECK_TRACE("first;second");
    CHECK_TEXT(lines(" call "), "call;call");
}

static void without_the_variable_no_descriptor_is_taken(void)
{
    unsetenv("WEFT_TRACE");
    struct loop *loop = new_loop();
    int next = next_descriptor();
    free_loop(loop);
    setenv("WEFT_TRACE", "", 1);
    loop = new_loop();
    CHECK_INT(next_descriptor(), next);
    free_loop(loop);
    unsetenv("WEFT_TRACE");
}

static int run_a_pass(void *unused)
{
    (void)unused;
    struct handle handle = TRACES("called");
    struct loop *loop = loop_create(NULL);
    if (loop == NULL)
        return 1;
    loop_call_soon(loop, &handle);
    int failed = loop_run_once(loop) != 0 || strcmp(traced(), "called") != 0;
    loop_free(loop);
    return failed;
}

static void a_file_that_cannot_be_had_is_a_line_in_the_log(void)
{
    char said[512];
    setenv("WEFT_TRACE", "/nowhere/at/all", 1);
    CHECK_INT(in_child(run_a_pass, NULL, said, sizeof said), 0);
    unsetenv("WEFT_TRACE");
    CHECK_CONTAINS(said, "WEFT_TRACE: cannot open /nowhere/at/all: No such file or directory");
}

static void a_full_disk_is_a_line_in_the_log_at_the_end(void)
{
    char said[512];
    setenv("WEFT_TRACE", "/dev/full", 1);
    CHECK_INT(in_child(run_a_pass, NULL, said, sizeof said), 0);
    unsetenv("WEFT_TRACE");
    CHECK_CONTAINS(said, "WEFT_TRACE: not every line could be written");
}

static const struct test tests[] = {
    TEST(what_a_connection_goes_through_is_written_down),
    TEST(bytes_that_the_socket_refuses_and_pauses_are_written_down),
    TEST(a_reason_is_written_behind_a_loss),
    TEST(what_a_pass_does_is_written_in_order),
    TEST(descriptors_that_are_ready_come_before_the_wait_is_over),
    TEST(two_loops_write_whole_lines_to_one_file),
    TEST(without_the_variable_no_descriptor_is_taken),
    TEST(a_file_that_cannot_be_had_is_a_line_in_the_log),
    TEST(a_full_disk_is_a_line_in_the_log_at_the_end),
};

const struct test_group tracing_group = TEST_GROUP("tracing", tests);
