/* Writing: what leaves at once, what waits, and that nothing is lost, doubled or swapped. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

enum { MUCH = 3000000 };

static void what_the_socket_takes_is_with_the_peer_before_write_returns(void)
{
    struct wire wire;
    char text[6] = "";
    wire_begin(&wire, tcp_pair);
    CHECK_INT(transport_write(wire.transport, "hello", 5), 0);
    CHECK_INT(recvfrom(wire.theirs, text, 5, 0, NULL, NULL), 5);
    CHECK_TEXT(text, "hello");
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_TRACE("");
    wire_end(&wire);
}

static void what_the_socket_does_not_take_waits_and_arrives_in_order(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    size_t waiting = transport_get_write_buffer_size(wire.transport);
    CHECK(waiting > 0 && waiting < MUCH);
    write_pattern(wire.transport, 10, MUCH);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), waiting + 10);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH + 10);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void the_callers_bytes_may_change_after_write_returns(void)
{
    struct wire wire;
    char *data = malloc(MUCH);
    REQUIRE(data != NULL);
    wire_begin(&wire, tight_unix_pair);
    pattern_fill(data, MUCH, 0);
    CHECK_INT(transport_write(wire.transport, data, MUCH), 0);
    memset(data, '!', MUCH);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    free(data);
    wire_end(&wire);
}

static void writing_nothing_does_nothing(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    CHECK_INT(transport_write(wire.transport, "", 0), 0);
    CHECK_INT(transport_write(wire.transport, NULL, 0), 0);
    CHECK_INT(transport_writelines(wire.transport, NULL, 0), 0);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 0);
    CHECK_SILENCE(wire.theirs);
    wire_end(&wire);
}

static void several_buffers_leave_in_one_call(void)
{
    struct wire wire;
    struct iovec lines[] = {{"ab", 2}, {"", 0}, {"c", 1}, {"defg", 4}};
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    CHECK_INT(transport_writelines(wire.transport, lines, 4), 0);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 1);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcdefg");
    wire_end(&wire);
}

static void several_buffers_taken_in_part_arrive_whole(void)
{
    for (size_t most = 1; most < 8; most++) {
        struct wire wire;
        struct iovec lines[] = {{"ab", 2}, {"c", 1}, {"", 0}, {"defg", 4}};
        wire_begin(&wire, tcp_pair);
        kernel_move_at_most(KERNEL_SEND, most);
        CHECK_INT(transport_writelines(wire.transport, lines, 4), 0);
        CHECK_INT(transport_get_write_buffer_size(wire.transport), 7 - most);
        CHECK_INT(transport_writelines(wire.transport, lines, 4), 0);
        CHECK_RECEIVES(wire.loop, wire.theirs, "abcdefgabcdefg");
        CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
        wire_end(&wire);
        trace_clear();
    }
}

static void thousands_of_buffers_arrive_whole(void)
{
    enum { COUNT = 3000,
        EACH = 7 };
    static struct iovec lines[COUNT];
    static char data[COUNT * EACH];
    struct wire wire;
    wire_begin(&wire, unix_pair);
    pattern_fill(data, sizeof data, 0);
    for (size_t i = 0; i < COUNT; i++)
        lines[i] = (struct iovec){data + i * EACH, EACH};
    CHECK_INT(transport_writelines(wire.transport, lines, COUNT), 0);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), COUNT * EACH);
    wire_end(&wire);
}

static void sends_of_one_byte_lose_nothing(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    kernel_move_at_most(KERNEL_SEND, 1);
    write_pattern(wire.transport, 20000, 0);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), 20000);
    CHECK(kernel_count(KERNEL_SEND) >= 20000);
    wire_end(&wire);
}

static void eight_mebibytes_written_byte_by_byte_arrive(void)
{
    enum { SIZE = 8 << 20 };
    struct wire wire;
    int error = 0;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, 200000, 0); /* from here on everything waits */
    for (size_t i = 200000; i < SIZE; i++) {
        unsigned char byte = (unsigned char)(i % 251);
        error |= transport_write(wire.transport, &byte, 1);
    }
    CHECK_INT(error, 0);
    CHECK(transport_get_write_buffer_size(wire.transport) > SIZE - 200000);
    transport_close(wire.transport);
    int big = 1 << 20;
    setsockopt(wire.theirs, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), SIZE);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void a_full_or_interrupted_socket_is_no_error(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    CHECK_INT(transport_write(wire.transport, "abc", 3), 0);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 3);
    kernel_fail(KERNEL_SEND, EINTR, 0, 2);
    CHECK_INT(transport_write(wire.transport, "def", 3), 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcdef");
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_TRACE("");
    wire_end(&wire);
}

