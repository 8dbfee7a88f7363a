/* The peer's end: eof_received, half-closed connections. */
#include <errno.h>
#include <unistd.h>

#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"
#include "socket_transport.h"

enum { MUCH = 2000000 };

static void hearing_begin(struct wire *wire, void (*pair)(int ends[2]))
{
    wire_begin(wire, pair);
    hear_the_end(wire);
}

static void the_end_comes_after_the_data_and_closes_by_default(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(abc);EOF;CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void a_closed_peer_is_an_end_too(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    peer_close(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "DR(abc);EOF;CL(None)");
    wire_end(&wire);
}

static void eof_keeps_the_connection_open_when_the_protocol_says_so(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.keep_open = true;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF");
    CHECK(!transport_is_closing(wire.transport));
    CHECK(is_idle(wire.loop));
    CHECK_INT(transport_write(wire.transport, "late", 4), 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "late");
    transport_close(wire.transport);
    EXPECT(wire.loop, "EOF;CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    CHECK_INT(wire.protocol.ends, 1);
    wire_end(&wire);
}

static void kept_open_only_a_failing_write_notices_that_the_peer_is_gone(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.keep_open = true;
    peer_close(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "EOF");
    CHECK_INT(transport_write(wire.transport, "1", 1), 0);
    EXPECT(wire.loop, "EOF");
    CHECK_INT(transport_write(wire.transport, "2", 1), 0);
    EXPECT(wire.loop, "EOF;CL(EPIPE)");
    wire_end(&wire);
}

static void check_open(struct recording *recording)
{
    CHECK(!transport_is_closing(recording->transport));
    transport_write(recording->transport, "bye", 3);
    trace("bye");
}

static void what_is_written_in_eof_received_is_delivered_before_the_close(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_end = check_open;
    peer_send(wire.theirs, "hi");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(hi);EOF;bye;CL(None)");
    CHECK_RECEIVES(wire.loop, wire.theirs, "bye");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void close_in_end(struct recording *recording)
{
    transport_close(recording->transport);
}

static void closed_in_eof_received_it_is_closed_whatever_that_returns(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_end = close_in_end;
    wire.protocol.keep_open = true;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF;CL(None)");
    wire_end(&wire);
}

static void abort_in_end(struct recording *recording)
{
    transport_abort(recording->transport);
}

static void aborted_in_eof_received_it_is_lost_once(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_end = abort_in_end;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF;CL(None)");
    wire_end(&wire);
}

static void at_the_end_what_is_unsent_is_still_sent(void)
{
    struct wire wire;
    hearing_begin(&wire, tight_pair);
    write_pattern(wire.transport, MUCH, 0);
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF");
    CHECK(transport_is_closing(wire.transport));
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), MUCH);
    EXPECT(wire.loop, "EOF;CL(None)");
    wire_end(&wire);
}

static void fail_in_end(struct recording *recording)
{
    fail_with(recording, "boom");
}

static void a_failure_in_eof_received_is_reported_and_ends_the_connection(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_end = fail_in_end;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF;EXH[Fatal error: protocol.eof_received() call failed.|boom];CL(boom)");
    wire_end(&wire);
}

static void fail_in_end_by_errno(struct recording *recording)
{
    fail_with_errno(recording, EIO);
}

static void a_system_error_in_eof_received_goes_only_to_connection_lost(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_end = fail_in_end_by_errno;
    wire.protocol.keep_open = true;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF;CL(EIO)");
    wire_end(&wire);
}

static void a_reset_is_no_end(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    CHECK_INT(wire.protocol.ends, 0);
    wire_end(&wire);
}

static void abort_while_receiving(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_abort(recording->transport);
}

static void aborted_before_the_end_is_read_it_is_not_heard(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.on_data = abort_while_receiving;
    peer_send(wire.theirs, "x");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(x);CL(None)");
    wire_end(&wire);
}

static void after_write_eof_and_the_peers_end_the_connection_closes(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    transport_write(wire.transport, "q", 1);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "q");
    CHECK_END(wire.loop, wire.theirs);
    peer_send(wire.theirs, "after");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(after);EOF;CL(None)");
    wire_end(&wire);
}

static void with_the_end_kept_open_write_eof_ends_our_side(void)
{
    struct wire wire;
    hearing_begin(&wire, tcp_pair);
    wire.protocol.keep_open = true;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF");
    transport_write(wire.transport, "x", 1);
    CHECK_INT(transport_write_eof(wire.transport), 0);
    CHECK_RECEIVES(wire.loop, wire.theirs, "x");
    CHECK_END(wire.loop, wire.theirs);
    settle(wire.loop);
    CHECK_TRACE("EOF");
    wire_end(&wire);
}

static void replace_in_end(struct recording *recording)
{
    struct recording *next = recording->context;
    transport_set_protocol(recording->transport, &next->protocol);
}

