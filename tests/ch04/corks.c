/* Corks: what is written between cork and uncork leaves together; everything else is as it was. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

static void sixteen_writes_leave_in_one_send(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    transport_cork(wire.transport);
    for (int i = 0; i < 16; i++)
        CHECK_INT(transport_write(wire.transport, "abcd", 4), 0);
    CHECK_INT(kernel_count(KERNEL_SEND), before);
    CHECK_SILENCE(wire.theirs);
    transport_uncork(wire.transport);
    CHECK_INT(kernel_count(KERNEL_SEND), before + 1);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd");
    CHECK(is_idle(wire.loop));
    CHECK_INT(kernel_count(KERNEL_SEND), before + 1);
    wire_end(&wire);
}

static void held_bytes_count_in_the_size_of_the_buffer(void)
{
    struct wire wire;
    struct iovec lines[] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    transport_write(wire.transport, "12345", 5);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 5);
    CHECK_INT(transport_writelines(wire.transport, lines, 3), 0);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 10);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "12345abcde");
    wire_end(&wire);
}

static void a_cork_around_nothing_sends_nothing(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    transport_cork(wire.transport);
    transport_write(wire.transport, "", 0);
    transport_uncork(wire.transport);
    CHECK_INT(kernel_count(KERNEL_SEND), before);
    CHECK(is_idle(wire.loop));
    wire_end(&wire);
}

static void corks_nest_and_only_the_last_uncork_sends(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    for (int i = 0; i < 200; i++)
        transport_cork(wire.transport);
    transport_write(wire.transport, "in", 2);
    for (int i = 0; i < 199; i++)
        transport_uncork(wire.transport);
    transport_write(wire.transport, "side", 4);
    CHECK_INT(kernel_count(KERNEL_SEND), before);
    transport_uncork(wire.transport);
    CHECK_INT(kernel_count(KERNEL_SEND), before + 1);
    CHECK_RECEIVES(wire.loop, wire.theirs, "inside");
    wire_end(&wire);
}

static void after_the_uncork_a_write_leaves_at_once_again(void)
{
    struct wire wire;
    char data[2];
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    transport_write(wire.transport, "a", 1);
    transport_uncork(wire.transport);
    transport_write(wire.transport, "b", 1);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_INT(read(wire.theirs, data, 1), 1); /* the loop has not turned */
    CHECK_INT(read(wire.theirs, data + 1, 1), 1);
    CHECK(memcmp(data, "ab", 2) == 0);
    wire_end(&wire);
}

static void what_the_socket_does_not_take_at_the_uncork_waits(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_move_at_most(KERNEL_SEND, 3);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abcde", 5);
    transport_write(wire.transport, "fgh", 3);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 5);
    transport_write(wire.transport, "ij", 2);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 7);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcdefghij");
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK(is_idle(wire.loop));
    wire_end(&wire);
}

static void a_full_socket_at_the_uncork_is_no_error(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 3);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abc");
    CHECK_TRACE("");
    wire_end(&wire);
}

static void behind_unsent_bytes_corked_ones_keep_their_place(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_move_at_most(KERNEL_SEND, 2);
    transport_write(wire.transport, "abcd", 4);
    transport_cork(wire.transport);
    transport_write(wire.transport, "ef", 2);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 4);
    transport_uncork(wire.transport);
    transport_write(wire.transport, "gh", 2);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcdefgh");
    CHECK(is_idle(wire.loop));
    wire_end(&wire);
}

static void write_eof_while_corked_sends_what_is_held_then_the_end(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_INT(transport_write(wire.transport, "d", 1), -EPIPE);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abc");
    CHECK_END(wire.loop, wire.theirs);
    transport_uncork(wire.transport);
    peer_send(wire.theirs, "on");
    EXPECT(wire.loop, "DR(on)");
    wire_end(&wire);
}

