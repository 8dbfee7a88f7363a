/* pause_reading and resume_reading. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch05/flowing.h"
#include "groups.h"

static void paused_nothing_is_delivered_until_it_is_resumed(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK(transport_is_reading(flow.transport));
    transport_pause_reading(flow.transport);
    CHECK(!transport_is_reading(flow.transport));
    peer_send(flow.theirs, "abc");
    pass(flow.loop);
    CHECK(is_idle(flow.loop));
    CHECK_TRACE("");
    transport_resume_reading(flow.transport);
    CHECK(transport_is_reading(flow.transport));
    CHECK_TRACE(""); /* in a later pass, not here */
    EXPECT(flow.loop, "DR(abc)");
    flow_end(&flow);
}

static void twice_is_as_once(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_resume_reading(flow.transport);
    transport_pause_reading(flow.transport);
    transport_pause_reading(flow.transport);
    peer_send(flow.theirs, "abc");
    pass(flow.loop);
    CHECK(is_idle(flow.loop));
    transport_resume_reading(flow.transport);
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "DR(abc)");
    peer_send(flow.theirs, "def");
    EXPECT(flow.loop, "DR(abcdef)");
    flow_end(&flow);
}

static void paused_the_end_waits_behind_the_data(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_pause_reading(flow.transport);
    peer_send(flow.theirs, "abc");
    peer_end(flow.theirs);
    pass(flow.loop);
    CHECK_TRACE("");
    CHECK(!transport_is_closing(flow.transport));
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "DR(abc);EOF;CL(None)");
    flow_end(&flow);
}

static void paused_a_reset_waits_too(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_pause_reading(flow.transport);
    peer_reset(flow.theirs);
    flow.theirs = -1;
    pass(flow.loop);
    CHECK_TRACE("");
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "CL(ECONNRESET)");
    flow_end(&flow);
}

static void kept_open_paused_and_resumed_the_end_comes_again(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    flow.protocol.recording.keep_open = true;
    peer_end(flow.theirs);
    EXPECT(flow.loop, "EOF");
    CHECK(transport_is_reading(flow.transport));
    transport_pause_reading(flow.transport);
    transport_resume_reading(flow.transport);
    flow.protocol.recording.keep_open = false;
    EXPECT(flow.loop, "EOF;EOF;CL(None)");
    flow_end(&flow);
}

static void pause_made(struct recording *recording)
{
    transport_pause_reading(recording->transport);
    CHECK(!transport_is_reading(recording->transport));
}

static void paused_in_connection_made_not_even_the_first_data_come(void)
{
    struct flow flow;
    flow_prepare(&flow, tcp_pair);
    flow.protocol.recording.on_made = pause_made;
    peer_send(flow.theirs, "abc");
    flow_start(&flow);
    settle(flow.loop);
    CHECK_TRACE("CM");
    CHECK(!transport_is_reading(flow.transport));
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "CM;DR(abc)");
    flow_end(&flow);
}

static void paused_before_connection_made_it_holds(void)
{
    struct flow flow;
    flow_prepare(&flow, tcp_pair);
    peer_send(flow.theirs, "abc");
    flow_start(&flow);
    transport_pause_reading(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("CM");
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "CM;DR(abc)");
    flow_end(&flow);
}

static void paused_and_resumed_in_connection_made_nothing_has_changed(void)
{
    struct flow flow;
    flow_prepare(&flow, tcp_pair);
    peer_send(flow.theirs, "abc");
    flow_start(&flow);
    transport_pause_reading(flow.transport);
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "CM;DR(abc)");
    flow_end(&flow);
}

static void pause_data(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_pause_reading(recording->transport);
}

