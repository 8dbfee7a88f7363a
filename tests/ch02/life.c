/* The life of a transport: close, abort, loss, the loop's end, and what it may be asked afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "peers.h"
#include "socket_transport.h"

static void close_is_seen_at_once_and_connection_lost_comes_in_the_next_pass(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_close(wire.transport);
    CHECK(transport_is_closing(wire.transport));
    transport_close(wire.transport);
    CHECK_TRACE("");
    pass(wire.loop);
    CHECK_TRACE("CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void connection_lost_keeps_its_place_among_what_is_queued(void)
{
    struct wire wire;
    struct handle before = TRACES("before"), after = TRACES("after");
    wire_begin(&wire, tcp_pair);
    loop_call_soon(wire.loop, &before);
    transport_close(wire.transport);
    loop_call_soon(wire.loop, &after);
    pass(wire.loop);
    CHECK_TRACE("before;CL(None);after");
    wire_end(&wire);
}

static void closed_and_stopped_the_loop_calls_connection_lost_in_its_one_pass(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_close(wire.transport);
    loop_stop(wire.loop);
    CHECK_INT(loop_run_forever(wire.loop), 0);
    CHECK_TRACE("CL(None)");
    wire_end(&wire);
}

static void aborted_twice_and_closed_it_is_lost_once_and_the_peer_sees_an_end(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_abort(wire.transport);
    CHECK(transport_is_closing(wire.transport));
    transport_abort(wire.transport);
    transport_close(wire.transport);
    CHECK_TRACE("");
    EXPECT(wire.loop, "CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void close_and_mark(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_close(recording->transport);
    trace("closed");
}

static void closed_while_receiving_it_is_lost_only_after_the_callback_and_receives_no_more(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = close_and_mark;
    peer_send(wire.theirs, "1");
    settle(wire.loop);
    CHECK_TRACE("DR(1);closed;CL(None)");
    CHECK_INT(wire.protocol.received, 1);
    wire_end(&wire);
}

static void abort_and_mark(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_abort(recording->transport);
    trace("aborted");
}

static void aborted_while_receiving_it_hears_nothing_of_the_peers_end(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = abort_and_mark;
    peer_send(wire.theirs, "1");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(1);aborted;CL(None)");
    wire_end(&wire);
}

static void write_when_lost(struct recording *recording, const struct error *exc)
{
    (void)exc;
    CHECK(transport_is_closing(recording->transport));
    CHECK_INT(transport_write(recording->transport, "x", 1), 0);
    CHECK_INT(transport_get_write_buffer_size(recording->transport), 0);
    transport_close(recording->transport);
    transport_abort(recording->transport);
}

static void what_is_written_in_connection_lost_is_dropped(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_lost = write_when_lost;
    transport_close(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void check_harmless(struct transport *transport)
{
    struct error *error = error_new(&error_application, 1, "late");
    const struct iovec one = {.iov_base = "x", .iov_len = 1};
    CHECK_INT(transport_write(transport, "x", 1), 0);
    CHECK_INT(transport_writelines(transport, &one, 1), 0);
    CHECK_INT(transport_write_eof(transport), 0);
    transport_close(transport);
    transport_abort(transport);
    transport_fail(transport, error);
    CHECK(transport_is_closing(transport));
    CHECK_INT(transport_get_write_buffer_size(transport), 0);
    CHECK(transport_get_protocol(transport) == NULL);
    CHECK(transport_can_write_eof(transport));
    CHECK_INT(*(const int *)transport_get_extra_info(transport, "socket"), -1);
    error_release(error);
}

static void retained_after_the_loss_every_call_is_harmless(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    CHECK(transport_retain(wire.transport) == wire.transport);
    transport_close(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    check_harmless(wire.transport);
    EXPECT(wire.loop, "CL(None)");
    transport_release(wire.transport);
    wire_end(&wire);
}

static void retained_after_the_loops_end_every_call_is_harmless(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_retain(wire.transport);
    CHECK_INT(loop_close(wire.loop), 0);
    CHECK_TRACE("");
    CHECK_INT(wire.protocol.released, 1);
    check_harmless(wire.transport);
    free_loop(wire.loop);
    check_harmless(wire.transport);
    transport_release(wire.transport);
    CHECK_INT(wire.protocol.lost, 0);
    CHECK_INT(wire.protocol.released, 1);
    close(wire.theirs);
}

static void no_transport_can_be_retained_and_released(void)
{
    CHECK(transport_retain(NULL) == NULL);
    transport_release(NULL);
}

/* The loop's end. */