static void write_eof_while_corked_waits_for_what_the_socket_does_not_take(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_move_at_most(KERNEL_SEND, 2);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abcde", 5);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 3);
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcde");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void close_while_corked_sends_what_is_held(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    transport_close(wire.transport);
    transport_write(wire.transport, "late", 4); /* the buffer was empty: dropped */
    transport_uncork(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    CHECK_RECEIVES(wire.loop, wire.theirs, "abc");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void close_while_corked_waits_for_what_the_socket_does_not_take(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_move_at_most(KERNEL_SEND, 2);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abcde", 5);
    transport_close(wire.transport);
    transport_uncork(wire.transport);
    CHECK_TRACE("");
    CHECK_RECEIVES(wire.loop, wire.theirs, "abcde");
    CHECK_END(wire.loop, wire.theirs);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void abort_while_corked_drops_what_is_held(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_SEND);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    transport_abort(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    transport_uncork(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    CHECK_INT(kernel_count(KERNEL_SEND), before);
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void a_peer_that_is_gone_is_found_out_at_the_uncork(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    transport_retain(wire.transport);
    transport_cork(wire.transport);
    CHECK_INT(transport_write(wire.transport, "abc", 3), 0);
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    CHECK(!transport_is_closing(wire.transport));
    transport_uncork(wire.transport);
    CHECK(transport_is_closing(wire.transport));
    CHECK_TRACE("");
    EXPECT(wire.loop, "CL(EPIPE)");
    transport_release(wire.transport);
    wire_end(&wire);
}

static void corking_after_the_loss_is_harmless(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_retain(wire.transport);
    transport_abort(wire.transport);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    transport_uncork(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    transport_release(wire.transport);
    wire_end(&wire);
}

static void without_memory_for_held_bytes_the_connection_is_lost(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_cork(wire.transport);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    CHECK_INT(transport_write(wire.transport, "abc", 3), 0);
    CHECK(kernel_failed(KERNEL_MEMORY));
    CHECK(transport_is_closing(wire.transport));
    transport_write(wire.transport, "d", 1);
    transport_uncork(wire.transport);
    EXPECT(wire.loop, "CL(ENOMEM)");
    wire_end(&wire);
}

static void held_memory_is_given_back(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    size_t before = heap_bytes();
    transport_cork(wire.transport);
    write_pattern(wire.transport, 100000, 0);
    CHECK(heap_bytes() > before);
    transport_uncork(wire.transport);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), 100000);
    CHECK(heap_bytes() <= before);
    wire_end(&wire);
}

static void the_loop_may_be_closed_while_bytes_are_held(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_retain(wire.transport);
    transport_cork(wire.transport);
    transport_write(wire.transport, "abc", 3);
    CHECK_INT(loop_close(wire.loop), 0);
    transport_uncork(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_INT(wire.protocol.released, 1);
    CHECK_INT(wire.protocol.lost, 0);
    transport_release(wire.transport);
    free_loop(wire.loop);
    close(wire.theirs);
}

static const struct test tests[] = {
    TEST(sixteen_writes_leave_in_one_send),
    TEST(held_bytes_count_in_the_size_of_the_buffer),
    TEST(a_cork_around_nothing_sends_nothing),
    TEST(corks_nest_and_only_the_last_uncork_sends),
    TEST(after_the_uncork_a_write_leaves_at_once_again),
    TEST(what_the_socket_does_not_take_at_the_uncork_waits),
    TEST(a_full_socket_at_the_uncork_is_no_error),
    TEST(behind_unsent_bytes_corked_ones_keep_their_place),
    TEST(write_eof_while_corked_sends_what_is_held_then_the_end),
    TEST(write_eof_while_corked_waits_for_what_the_socket_does_not_take),
    TEST(close_while_corked_sends_what_is_held),
    TEST(close_while_corked_waits_for_what_the_socket_does_not_take),
    TEST(abort_while_corked_drops_what_is_held),
    TEST(a_peer_that_is_gone_is_found_out_at_the_uncork),
    TEST(corking_after_the_loss_is_harmless),
    TEST(without_memory_for_held_bytes_the_connection_is_lost),
    TEST(held_memory_is_given_back),
    TEST(the_loop_may_be_closed_while_bytes_are_held),
};
const struct test_group cork_group = TEST_GROUP("corks", tests);
