/* The water marks: when a protocol is told to pause, and when to go on. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch05/flowing.h"
#include "groups.h"

/* Marks of 50 and 100, and a socket that takes nothing. */
static void begin(struct flow *flow)
{
    flow_begin(flow, tcp_pair);
    CHECK_INT(transport_set_write_buffer_limits(flow->transport, 100, 50), 0);
    socket_takes_nothing();
}

static void at_the_high_mark_nothing_above_it_a_pause_inside_write(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 100);
    CHECK_TRACE("");
    put(flow.transport, 1);
    CHECK_TRACE("PW");
    flow_end(&flow);
}

static void paused_only_once_however_much_is_written(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    put(flow.transport, 1000);
    put(flow.transport, 1);
    CHECK_TRACE("PW");
    CHECK_SIZE(&flow, 1102);
    flow_end(&flow);
}

static void above_the_low_mark_nothing_at_it_the_resume(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    drain(&flow, 50);
    CHECK_SIZE(&flow, 51);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_SIZE(&flow, 50);
    CHECK_TRACE("PW;RW");
    CHECK_INT(flow.protocol.size_at_resume, 50);
    flow_end(&flow);
}

static void resumed_only_once_while_the_rest_drains(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 120);
    for (int i = 0; i < 12; i++)
        drain(&flow, 10);
    CHECK_SIZE(&flow, 0);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void below_the_high_mark_draining_says_nothing(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 100);
    drain(&flow, 60);
    drain(&flow, 40);
    CHECK_SIZE(&flow, 0);
    CHECK_TRACE("");
    flow_end(&flow);
}

static void again_and_again(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    drain(&flow, 101);
    put(flow.transport, 101);
    drain(&flow, 70);
    put(flow.transport, 70);
    CHECK_TRACE("PW;RW;PW;RW;PW");
    flow_end(&flow);
}

static void equal_marks_meet_between_one_byte_and_the_next(void)
{
    struct flow flow;
    begin(&flow);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 10, 10), 0);
    put(flow.transport, 10);
    CHECK_TRACE("");
    put(flow.transport, 1);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_TRACE("PW;RW");
    CHECK_INT(flow.protocol.size_at_resume, 10);
    flow_end(&flow);
}

static void with_marks_of_zero_one_byte_pauses_and_the_empty_buffer_resumes(void)
{
    struct flow flow;
    begin(&flow);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 0, LIMIT_DEFAULT), 0);
    CHECK_TRACE("");
    put(flow.transport, 2);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void what_the_socket_takes_at_once_never_pauses(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 0, LIMIT_DEFAULT), 0);
    for (int i = 0; i < 10; i++)
        put(flow.transport, 100);
    CHECK_SIZE(&flow, 0);
    CHECK_TRACE("");
    flow_end(&flow);
}

static void only_what_the_socket_leaves_counts(void)
{
    struct flow flow;
    begin(&flow);
    socket_takes(900);
    put(flow.transport, 1000);
    CHECK_SIZE(&flow, 100);
    CHECK_TRACE("");
    socket_takes_nothing();
    put(flow.transport, 1);
    CHECK_TRACE("PW");
    flow_end(&flow);
}

static void writelines_pauses_like_write(void)
{
    struct flow flow;
    struct iovec lines[] = {{"0123456789012345678901234567890123456789012345678", 50}, {"", 0},
        {"0123456789012345678901234567890123456789012345678", 50}, {"x", 1}};
    begin(&flow);
    CHECK_INT(transport_writelines(flow.transport, lines, 3), 0);
    CHECK_TRACE("");
    CHECK_INT(transport_writelines(flow.transport, lines + 3, 1), 0);
    CHECK_TRACE("PW");
    flow_end(&flow);
}

static void a_limit_lowered_below_the_size_pauses_at_once(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 80);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 80, 10), 0);
    CHECK_TRACE("");
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 79, 10), 0);
    CHECK_TRACE("PW");
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 78, 10), 0);
    CHECK_TRACE("PW");
    flow_end(&flow);
}