static void a_closed_loop_lets_go_of_open_transports_without_connection_lost(void)
{
    struct wire wire;
    wire_begin(&wire, tight_pair);
    write_pattern(wire.transport, 1000000, 0);
    CHECK(transport_get_write_buffer_size(wire.transport) > 0);
    CHECK_INT(loop_close(wire.loop), 0);
    CHECK_TRACE("");
    CHECK_INT(wire.protocol.released, 1);
    CHECK_INT(wire.protocol.lost, 0);
    CHECK(fcntl(wire.ours, F_GETFD) < 0);
    free_loop(wire.loop);
    close(wire.theirs);
}

static void a_loop_closed_before_connection_made_releases_the_protocol(void)
{
    struct wire wire;
    struct handle waiter = TRACES("RET");
    wire_prepare(&wire, tcp_pair);
    wire_start(&wire, &waiter);
    loop_close(wire.loop);
    CHECK_TRACE("");
    CHECK_INT(wire.protocol.made, 0);
    CHECK_INT(wire.protocol.released, 1);
    CHECK(!handle_is_scheduled(&waiter));
    free_loop(wire.loop);
    close(wire.theirs);
}

static void a_loop_closed_between_close_and_connection_lost_releases_the_protocol(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    transport_close(wire.transport);
    loop_close(wire.loop);
    CHECK_TRACE("");
    CHECK_INT(wire.protocol.released, 1);
    free_loop(wire.loop);
    close(wire.theirs);
}

static void many_transports_end_with_their_loop(void)
{
    enum { COUNT = 50 };
    static struct recording protocols[COUNT];
    static int ends[COUNT][2];
    struct loop *loop = new_loop();
    struct transport *transports[COUNT];
    for (int i = 0; i < COUNT; i++) {
        unix_pair(ends[i]);
        recording_init(&protocols[i], "p");
        transports[i] = socket_transport_create(loop, ends[i][0], &protocols[i].protocol, NULL);
        REQUIRE(transports[i] != NULL);
    }
    settle(loop);
    for (int i = 0; i < COUNT; i += 3)
        transport_close(transports[i]);
    settle(loop);
    loop_close(loop);
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(protocols[i].lost, i % 3 == 0);
        CHECK_INT(protocols[i].released, 1);
        close(ends[i][1]);
    }
    free_loop(loop);
}

/* Changing the protocol. */

static void a_new_protocol_gets_the_next_event_and_no_connection_made(void)
{
    struct wire wire;
    struct recording next;
    recording_init(&next, "b");
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "1");
    EXPECT(wire.loop, "DR(1)");
    transport_retain(wire.transport);
    transport_set_protocol(wire.transport, &next.protocol);
    CHECK_INT(wire.protocol.released, 1);
    CHECK(transport_get_protocol(wire.transport) == &next.protocol);
    peer_send(wire.theirs, "2");
    EXPECT(wire.loop, "DR(1);b.DR(2)");
    transport_close(wire.transport);
    EXPECT(wire.loop, "DR(1);b.DR(2);b.CL(None)");
    CHECK(transport_get_protocol(wire.transport) == NULL);
    CHECK_INT(next.released, 1);
    CHECK_INT(next.made, 0);
    CHECK_INT(wire.protocol.lost, 0);
    CHECK_INT(wire.protocol.released, 1);
    transport_release(wire.transport);
    free_loop(wire.loop);
    close(wire.theirs);
}

static void hand_over(struct recording *recording, const void *data, size_t size)
{
    struct recording *next = recording->context;
    (void)data;
    (void)size;
    transport_set_protocol(recording->transport, &next->protocol);
    CHECK_INT(recording->released, 1);
}

static void a_protocol_may_be_replaced_inside_its_own_callback(void)
{
    struct wire wire;
    struct recording next;
    recording_init(&next, "b");
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = hand_over;
    wire.protocol.context = &next;
    peer_send(wire.theirs, "1");
    EXPECT(wire.loop, "DR(1)");
    peer_send(wire.theirs, "2");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(1);b.DR(2);b.CL(None)");
    CHECK_INT(next.released, 1);
    CHECK_INT(wire.protocol.lost, 0);
    free_loop(wire.loop);
    close(wire.theirs);
}

static void free_recording(struct recording *recording)
{
    free(recording);
}