static void paused_in_each_data_received_one_delivery_comes_per_resume(void)
{
    struct flow flow;
    flow_begin(&flow, unix_pair);
    flow.protocol.recording.on_data = pause_data;
    kernel_move_at_most(KERNEL_RECEIVE, 2);
    peer_send(flow.theirs, "abcdef");
    peer_end(flow.theirs);
    settle(flow.loop);
    CHECK_TRACE("DR(ab)");
    transport_resume_reading(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("DR(abcd)");
    transport_resume_reading(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("DR(abcdef)");
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "DR(abcdef);EOF;CL(None)");
    flow_end(&flow);
}

static void closing_both_do_nothing(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    socket_takes_nothing();
    put(flow.transport, 10);
    transport_pause_reading(flow.transport);
    transport_close(flow.transport);
    CHECK(!transport_is_reading(flow.transport));
    transport_resume_reading(flow.transport);
    transport_pause_reading(flow.transport);
    transport_resume_reading(flow.transport);
    CHECK(!transport_is_reading(flow.transport));
    peer_send(flow.theirs, "unheard");
    pass(flow.loop);
    CHECK_TRACE("");
    socket_takes(0);
    settle(flow.loop);
    CHECK_TRACE("CL(None)");
    flow_end(&flow);
}

static void after_the_loss_both_are_harmless(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_abort(flow.transport);
    transport_pause_reading(flow.transport);
    transport_resume_reading(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("CL(None)");
    transport_pause_reading(flow.transport);
    transport_resume_reading(flow.transport);
    CHECK(!transport_is_reading(flow.transport));
    CHECK(is_idle(flow.loop));
    flow_end(&flow);
}

static void paused_it_can_write_be_told_to_pause_and_be_closed(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_pause_reading(flow.transport);
    socket_takes_nothing();
    put(flow.transport, 65537);
    CHECK_TRACE("PW");
    transport_close(flow.transport);
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 65537);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void paused_a_lost_peer_is_found_by_writing(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_pause_reading(flow.transport);
    peer_reset(flow.theirs);
    flow.theirs = -1;
    pass(flow.loop);
    transport_write(flow.transport, "x", 1);
    settle(flow.loop);
    CHECK_CONTAINS(traced(), "CL(E");
    CHECK_INT(flow.protocol.recording.ends, 0);
    flow_end(&flow);
}

static void a_new_protocol_stays_paused(void)
{
    struct flow flow;
    struct flowing other;
    flow_begin(&flow, tcp_pair);
    flowing_init(&other, "b");
    other.recording.transport = flow.transport;
    transport_pause_reading(flow.transport);
    transport_set_protocol(flow.transport, &other.recording.protocol);
    peer_send(flow.theirs, "abc");
    pass(flow.loop);
    CHECK_TRACE("");
    transport_resume_reading(flow.transport);
    EXPECT(flow.loop, "b.DR(abc)");
    flow_end(&flow);
}

static void what_a_paused_side_leaves_unread_fills_the_kernel_and_no_memory_of_ours(void)
{
    struct flow flow;
    static char block[65536];
    flow_begin(&flow, tight_pair);
    transport_pause_reading(flow.transport);
    size_t before = heap_bytes(), sent = 0;
    for (int i = 0; i < 100; i++) {
        ssize_t taken = send(flow.theirs, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += taken > 0 ? (size_t)taken : 0;
        pass(flow.loop);
    }
    CHECK(sent < 4u << 20);
    CHECK_INT(heap_bytes(), before);
    CHECK(is_idle(flow.loop));
    flow.protocol.recording.counts_only = false;
    flow.protocol.recording.protocol.callbacks = &recording_callbacks;
    flow_end(&flow);
}

static void without_memory_to_watch_again_the_connection_is_lost(void)
{
    /* A watch was given up and is asked for again: its place is still there, so nothing needs memory. */
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    transport_pause_reading(flow.transport);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1000);
    transport_resume_reading(flow.transport);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 0);
    peer_send(flow.theirs, "abc");
    EXPECT(flow.loop, "DR(abc)");
    flow_end(&flow);
}

/* Buffered protocols. */

static char place[4];

static void *get_buffer(struct protocol *protocol, ptrdiff_t hint, size_t *size)
{
    (void)protocol;
    trace("GB(%td)", hint);
    *size = 2;
    return place;
}

static void pause_updated(struct protocol *protocol, size_t size)
{
    trace("BU(%zu)", size);
    transport_pause_reading(((struct recording *)protocol)->transport);
}

static void paused_in_buffer_updated_no_buffer_is_asked_for(void)
{
    struct protocol_callbacks callbacks = flowing_callbacks;
    struct flow flow;
    callbacks.get_buffer = get_buffer;
    callbacks.buffer_updated = pause_updated;
    flow_begin(&flow, tcp_pair);
    flow.protocol.recording.protocol.callbacks = &callbacks;
    peer_send(flow.theirs, "abcd");
    settle(flow.loop);
    CHECK_TRACE("GB(-1);BU(2)");
    CHECK(is_idle(flow.loop));
    transport_resume_reading(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("GB(-1);BU(2);GB(-1);BU(2)");
    flow_end(&flow);
}

static const struct test tests[] = {
    TEST(paused_nothing_is_delivered_until_it_is_resumed),
    TEST(twice_is_as_once),
    TEST(paused_the_end_waits_behind_the_data),
    TEST(paused_a_reset_waits_too),
    TEST(kept_open_paused_and_resumed_the_end_comes_again),
    TEST(paused_in_connection_made_not_even_the_first_data_come),
    TEST(paused_before_connection_made_it_holds),
    TEST(paused_and_resumed_in_connection_made_nothing_has_changed),
    TEST(paused_in_each_data_received_one_delivery_comes_per_resume),
    TEST(closing_both_do_nothing),
    TEST(after_the_loss_both_are_harmless),
    TEST(paused_it_can_write_be_told_to_pause_and_be_closed),
    TEST(paused_a_lost_peer_is_found_by_writing),
    TEST(a_new_protocol_stays_paused),
    TEST(what_a_paused_side_leaves_unread_fills_the_kernel_and_no_memory_of_ours),
    TEST(without_memory_to_watch_again_the_connection_is_lost),
    TEST(paused_in_buffer_updated_no_buffer_is_asked_for),
};
const struct test_group reading_group = TEST_GROUP("reading", tests);
