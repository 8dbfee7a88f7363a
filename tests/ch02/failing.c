/* transport_fail: what asyncio does when a callback raises. */
#include <errno.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "peers.h"

static void fail_in_data(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    fail_with(recording, "boom");
    trace("failed");
}

static void in_data_received_it_is_reported_and_the_connection_lost(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = fail_in_data;
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x);EXH[Fatal error: protocol.data_received() call failed.|boom];failed;CL(boom)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void fail_with_eio(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    fail_with_errno(recording, EIO);
}

static void with_an_error_of_the_system_only_connection_lost_hears_of_it(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = fail_with_eio;
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x);CL(EIO)");
    wire_end(&wire);
}

static void what_is_unsent_is_dropped(void)
{
    struct wire wire;
    int error;
    wire_begin(&wire, tight_unix_pair);
    wire.protocol.on_data = fail_in_data;
    write_pattern(wire.transport, 1000000, 0);
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x);EXH[Fatal error: protocol.data_received() call failed.|boom];failed;CL(boom)");
    CHECK(peer_drain(wire.loop, wire.theirs, &error) < 1000000);
    wire_end(&wire);
}

static void fail_in_made(struct recording *recording)
{
    fail_with(recording, "boom");
}

static void in_connection_made_it_is_reported_and_the_connection_stays(void)
{
    struct wire wire;
    struct handle waiter = TRACES("RET");
    wire_prepare(&wire, tcp_pair);
    wire.protocol.on_made = fail_in_made;
    wire_start(&wire, &waiter);
    EXPECT(wire.loop, "CM;EXH[Exception in callback|boom];RET");
    CHECK(!transport_is_closing(wire.transport));
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "CM;EXH[Exception in callback|boom];RET;DR(x)");
    transport_write(wire.transport, "y", 1);
    CHECK_RECEIVES(wire.loop, wire.theirs, "y");
    transport_close(wire.transport);
    EXPECT(wire.loop, "CM;EXH[Exception in callback|boom];RET;DR(x);CL(None)");
    wire_end(&wire);
}

static void fail_in_lost(struct recording *recording, const struct error *exc)
{
    (void)exc;
    fail_with(recording, "boom");
}

static void in_connection_lost_it_is_reported_and_the_socket_is_closed(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_lost = fail_in_lost;
    transport_retain(wire.transport);
    transport_close(wire.transport);
    EXPECT(wire.loop, "CL(None);EXH[Exception in callback|boom]");
    CHECK_INT(*(const int *)transport_get_extra_info(wire.transport, "socket"), -1);
    CHECK_END(wire.loop, wire.theirs);
    transport_release(wire.transport);
    wire_end(&wire);
}

static void outside_any_callback_it_is_an_error_on_the_transport(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x)");
    fail_with(&wire.protocol, "boom");
    CHECK(transport_is_closing(wire.transport));
    EXPECT(wire.loop, "DR(x);EXH[Fatal error on transport|boom];CL(boom)");
    wire_end(&wire);
}

static void fail_twice(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    fail_with(recording, "first");
    fail_with(recording, "second");
}

static void the_first_of_two_failures_is_the_one_that_connection_lost_gets(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = fail_twice;
    peer_send(wire.theirs, "x");
    settle(wire.loop);
    CHECK_CONTAINS(traced(), "DR(x);EXH[Fatal error: protocol.data_received() call failed.|first]");
    CHECK_CONTAINS(traced(), ";CL(first)");
    wire_end(&wire);
}

static void close_then_fail(struct recording *recording, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_close(recording->transport);
    fail_with(recording, "boom");
}

static void a_failure_after_close_is_reported_but_the_loss_is_already_on_its_way(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.on_data = close_then_fail;
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x);EXH[Fatal error: protocol.data_received() call failed.|boom];CL(None)");
    wire_end(&wire);
}

static const struct test tests[] = {
    TEST(in_data_received_it_is_reported_and_the_connection_lost),
    TEST(with_an_error_of_the_system_only_connection_lost_hears_of_it),
    TEST(what_is_unsent_is_dropped),
    TEST(in_connection_made_it_is_reported_and_the_connection_stays),
    TEST(in_connection_lost_it_is_reported_and_the_socket_is_closed),
    TEST(outside_any_callback_it_is_an_error_on_the_transport),
    TEST(the_first_of_two_failures_is_the_one_that_connection_lost_gets),
    TEST(a_failure_after_close_is_reported_but_the_loss_is_already_on_its_way),
};
const struct test_group failing_group = TEST_GROUP("failing", tests);