static void hand_over_for_good(struct recording *recording, const void *data, size_t size)
{
    struct recording *next = recording->context;
    (void)data;
    (void)size;
    transport_set_protocol(recording->transport, &next->protocol);
}

static void a_protocol_may_free_itself_when_it_is_replaced_in_its_own_callback(void)
{
    struct loop *loop = new_loop();
    struct recording *first = malloc(sizeof *first), second;
    int ends[2];
    REQUIRE(first != NULL);
    tcp_pair(ends);
    recording_init(first, "a");
    recording_init(&second, "b");
    first->on_released = free_recording;
    first->on_data = hand_over_for_good;
    first->context = &second;
    REQUIRE(socket_transport_create(loop, ends[0], &first->protocol, NULL) != NULL);
    peer_send(ends[1], "1");
    EXPECT(loop, "a.CM;a.DR(1)");
    peer_send(ends[1], "2");
    peer_end(ends[1]);
    EXPECT(loop, "a.CM;a.DR(1);b.DR(2);b.CL(None)");
    CHECK_INT(second.released, 1);
    free_loop(loop);
    close(ends[1]);
}

static void retain_it(struct recording *recording)
{
    transport_retain(recording->transport);
}

static void release_it(struct recording *recording, const struct error *exc)
{
    (void)exc;
    transport_release(recording->transport);
}

static void a_protocol_may_keep_its_transport_and_let_it_go_when_it_is_lost(void)
{
    struct wire wire;
    wire_prepare(&wire, tcp_pair);
    wire.protocol.on_made = retain_it;
    wire.protocol.on_lost = release_it;
    wire_start(&wire, NULL);
    peer_end(wire.theirs);
    EXPECT(wire.loop, "CM;CL(None)");
    wire_end(&wire);
}

static void a_protocol_set_after_the_loss_is_released_at_once(void)
{
    struct wire wire;
    struct recording late;
    recording_init(&late, "late");
    wire_begin(&wire, tcp_pair);
    transport_retain(wire.transport);
    transport_close(wire.transport);
    settle(wire.loop);
    transport_set_protocol(wire.transport, &late.protocol);
    CHECK_INT(late.released, 1);
    CHECK(transport_get_protocol(wire.transport) == NULL);
    transport_release(wire.transport);
    wire_end(&wire);
}

static void a_protocol_without_callbacks_is_fine(void)
{
    static const struct protocol_callbacks none = {0};
    struct protocol quiet = {&none};
    struct loop *loop = new_loop();
    int ends[2];
    tcp_pair(ends);
    REQUIRE(socket_transport_create(loop, ends[0], &quiet, NULL) != NULL);
    peer_send(ends[1], "x");
    peer_end(ends[1]);
    settle(loop);
    CHECK_END(loop, ends[1]);
    CHECK(fcntl(ends[0], F_GETFD) < 0);
    close(ends[1]);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(close_is_seen_at_once_and_connection_lost_comes_in_the_next_pass),
    TEST(connection_lost_keeps_its_place_among_what_is_queued),
    TEST(closed_and_stopped_the_loop_calls_connection_lost_in_its_one_pass),
    TEST(aborted_twice_and_closed_it_is_lost_once_and_the_peer_sees_an_end),
    TEST(closed_while_receiving_it_is_lost_only_after_the_callback_and_receives_no_more),
    TEST(aborted_while_receiving_it_hears_nothing_of_the_peers_end),
    TEST(what_is_written_in_connection_lost_is_dropped),
    TEST(retained_after_the_loss_every_call_is_harmless),
    TEST(retained_after_the_loops_end_every_call_is_harmless),
    TEST(no_transport_can_be_retained_and_released),
    TEST(a_closed_loop_lets_go_of_open_transports_without_connection_lost),
    TEST(a_loop_closed_before_connection_made_releases_the_protocol),
    TEST(a_loop_closed_between_close_and_connection_lost_releases_the_protocol),
    TEST(many_transports_end_with_their_loop),
    TEST(a_new_protocol_gets_the_next_event_and_no_connection_made),
    TEST(a_protocol_may_be_replaced_inside_its_own_callback),
    TEST(a_protocol_may_free_itself_when_it_is_replaced_in_its_own_callback),
    TEST(a_protocol_may_keep_its_transport_and_let_it_go_when_it_is_lost),
    TEST(a_protocol_set_after_the_loss_is_released_at_once),
    TEST(a_protocol_without_callbacks_is_fine),
};
const struct test_group life_group = TEST_GROUP("the life of a transport", tests);
