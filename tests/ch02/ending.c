/* Endings with bytes still unsent: close flushes, abort drops, and a peer may spoil either. */
#include <errno.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

enum { MUCH = 3000000 };

static void close_sends_everything_before_connection_lost(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    CHECK(transport_is_closing(wire.transport));
    settle(wire.loop);
    CHECK_TRACE("");
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void while_close_flushes_nothing_is_received(void)
{
    struct wire wire;
    int error;
    wire_begin(&wire, tight_unix_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    peer_send(wire.theirs, "never");
    CHECK_INT(peer_drain(wire.loop, wire.theirs, &error), MUCH);
    CHECK_INT(error, ECONNRESET); /* for its bytes were not read */
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void written_after_close_with_bytes_unsent_it_is_sent_too(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    write_pattern(wire.transport, 4, MUCH);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH + 4);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void written_after_close_with_nothing_unsent_it_is_dropped_and_logged_from_the_fifth_on(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_close(wire.transport);
    for (int i = 0; i < 7; i++) {
        CHECK_INT(transport_write(wire.transport, "x", 1), 0);
        if (i == 3)
            CHECK_TRACE("");
        CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    }
    EXPECT(wire.loop, "LOG[socket.send() raised exception.];LOG[socket.send() raised exception.];"
                      "LOG[socket.send() raised exception.];CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void note_soon(struct recording *recording, const struct error *exc)
{
    static struct handle soon;
    (void)exc;
    handle_init(&soon, trace_function, "soon");
    loop_call_soon(transport_get_loop(recording->transport), &soon);
}

static void after_the_last_byte_connection_lost_comes_in_that_same_pass(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_lost = note_soon;
    kernel_move_at_most(KERNEL_SEND, 1);
    transport_write(wire.transport, "abc", 3);
    transport_close(wire.transport);
    pass(wire.loop);
    CHECK_TRACE("");
    pass(wire.loop);
    CHECK_TRACE("CL(None)");
    pass(wire.loop);
    CHECK_TRACE("CL(None);soon");
    CHECK_RECEIVES(wire.loop, wire.theirs, "abc");
    wire_end(&wire);
}

static void abort_drops_what_is_unsent_at_once(void)
{
    struct wire wire;
    int error;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_abort(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    CHECK_TRACE("");
    pass(wire.loop);
    CHECK_TRACE("CL(None)");
    size_t got = peer_drain(wire.loop, wire.theirs, &error);
    CHECK(got > 0 && got < MUCH);
    CHECK_INT(error, 0);
    wire_end(&wire);
}

static void abort_cuts_the_flush_of_close_short(void)
{
    struct wire wire;
    int error;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    settle(wire.loop);
    CHECK_TRACE("");
    transport_abort(wire.transport);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    EXPECT(wire.loop, "CL(None)");
    CHECK(peer_drain(wire.loop, wire.theirs, &error) < MUCH);
    wire_end(&wire);
}

static void a_reset_during_the_flush_of_close_is_reported(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    settle(wire.loop);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void a_reset_with_bytes_unsent_loses_them_and_is_reported_once(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    settle(wire.loop);
    transport_retain(wire.transport);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    transport_release(wire.transport);
    wire_end(&wire);
}

static void the_peers_end_with_bytes_unsent_still_sends_them(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    peer_end(wire.theirs);
    settle(wire.loop);
    CHECK(transport_is_closing(wire.transport));
    CHECK_TRACE("");
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void closed_with_input_unread_the_peer_sees_a_reset(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "unread");
    transport_close(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    CHECK_RESET(wire.loop, wire.theirs);
    wire_end(&wire);
}

/* Errors of sending. */

static void a_write_to_a_peer_that_is_gone_returns_and_the_loss_comes_later(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    peer_close(wire.theirs);
    wire.theirs = -1;
    CHECK_INT(transport_write(wire.transport, "x", 1), 0);
    CHECK(transport_is_closing(wire.transport));
    CHECK_TRACE("");
    CHECK_INT(transport_write(wire.transport, "y", 1), 0);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    EXPECT(wire.loop, "CL(EPIPE)");
    wire_end(&wire);
}

static void the_first_write_after_the_peers_close_goes_well_and_the_second_does_not(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_close(wire.theirs);
    wire.theirs = -1;
    CHECK_INT(transport_write(wire.transport, "1", 1), 0);
    CHECK(!transport_is_closing(wire.transport));
    CHECK_INT(transport_write(wire.transport, "2", 1), 0);
    CHECK(transport_is_closing(wire.transport));
    EXPECT(wire.loop, "CL(EPIPE)");
    wire_end(&wire);
}

static void a_write_to_a_reset_connection_is_lost_with_that_error(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    CHECK_INT(transport_write(wire.transport, "x", 1), 0);
    CHECK(transport_is_closing(wire.transport));
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void an_error_while_the_rest_is_sent_is_the_loss(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    kernel_move_at_most(KERNEL_SEND, 1);
    transport_write(wire.transport, "abc", 3);
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    EXPECT(wire.loop, "CL(EPIPE)");
    wire_end(&wire);
}

static void writes_after_a_failed_one_are_logged_from_the_fifth_on(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    peer_close(wire.theirs);
    wire.theirs = -1;
    for (int i = 0; i < 6; i++)
        CHECK_INT(transport_write(wire.transport, "x", 1), 0);
    EXPECT(wire.loop, "LOG[socket.send() raised exception.];CL(EPIPE)");
    wire_end(&wire);
}

static void write_to_the_gone(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    transport_write(recording->transport, "x", 1);
    trace("written");
}

static void connection_lost_never_comes_from_inside_write(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = write_to_the_gone;
    peer_send(wire.theirs, "1");
    EXPECT(wire.loop, "DR(1);written;CL(EPIPE)");
    wire_end(&wire);
}

static void a_peer_that_never_reads_holds_the_connection_until_it_is_aborted(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    transport_close(wire.transport);
    settle(wire.loop);
    size_t waiting = transport_get_write_buffer_size(wire.transport);
    settle(wire.loop);
    CHECK(waiting > 0);
    CHECK_INT(transport_get_write_buffer_size(wire.transport), waiting);
    CHECK_TRACE("");
    transport_abort(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void abort_while_receiving(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_abort(recording->transport);
}

static void aborted_while_receiving_it_writes_no_more_in_that_pass(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = abort_while_receiving;
    kernel_move_at_most(KERNEL_SEND, 1);
    transport_write(wire.transport, "abc", 3);
    unsigned long before = kernel_count(KERNEL_SEND);
    peer_send(wire.theirs, "x"); /* readable and writable in the same pass */
    EXPECT(wire.loop, "DR(x);CL(None)");
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 0);
    wire_end(&wire);
}

static const struct test tests[] = {
    TEST(close_sends_everything_before_connection_lost),
    TEST(while_close_flushes_nothing_is_received),
    TEST(written_after_close_with_bytes_unsent_it_is_sent_too),
    TEST(written_after_close_with_nothing_unsent_it_is_dropped_and_logged_from_the_fifth_on),
    TEST(after_the_last_byte_connection_lost_comes_in_that_same_pass),
    TEST(abort_drops_what_is_unsent_at_once),
    TEST(aborted_while_receiving_it_writes_no_more_in_that_pass),
    TEST(abort_cuts_the_flush_of_close_short),
    TEST(a_reset_during_the_flush_of_close_is_reported),
    TEST(a_reset_with_bytes_unsent_loses_them_and_is_reported_once),
    TEST(the_peers_end_with_bytes_unsent_still_sends_them),
    TEST(closed_with_input_unread_the_peer_sees_a_reset),
    TEST(a_write_to_a_peer_that_is_gone_returns_and_the_loss_comes_later),
    TEST(the_first_write_after_the_peers_close_goes_well_and_the_second_does_not),
    TEST(a_write_to_a_reset_connection_is_lost_with_that_error),
    TEST(an_error_while_the_rest_is_sent_is_the_loss),
    TEST(writes_after_a_failed_one_are_logged_from_the_fifth_on),
    TEST(connection_lost_never_comes_from_inside_write),
    TEST(a_peer_that_never_reads_holds_the_connection_until_it_is_aborted),
};
const struct test_group ending_group = TEST_GROUP("ending", tests);
