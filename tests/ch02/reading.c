/* Reading: what comes, in which portions, and how it ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"
#include "socket_transport.h"

static void what_the_peer_sends_comes_and_its_end_closes_the_connection(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(abc);CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void a_unix_socket_carries_the_same(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    peer_send(wire.theirs, "abc");
    peer_end(wire.theirs);
    EXPECT(wire.loop, "DR(abc);CL(None)");
    CHECK_END(wire.loop, wire.theirs);
    wire_end(&wire);
}

static void a_megabyte_comes_in_portions_of_at_most_256_kibibytes(void)
{
    enum { SIZE = 1000000 };
    struct wire wire;
    int big = 2000000;
    char *data = malloc(SIZE);
    REQUIRE(data != NULL);
    pattern_fill(data, SIZE, 0);
    wire_begin(&wire, unix_pair);
    setsockopt(wire.theirs, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    wire.protocol.counts_only = true;
    for (size_t sent = 0; sent < SIZE;) {
        ssize_t taken = sendto(wire.theirs, data + sent, SIZE - sent, MSG_DONTWAIT, NULL, 0);
        if (taken > 0)
            sent += (size_t)taken;
        else
            pass(wire.loop);
    }
    peer_end(wire.theirs);
    EXPECT(wire.loop, "CL(None)");
    CHECK_INT(wire.protocol.received, SIZE);
    CHECK(wire.protocol.largest <= 262144);
    free(data);
    wire_end(&wire);
}

static void a_transport_reads_once_a_pass(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    kernel_move_at_most(KERNEL_RECEIVE, 2);
    peer_send(wire.theirs, "abcdef");
    unsigned long before = kernel_count(KERNEL_RECEIVE);
    pass(wire.loop);
    CHECK_TRACE("DR(ab)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - before, 1);
    pass(wire.loop);
    CHECK_TRACE("DR(abcd)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - before, 2);
    wire_end(&wire);
}

static void one_byte_reads_lose_nothing(void)
{
    enum { SIZE = 65536 };
    struct wire wire;
    char *data = malloc(SIZE);
    REQUIRE(data != NULL);
    pattern_fill(data, SIZE, 0);
    wire_begin(&wire, unix_pair);
    wire.protocol.counts_only = true;
    kernel_move_at_most(KERNEL_RECEIVE, 1);
    peer_send_bytes(wire.theirs, data, SIZE);
    peer_end(wire.theirs);
    EXPECT(wire.loop, "CL(None)");
    CHECK_INT(wire.protocol.received, SIZE);
    CHECK_INT(wire.protocol.largest, 1);
    free(data);
    wire_end(&wire);
}

static void one_byte_sends_of_the_peer_lose_nothing(void)
{
    enum { SIZE = 20000 };
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    wire.protocol.counts_only = true;
    for (size_t i = 0; i < SIZE; i++) {
        char byte;
        pattern_fill(&byte, 1, i);
        peer_send_bytes(wire.theirs, &byte, 1);
        if (i % 50 == 0)
            pass(wire.loop);
    }
    peer_end(wire.theirs);
    EXPECT(wire.loop, "CL(None)");
    CHECK_INT(wire.protocol.received, SIZE);
    wire_end(&wire);
}

static void readiness_without_data_and_interrupted_reads_are_no_errors(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    kernel_fail(KERNEL_RECEIVE, EAGAIN, 0, 1);
    pass(wire.loop);
    CHECK_TRACE("");
    kernel_fail(KERNEL_RECEIVE, EINTR, 0, 1);
    pass(wire.loop);
    EXPECT(wire.loop, "DR(abc)");
    wire_end(&wire);
}

static void an_idle_connection_that_is_reset_is_lost_with_that_error(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void what_came_before_a_reset_is_delivered_first(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "DR(abc);CL(ECONNRESET)");
    wire_end(&wire);
}

static void any_other_error_of_reading_ends_the_connection_with_it(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    peer_send(wire.theirs, "abc");
    kernel_fail(KERNEL_RECEIVE, ETIMEDOUT, 0, 1);
    EXPECT(wire.loop, "CL(ETIMEDOUT)");
    wire_end(&wire);
}

static void a_unix_peer_that_leaves_our_bytes_unread_is_a_reset(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    CHECK_INT(transport_write(wire.transport, "unread", 6), 0);
    peer_close(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "CL(ECONNRESET)");
    wire_end(&wire);
}

static void a_short_read_does_not_ask_again_in_the_same_pass(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    unsigned long before = kernel_count(KERNEL_RECEIVE);
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "DR(abc)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - before, 1);
    wire_end(&wire);
}

/* A proxy: two transports, each sends what the other gets; the loss of one closes the other. */
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

static void two_transports_make_a_proxy(void)
{
    struct loop *loop = new_loop();
    struct recording a, b;
    int left[2], right[2];
    tcp_pair(left);
    tcp_pair(right);
    recording_init(&a, "A");
    recording_init(&b, "B");
    a.context = &b;
    b.context = &a;
    a.on_data = b.on_data = send_to_other;
    a.on_lost = b.on_lost = close_other;
    REQUIRE(socket_transport_create(loop, left[0], &a.protocol, NULL) != NULL);
    REQUIRE(socket_transport_create(loop, right[0], &b.protocol, NULL) != NULL);
    EXPECT(loop, "A.CM;B.CM");
    peer_send(left[1], "ping");
    CHECK_RECEIVES(loop, right[1], "ping");
    peer_send(right[1], "pong");
    CHECK_RECEIVES(loop, left[1], "pong");
    peer_end(left[1]);
    EXPECT(loop, "A.CM;B.CM;A.DR(ping);B.DR(pong);A.CL(None);B.CL(None)");
    CHECK_END(loop, right[1]);
    CHECK_LIVED(&a);
    CHECK_LIVED(&b);
    close(left[1]);
    close(right[1]);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(what_the_peer_sends_comes_and_its_end_closes_the_connection),
    TEST(a_unix_socket_carries_the_same),
    TEST(a_megabyte_comes_in_portions_of_at_most_256_kibibytes),
    TEST(a_transport_reads_once_a_pass),
    TEST(one_byte_reads_lose_nothing),
    TEST(one_byte_sends_of_the_peer_lose_nothing),
    TEST(readiness_without_data_and_interrupted_reads_are_no_errors),
    TEST(an_idle_connection_that_is_reset_is_lost_with_that_error),
    TEST(what_came_before_a_reset_is_delivered_first),
    TEST(any_other_error_of_reading_ends_the_connection_with_it),
    TEST(a_unix_peer_that_leaves_our_bytes_unread_is_a_reset),
    TEST(a_short_read_does_not_ask_again_in_the_same_pass),
    TEST(two_transports_make_a_proxy),
};
const struct test_group reading_group = TEST_GROUP("reading", tests);