static void limits_raised_while_paused_resume_only_at_the_next_drain(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 1000, 500), 0);
    CHECK_TRACE("PW");
    pass(flow.loop);
    CHECK_TRACE("PW");
    put(flow.transport, 10);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_SIZE(&flow, 110);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void limits_lowered_while_paused_move_the_resume_down(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    CHECK_INT(transport_set_write_buffer_limits(flow.transport, 20, 5), 0);
    drain(&flow, 90);
    CHECK_SIZE(&flow, 11);
    CHECK_TRACE("PW");
    drain(&flow, 6);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void write_once_more(struct flowing *flowing)
{
    if (flowing->resumed > 1)
        return;
    put(flowing->recording.transport, 150);
    trace("end-rw");
}

static void a_pause_may_come_inside_the_resume(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = write_once_more;
    put(flow.transport, 101);
    drain(&flow, 60);
    CHECK_TRACE("PW;RW;PW;end-rw");
    drain(&flow, 141);
    CHECK_TRACE("PW;RW;PW;end-rw;RW");
    flow_end(&flow);
}

static void write_in_pause(struct flowing *flowing)
{
    put(flowing->recording.transport, 10);
}

static void what_is_written_in_pause_writing_is_taken_without_another_pause(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_pause = write_in_pause;
    put(flow.transport, 101);
    CHECK_TRACE("PW");
    CHECK_SIZE(&flow, 111);
    drain(&flow, 61);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void fail_in_flow(struct flowing *flowing)
{
    fail_with(&flowing->recording, "boom");
}

static void a_failure_in_pause_writing_is_reported_and_all_goes_on(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_pause = fail_in_flow;
    put(flow.transport, 101);
    CHECK_TRACE("PW;EXH[protocol.pause_writing() failed|boom]");
    CHECK(!transport_is_closing(flow.transport));
    CHECK_SIZE(&flow, 101);
    drain(&flow, 101);
    CHECK_TRACE("PW;EXH[protocol.pause_writing() failed|boom];RW");
    flow_end(&flow);
}

static void a_failure_in_resume_writing_is_reported_and_all_goes_on(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = fail_in_flow;
    put(flow.transport, 101);
    transport_close(flow.transport);
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 101);
    EXPECT(flow.loop, "PW;RW;EXH[protocol.resume_writing() failed|boom];CL(None)");
    flow_end(&flow);
}

static void close_in_pause(struct flowing *flowing)
{
    transport_close(flowing->recording.transport);
}

static void closed_in_pause_writing_all_is_sent_and_the_resume_comes_before_the_loss(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_pause = close_in_pause;
    put(flow.transport, 201);
    CHECK_TRACE("PW");
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 201);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void abort_in_pause(struct flowing *flowing)
{
    transport_abort(flowing->recording.transport);
    CHECK_INT(transport_get_write_buffer_size(flowing->recording.transport), 0);
}

static void aborted_in_pause_writing_no_resume_comes(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_pause = abort_in_pause;
    put(flow.transport, 201);
    CHECK_TRACE("PW");
    CHECK_SIZE(&flow, 0);
    EXPECT(flow.loop, "PW;CL(None)");
    CHECK_END(flow.loop, flow.theirs);
    flow_end(&flow);
}

static void abort_in_resume(struct flowing *flowing)
{
    transport_abort(flowing->recording.transport);
}

static void aborted_in_resume_writing_it_is_lost_once(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = abort_in_resume;
    put(flow.transport, 101);
    socket_takes(60);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void aborted_in_resume_writing_with_nothing_unsent_it_is_lost_once(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = abort_in_resume;
    put(flow.transport, 101);
    socket_takes(0);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void close_in_resume(struct flowing *flowing)
{
    transport_close(flowing->recording.transport);
}

static void closed_in_resume_writing_the_rest_is_sent(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = close_in_resume;
    put(flow.transport, 101);
    drain(&flow, 60);
    CHECK_TRACE("PW;RW");
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 101);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void closed_in_resume_writing_with_nothing_unsent_it_is_lost_once(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = close_in_resume;
    put(flow.transport, 101);
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 101);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void a_reset_while_paused_loses_it_without_a_resume(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    peer_reset(flow.theirs);
    flow.theirs = -1;
    socket_takes(0);
    settle(flow.loop);
    CHECK_INT(flow.protocol.resumed, 0);
    CHECK_CONTAINS(traced(), "PW;CL(");
    flow_end(&flow);
}

static void a_failing_send_while_paused_loses_it_without_a_resume(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    EXPECT(flow.loop, "PW;CL(EPIPE)");
    flow_end(&flow);
}

static void without_memory_above_the_mark_it_is_lost_without_a_pause(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 10);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    char *data = (char[100000]){0};
    CHECK_INT(transport_write(flow.transport, data, 100000), 0);
    CHECK(kernel_failed(KERNEL_MEMORY));
    EXPECT(flow.loop, "CL(ENOMEM)");
    flow_end(&flow);
}

static void set_protocol_while_paused_the_new_one_is_resumed(void)
{
    struct flow flow;
    struct flowing other;
    begin(&flow);
    flowing_init(&other, "b");
    put(flow.transport, 101);
    transport_set_protocol(flow.transport, &other.recording.protocol);
    CHECK_TRACE("PW");
    drain(&flow, 101);
    CHECK_TRACE("PW;b.RW");
    transport_close(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("PW;b.RW;b.CL(None)");
    CHECK_INT(other.recording.released, 1);
    flow_end(&flow);
}

static void replace_in_pause(struct flowing *flowing)
{
    transport_set_protocol(flowing->recording.transport, flowing->recording.context);
}

static void set_protocol_in_pause_writing_the_new_one_is_resumed(void)
{
    struct flow flow;
    struct flowing other;
    begin(&flow);
    flowing_init(&other, "b");
    flow.protocol.on_pause = replace_in_pause;
    flow.protocol.recording.context = &other.recording.protocol;
    put(flow.transport, 101);
    CHECK_INT(flow.protocol.recording.released, 1);
    drain(&flow, 101);
    CHECK_TRACE("PW;b.RW");
    transport_close(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("PW;b.RW;b.CL(None)");
    CHECK_INT(other.recording.released, 1);
    flow_end(&flow);
}

static void a_protocol_without_the_callbacks_is_not_disturbed(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    CHECK_INT(transport_set_write_buffer_limits(wire.transport, 10, 5), 0);
    socket_takes_nothing();
    put(wire.transport, 100);
    socket_takes(0);
    transport_close(wire.transport);
    CHECK_INT(take_pattern(wire.loop, wire.theirs, 0), 100);
    EXPECT(wire.loop, "CL(None)");
    wire_end(&wire);
}

static void write_much(struct recording *recording)
{
    socket_takes_nothing();
    put(recording->transport, 500000);
    trace("cm-end");
}

static void paused_in_connection_made(void)
{
    struct flow flow;
    flow_prepare(&flow, tcp_pair);
    flow.protocol.recording.on_made = write_much;
    flow_start(&flow);
    pass(flow.loop);
    CHECK_TRACE("CM;PW;cm-end");
    socket_takes(0);
    transport_close(flow.transport);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 500000);
    EXPECT(flow.loop, "CM;PW;cm-end;RW;CL(None)");
    flow_end(&flow);
}

static void after_close_a_write_behind_unsent_bytes_may_still_pause(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 51);
    transport_close(flow.transport);
    CHECK_INT(transport_write(flow.transport, (char[50]){0}, 50), 0);
    CHECK_TRACE("PW");
    socket_takes(0);
    int error;
    CHECK_INT(peer_drain(flow.loop, flow.theirs, &error), 101);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void write_eof_behind_a_full_buffer_still_resumes(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    CHECK_INT(transport_write_eof(flow.transport), 0);
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 101);
    settle(flow.loop);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void end_in_resume(struct flowing *flowing)
{
    CHECK_INT(transport_write_eof(flowing->recording.transport), 0);
}

static void write_eof_in_resume_writing_ends_it_once(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = end_in_resume;
    put(flow.transport, 101);
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 101);
    settle(flow.loop);
    CHECK_TRACE("PW;RW");
    CHECK(!transport_is_closing(flow.transport));
    peer_send(flow.theirs, "still");
    EXPECT(flow.loop, "PW;RW;DR(still)");
    flow_end(&flow);
}

static void data_come_before_the_resume_in_one_pass(void)
{
    struct flow flow;
    begin(&flow);
    put(flow.transport, 101);
    peer_send(flow.theirs, "x");
    while (bytes_are_under_way())
        continue;
    socket_takes(0);
    pass(flow.loop);
    CHECK_TRACE("PW;DR(x);RW");
    flow_end(&flow);
}

static void two_connections_pause_each_for_itself(void)
{
    struct flow one, other;
    flow_begin(&one, tcp_pair);
    flow_begin(&other, tcp_pair);
    trace_clear();
    other.protocol.recording.name = "b";
    socket_takes_nothing();
    put(one.transport, 65537);
    put(other.transport, 65536);
    CHECK_TRACE("PW");
    put(other.transport, 1);
    CHECK_TRACE("PW;b.PW");
    flow_end(&one);
    flow_end(&other);
}

static const struct test tests[] = {
    TEST(at_the_high_mark_nothing_above_it_a_pause_inside_write),
    TEST(paused_only_once_however_much_is_written),
    TEST(above_the_low_mark_nothing_at_it_the_resume),
    TEST(resumed_only_once_while_the_rest_drains),
    TEST(below_the_high_mark_draining_says_nothing),
    TEST(again_and_again),
    TEST(equal_marks_meet_between_one_byte_and_the_next),
    TEST(with_marks_of_zero_one_byte_pauses_and_the_empty_buffer_resumes),
    TEST(what_the_socket_takes_at_once_never_pauses),
    TEST(only_what_the_socket_leaves_counts),
    TEST(writelines_pauses_like_write),
    TEST(a_limit_lowered_below_the_size_pauses_at_once),
    TEST(limits_raised_while_paused_resume_only_at_the_next_drain),
    TEST(limits_lowered_while_paused_move_the_resume_down),
    TEST(a_pause_may_come_inside_the_resume),
    TEST(what_is_written_in_pause_writing_is_taken_without_another_pause),
    TEST(a_failure_in_pause_writing_is_reported_and_all_goes_on),
    TEST(a_failure_in_resume_writing_is_reported_and_all_goes_on),
    TEST(closed_in_pause_writing_all_is_sent_and_the_resume_comes_before_the_loss),
    TEST(aborted_in_pause_writing_no_resume_comes),
    TEST(aborted_in_resume_writing_it_is_lost_once),
    TEST(aborted_in_resume_writing_with_nothing_unsent_it_is_lost_once),
    TEST(closed_in_resume_writing_the_rest_is_sent),
    TEST(closed_in_resume_writing_with_nothing_unsent_it_is_lost_once),
    TEST(a_reset_while_paused_loses_it_without_a_resume),
    TEST(a_failing_send_while_paused_loses_it_without_a_resume),
    TEST(without_memory_above_the_mark_it_is_lost_without_a_pause),
    TEST(set_protocol_while_paused_the_new_one_is_resumed),
    TEST(set_protocol_in_pause_writing_the_new_one_is_resumed),
    TEST(a_protocol_without_the_callbacks_is_not_disturbed),
    TEST(paused_in_connection_made),
    TEST(after_close_a_write_behind_unsent_bytes_may_still_pause),
    TEST(write_eof_behind_a_full_buffer_still_resumes),
    TEST(write_eof_in_resume_writing_ends_it_once),
    TEST(data_come_before_the_resume_in_one_pass),
    TEST(two_connections_pause_each_for_itself),
};
const struct test_group mark_group = TEST_GROUP("marks", tests);
