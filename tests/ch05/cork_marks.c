/* Corks and water marks together: held bytes count. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch05/flowing.h"
#include "groups.h"

static void begin(struct flow *flow)
{
    flow_begin(flow, tcp_pair);
    CHECK_INT(transport_set_write_buffer_limits(flow->transport, 100, 50), 0);
}

static void held_bytes_above_the_mark_pause_and_the_uncork_resumes(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 100);
    CHECK_TRACE("");
    put(flow.transport, 1);
    CHECK_TRACE("PW");
    transport_uncork(flow.transport);
    CHECK_TRACE("PW;RW");
    CHECK_SIZE(&flow, 0);
    flow_end(&flow);
}

static void at_the_uncork_more_than_the_low_mark_remains_and_nothing_is_said(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    socket_takes(69);
    transport_uncork(flow.transport);
    socket_takes_nothing();
    CHECK_SIZE(&flow, 51);
    CHECK_TRACE("PW");
    drain(&flow, 1);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void at_the_uncork_just_the_low_mark_remains_and_it_resumes(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    socket_takes(70);
    transport_uncork(flow.transport);
    socket_takes_nothing();
    CHECK_SIZE(&flow, 50);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void uncorked_by_write_eof_it_resumes_at_the_uncork(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    CHECK_INT(transport_write_eof(flow.transport), 0);
    CHECK_SIZE(&flow, 0);
    transport_uncork(flow.transport);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static void aborted_while_corked_no_resume_comes(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    transport_abort(flow.transport);
    transport_uncork(flow.transport);
    EXPECT(flow.loop, "PW;CL(None)");
    flow_end(&flow);
}

static void closed_while_corked_with_a_full_socket_it_resumes_before_the_loss(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    socket_takes_nothing();
    transport_close(flow.transport);
    transport_uncork(flow.transport);
    CHECK_TRACE("PW");
    socket_takes(0);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), 120);
    EXPECT(flow.loop, "PW;RW;CL(None)");
    flow_end(&flow);
}

static void lost_at_the_uncork_no_resume_comes(void)
{
    struct flow flow;
    begin(&flow);
    transport_cork(flow.transport);
    put(flow.transport, 120);
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    transport_uncork(flow.transport);
    EXPECT(flow.loop, "PW;CL(EPIPE)");
    flow_end(&flow);
}

static void cork_and_write(struct flowing *flowing)
{
    if (flowing->resumed > 1)
        return;
    transport_cork(flowing->recording.transport);
    put(flowing->recording.transport, 110);
    trace("held");
    transport_uncork(flowing->recording.transport);
}

static void a_corked_write_inside_the_resume_nests(void)
{
    struct flow flow;
    begin(&flow);
    flow.protocol.on_resume = cork_and_write;
    transport_cork(flow.transport);
    put(flow.transport, 110);
    transport_uncork(flow.transport);
    CHECK_TRACE("PW;RW;PW;held;RW");
    CHECK_SIZE(&flow, 0);
    flow_end(&flow);
}

static void behind_unsent_bytes_the_uncork_resumes_nothing(void)
{
    struct flow flow;
    begin(&flow);
    socket_takes_nothing();
    put(flow.transport, 60);
    transport_cork(flow.transport);
    put(flow.transport, 60);
    CHECK_TRACE("PW");
    transport_uncork(flow.transport);
    CHECK_TRACE("PW");
    CHECK_SIZE(&flow, 120);
    drain(&flow, 70);
    CHECK_TRACE("PW;RW");
    flow_end(&flow);
}

static const struct test tests[] = {
    TEST(held_bytes_above_the_mark_pause_and_the_uncork_resumes),
    TEST(at_the_uncork_more_than_the_low_mark_remains_and_nothing_is_said),
    TEST(at_the_uncork_just_the_low_mark_remains_and_it_resumes),
    TEST(uncorked_by_write_eof_it_resumes_at_the_uncork),
    TEST(aborted_while_corked_no_resume_comes),
    TEST(closed_while_corked_with_a_full_socket_it_resumes_before_the_loss),
    TEST(lost_at_the_uncork_no_resume_comes),
    TEST(a_corked_write_inside_the_resume_nests),
    TEST(behind_unsent_bytes_the_uncork_resumes_nothing),
};
const struct test_group cork_mark_group = TEST_GROUP("corks and marks", tests);