static void a_protocol_replaced_in_eof_received_leaves_the_rest_to_the_new_one(void)
{
    struct wire wire;
    struct recording next;
    hearing_begin(&wire, tcp_pair);
    recording_init(&next, "b");
    next.protocol.callbacks = &recording_end_callbacks;
    wire.protocol.on_end = replace_in_end;
    wire.protocol.context = &next;
    peer_end(wire.theirs);
    EXPECT(wire.loop, "EOF;b.CL(None)");
    CHECK_INT(wire.protocol.released, 1);
    CHECK_INT(wire.protocol.lost, 0);
    CHECK_INT(next.released, 1);
    free_loop(wire.loop);
    peer_close(wire.theirs);
}

static void a_protocol_set_between_events_hears_the_end(void)
{
    struct wire wire;
    struct recording next;
    hearing_begin(&wire, tcp_pair);
    recording_init(&next, "b");
    next.protocol.callbacks = &recording_end_callbacks;
    transport_set_protocol(wire.transport, &next.protocol);
    peer_send(wire.theirs, "x");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "b.DR(x);b.EOF;b.CL(None)");
    CHECK_INT(next.released, 1);
    CHECK_INT(wire.protocol.released, 1);
    free_loop(wire.loop);
    peer_close(wire.theirs);
}

static void a_unix_peer_that_leaves_our_bytes_unread_is_no_end(void)
{
    struct wire wire;
    hearing_begin(&wire, unix_pair);
    transport_write(wire.transport, "unread", 6);
    peer_close(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void send_to_other(struct recording *recording, const void *data, size_t size)
{
    struct recording *other = recording->context;
    if (other->transport != NULL)
        transport_write(other->transport, data, size);
}

static void close_other(struct recording *recording, const struct error *exc)
{
    struct recording *other = recording->context;
    (void)exc;
    if (other->transport != NULL)
        transport_close(other->transport);
}

static void a_proxy_passes_the_end_on_by_closing_the_other_side(void)
{
    struct loop *loop = new_loop();
    struct recording sides[2];
    int left[2], right[2];
    tcp_pair(left);
    tcp_pair(right);
    for (int i = 0; i < 2; i++) {
        recording_init(&sides[i], i == 0 ? "A" : "B");
        sides[i].protocol.callbacks = &recording_end_callbacks;
        sides[i].context = &sides[1 - i];
        sides[i].on_lost = close_other;
    }
    sides[0].on_data = send_to_other;
    sides[1].on_data = send_to_other;
    REQUIRE(socket_transport_create(loop, left[0], &sides[0].protocol, NULL) != NULL);
    REQUIRE(socket_transport_create(loop, right[0], &sides[1].protocol, NULL) != NULL);
    EXPECT(loop, "A.CM;B.CM");
    trace_clear();
    peer_send(left[1], "ping");
    CHECK_RECEIVES(loop, right[1], "ping");
    peer_send(right[1], "pong");
    CHECK_RECEIVES(loop, left[1], "pong");
    peer_end(left[1]);
    EXPECT(loop, "A.DR(ping);B.DR(pong);A.EOF;A.CL(None);B.CL(None)");
    CHECK_END(loop, right[1]);
    CHECK_LIVED(&sides[0]);
    CHECK_LIVED(&sides[1]);
    peer_close(left[1]);
    peer_close(right[1]);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(the_end_comes_after_the_data_and_closes_by_default),
    TEST(a_closed_peer_is_an_end_too),
    TEST(eof_keeps_the_connection_open_when_the_protocol_says_so),
    TEST(kept_open_only_a_failing_write_notices_that_the_peer_is_gone),
    TEST(what_is_written_in_eof_received_is_delivered_before_the_close),
    TEST(closed_in_eof_received_it_is_closed_whatever_that_returns),
    TEST(aborted_in_eof_received_it_is_lost_once),
    TEST(at_the_end_what_is_unsent_is_still_sent),
    TEST(a_failure_in_eof_received_is_reported_and_ends_the_connection),
    TEST(a_system_error_in_eof_received_goes_only_to_connection_lost),
    TEST(a_reset_is_no_end),
    TEST(aborted_before_the_end_is_read_it_is_not_heard),
    TEST(after_write_eof_and_the_peers_end_the_connection_closes),
    TEST(with_the_end_kept_open_write_eof_ends_our_side),
    TEST(a_protocol_replaced_in_eof_received_leaves_the_rest_to_the_new_one),
    TEST(a_protocol_set_between_events_hears_the_end),
    TEST(a_unix_peer_that_leaves_our_bytes_unread_is_no_end),
    TEST(a_proxy_passes_the_end_on_by_closing_the_other_side),
};
const struct test_group end_group = TEST_GROUP("the peer's end", tests);