static void with_nothing_unsent_the_writer_is_not_watched(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    CHECK(is_idle(wire.loop));
    kernel_move_at_most(KERNEL_SEND, 1);
    transport_write(wire.transport, "ab", 2);
    CHECK(!is_idle(wire.loop));
    CHECK(is_idle(wire.loop));
    CHECK_RECEIVES(wire.loop, wire.theirs, "ab");
    wire_end(&wire);
}

static void a_drained_buffer_gives_its_memory_back(void)
{
    struct wire wire;
    wire_begin(&wire, tight_unix_pair);
    size_t before = heap_bytes();
    write_pattern(wire.transport, MUCH, 0);
    CHECK(heap_bytes() > before);
    transport_write_eof(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    settle(wire.loop);
    CHECK(heap_bytes() <= before + 65536);
    wire_end(&wire);
}

static void without_memory_for_the_rest_the_connection_is_lost_and_says_so(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    char *data = malloc(MUCH);
    REQUIRE(data != NULL);
    pattern_fill(data, MUCH, 0);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    CHECK_INT(transport_write(wire.transport, data, MUCH), 0);
    CHECK(kernel_failed(KERNEL_MEMORY));
    CHECK(transport_is_closing(wire.transport));
    CHECK_TRACE("");
    EXPECT(wire.loop, "CL(ENOMEM)");
    free(data);
    wire_end(&wire);
}

struct late_write {
    struct handle handle;
    struct transport *transport;
    struct loop *loop;
};

static void write_late(void *context)
{
    struct late_write *late = context;
    transport_write(late->transport, "from a thread", 13);
}

static void *ask_to_write(void *context)
{
    struct late_write *late = context;
    return loop_call_soon_threadsafe(late->loop, &late->handle) == 0 ? late : NULL;
}

static void a_thread_may_ask_the_loop_to_write(void)
{
    struct wire wire;
    pthread_t thread;
    void *asked = NULL;
    wire_begin(&wire, tcp_pair);
    struct late_write late = {.transport = wire.transport, .loop = wire.loop};
    handle_init(&late.handle, write_late, &late);
    REQUIRE(pthread_create(&thread, NULL, ask_to_write, &late) == 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "from a thread");
    pthread_join(thread, &asked);
    CHECK(asked != NULL);
    wire_end(&wire);
}

/* write_eof. */

static void after_write_eof_the_peer_sees_the_end_and_may_still_send(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_write(wire.transport, "q", 1);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK(!transport_is_closing(wire.transport));
    CHECK_INT(transport_write(wire.transport, "x", 1), -EPIPE);
    CHECK_INT(transport_write(wire.transport, "", 0), -EPIPE);
    CHECK_INT(transport_writelines(wire.transport, NULL, 0), -EPIPE);
    CHECK_RECEIVES(wire.loop, wire.theirs, "q");
    CHECK_END(wire.loop, wire.theirs);
    peer_send(wire.theirs, "reply");
    EXPECT(wire.loop, "DR(reply)");
    transport_close(wire.transport);
    EXPECT(wire.loop, "DR(reply);CL(None)");
    wire_end(&wire);
}

static void write_eof_waits_for_what_is_unsent(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    CHECK_TRACE("");
    peer_send(wire.theirs, "after");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(after);CL(None)");
    wire_end(&wire);
}

static void write_eof_then_close_still_sends_everything(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    transport_close(wire.transport);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void write_eof_on_a_reset_socket_says_so_to_its_caller(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    CHECK_INT(transport_write_eof(wire.transport), -ENOTCONN);
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void write_eof_while_closing_does_nothing(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_close(wire.transport);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_INT(transport_write(wire.transport, "x", 1), 0);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static const struct test tests[] = {
    TEST(what_the_socket_takes_is_with_the_peer_before_write_returns),
    TEST(what_the_socket_does_not_take_waits_and_arrives_in_order),
    TEST(the_callers_bytes_may_change_after_write_returns),
    TEST(writing_nothing_does_nothing),
    TEST(several_buffers_leave_in_one_call),
    TEST(several_buffers_taken_in_part_arrive_whole),
    TEST(thousands_of_buffers_arrive_whole),
    TEST(sends_of_one_byte_lose_nothing),
    TEST(eight_mebibytes_written_byte_by_byte_arrive),
    TEST(a_full_or_interrupted_socket_is_no_error),
    TEST(with_nothing_unsent_the_writer_is_not_watched),
    TEST(a_drained_buffer_gives_its_memory_back),
    TEST(without_memory_for_the_rest_the_connection_is_lost_and_says_so),
    TEST(a_thread_may_ask_the_loop_to_write),
    TEST(after_write_eof_the_peer_sees_the_end_and_may_still_send),
    TEST(write_eof_waits_for_what_is_unsent),
    TEST(write_eof_then_close_still_sends_everything),
    TEST(write_eof_on_a_reset_socket_says_so_to_its_caller),
    TEST(write_eof_while_closing_does_nothing),
};
const struct test_group writing_group = TEST_GROUP("writing", tests);
