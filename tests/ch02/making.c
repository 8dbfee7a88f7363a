/* How a transport begins, what it tells about itself, and what it costs. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"
#include "socket_transport.h"

static void connection_made_comes_first_then_the_waiter_then_data(void)
{
    struct wire wire;
    struct handle waiter = TRACES("RET");
    wire_prepare(&wire, tcp_pair);
    peer_send(wire.theirs, "early");
    wire_start(&wire, &waiter);
    EXPECT(wire.loop, "CM;RET;DR(early)");
    wire_end(&wire);
}

static void nothing_is_called_while_the_transport_is_made(void)
{
    struct wire wire;
    struct handle before = TRACES("before"), after = TRACES("after"), waiter = TRACES("RET");
    wire_prepare(&wire, unix_pair);
    loop_call_soon(wire.loop, &before);
    wire_start(&wire, &waiter);
    loop_call_soon(wire.loop, &after);
    EXPECT(wire.loop, "before;CM;RET;after");
    wire_end(&wire);
}

static void a_cancelled_waiter_is_not_called(void)
{
    struct wire wire;
    struct handle waiter = TRACES("RET");
    wire_prepare(&wire, unix_pair);
    wire_start(&wire, &waiter);
    handle_cancel(&waiter);
    EXPECT(wire.loop, "CM");
    wire_end(&wire);
}

static void close_it(struct recording *recording)
{
    transport_close(recording->transport);
    trace("closed");
}

static void closed_in_connection_made_it_never_reads(void)
{
    struct wire wire;
    wire_prepare(&wire, tcp_pair);
    wire.protocol.on_made = close_it;
    peer_send(wire.theirs, "early");
    wire_start(&wire, NULL);
    EXPECT(wire.loop, "CM;closed;CL(None)");
    wire_end(&wire);
}

static void abort_it(struct recording *recording)
{
    transport_abort(recording->transport);
    trace("aborted");
}

static void aborted_in_connection_made_it_never_reads(void)
{
    struct wire wire;
    wire_prepare(&wire, tcp_pair);
    wire.protocol.on_made = abort_it;
    peer_send(wire.theirs, "early");
    wire_start(&wire, NULL);
    EXPECT(wire.loop, "CM;aborted;CL(None)");
    wire_end(&wire);
}

static void closed_before_connection_made_both_calls_still_come_in_order(void)
{
    struct wire wire;
    wire_prepare(&wire, tcp_pair);
    wire_start(&wire, NULL);
    transport_close(wire.transport);
    CHECK(transport_is_closing(wire.transport));
    EXPECT(wire.loop, "CM;CL(None)");
    wire_end(&wire);
}

static void say_hello(struct recording *recording)
{
    transport_write(recording->transport, "hello", 5);
}

static void what_is_written_in_connection_made_is_sent_at_once(void)
{
    struct wire wire;
    wire_prepare(&wire, tcp_pair);
    wire.protocol.on_made = say_hello;
    wire_start(&wire, NULL);
    pass(wire.loop);
    CHECK_RECEIVES(wire.loop, wire.theirs, "hello");
    wire_end(&wire);
}

static void the_socket_is_made_non_blocking_and_sends_small_writes_at_once(void)
{
    struct wire wire;
    int nodelay = 0;
    socklen_t size = sizeof nodelay;
    wire_prepare(&wire, tcp_pair);
    fcntl(wire.ours, F_SETFL, fcntl(wire.ours, F_GETFL) & ~O_NONBLOCK);
    wire_start(&wire, NULL);
    CHECK(fcntl(wire.ours, F_GETFL) & O_NONBLOCK);
    CHECK(getsockopt(wire.ours, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay != 0);
    settle(wire.loop);
    wire_end(&wire);
}

/* What cannot be a transport. */

static void check_not_made(struct loop *loop, int fd, int error)
{
    struct recording recording;
    recording_init(&recording, NULL);
    errno = 0;
    CHECK(socket_transport_create(loop, fd, &recording.protocol, NULL) == NULL);
    CHECK_INT(errno, error);
    CHECK_INT(recording.released, 0);
    settle(loop);
    CHECK_TRACE("");
}

static void what_is_no_socket_is_refused_and_nothing_is_taken(void)
{
    struct loop *loop = new_loop();
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    check_not_made(loop, -1, EBADF);
    check_not_made(loop, ends[0], ENOTSOCK);
    CHECK(fcntl(ends[0], F_GETFD) >= 0);
    close(ends[0]);
    check_not_made(loop, ends[0], EBADF);
    close(ends[1]);
    free_loop(loop);
}

static void a_closed_loop_makes_no_transport(void)
{
    struct loop *loop = new_loop();
    struct recording recording;
    int ends[2];
    recording_init(&recording, NULL);
    unix_pair(ends);
    loop_close(loop);
    CHECK(socket_transport_create(loop, ends[0], &recording.protocol, NULL) == NULL);
    CHECK_INT(errno, EBADF);
    CHECK_INT(recording.released, 0);
    CHECK(fcntl(ends[0], F_GETFD) >= 0);
    close(ends[0]);
    close(ends[1]);
    free_loop(loop);
}

static void without_memory_no_transport_is_made_and_nothing_is_taken(void)
{
    struct loop *loop = new_loop();
    struct recording recording;
    int ends[2];
    unsigned after = 0;
    struct transport *transport = NULL;
    recording_init(&recording, NULL);
    unix_pair(ends);
    for (; after < 20 && transport == NULL; after++) {
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        transport = socket_transport_create(loop, ends[0], &recording.protocol, NULL);
        bool failed = kernel_failed(KERNEL_MEMORY);
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        if (transport == NULL) {
            CHECK(failed);
            CHECK_INT(recording.released, 0);
            CHECK(fcntl(ends[0], F_GETFD) >= 0);
            CHECK_INT(loop_remove_reader(loop, ends[0]), 0); /* a transport's would be -EBUSY */
            settle(loop);
            CHECK_TRACE("");
        }
    }
    REQUIRE(transport != NULL);
    CHECK(after > 1);
    settle(loop);
    transport_close(transport);
    EXPECT(loop, "CM;CL(None)");
    CHECK_LIVED(&recording);
    close(ends[1]);
    free_loop(loop);
}

/* Extra information. */

static void extra_info_names_both_ends_and_outlives_the_connection(void)
{
    struct wire wire;
    char text[100], expected[100];
    wire_begin(&wire, tcp_pair);
    transport_retain(wire.transport);
    for (int round = 0; round < 2; round++) {
        snprintf(expected, sizeof expected, "('127.0.0.1', %d)", port_of(wire.theirs));
        address_format(transport_get_extra_info(wire.transport, "peername"), text, sizeof text);
        CHECK_TEXT(text, expected);
        const struct address *ours = transport_get_extra_info(wire.transport, "sockname");
        REQUIRE(ours != NULL);
        CHECK_INT(ours->of.in.sin_family, AF_INET);
        const int *fd = transport_get_extra_info(wire.transport, "socket");
        REQUIRE(fd != NULL);
        CHECK_INT(*fd, round == 0 ? wire.ours : -1);
        CHECK(transport_get_extra_info(wire.transport, "sockport") == NULL);
        CHECK(transport_get_extra_info(wire.transport, "") == NULL);
        if (round == 0) {
            transport_close(wire.transport);
            settle(wire.loop);
        }
    }
    transport_release(wire.transport);
    wire_end(&wire);
}

static void the_ends_of_a_unix_pair_have_no_names(void)
{
    struct wire wire;
    char text[100];
    wire_begin(&wire, unix_pair);
    address_format(transport_get_extra_info(wire.transport, "sockname"), text, sizeof text);
    CHECK_TEXT(text, "''");
    address_format(transport_get_extra_info(wire.transport, "peername"), text, sizeof text);
    CHECK_TEXT(text, "''");
    wire_end(&wire);
}

static void a_transport_knows_its_loop_and_its_protocol(void)
{
    struct wire wire;
    wire_begin(&wire, unix_pair);
    CHECK(transport_get_loop(wire.transport) == wire.loop);
    CHECK(transport_get_protocol(wire.transport) == &wire.protocol.protocol);
    CHECK(transport_can_write_eof(wire.transport));
    CHECK(!transport_is_closing(wire.transport));
    CHECK_INT(transport_get_write_buffer_size(wire.transport), 0);
    wire_end(&wire);
}

static void a_program_may_not_watch_a_transports_descriptor(void)
{
    struct wire wire;
    struct handle mine = TRACES("mine");
    wire_begin(&wire, unix_pair);
    CHECK_INT(loop_add_reader(wire.loop, wire.ours, &mine), -EBUSY);
    CHECK_INT(loop_add_writer(wire.loop, wire.ours, &mine), -EBUSY);
    CHECK_INT(loop_remove_reader(wire.loop, wire.ours), -EBUSY);
    CHECK_INT(loop_remove_writer(wire.loop, wire.ours), -EBUSY);
    peer_send(wire.theirs, "x");
    EXPECT(wire.loop, "DR(x)");
    transport_close(wire.transport);
    CHECK_INT(loop_remove_reader(wire.loop, wire.ours), 0);
    settle(wire.loop);
    wire_end(&wire);
}

/* Costs. */

static void free_protocol(struct protocol *protocol)
{
    free(protocol);
}

static void an_idle_connection_costs_at_most_320_bytes(void)
{
    enum { COUNT = 200 };
    static const struct protocol_callbacks callbacks = {.released = free_protocol};
    static int ends[COUNT][2];
    struct loop *loop = new_loop();
    size_t before = 0;
    for (int i = 0; i < COUNT; i++) {
        tcp_pair(ends[i]);
        if (i == COUNT / 2) { /* what the loop needs once is there by now */
            settle(loop);
            before = heap_bytes();
        }
        struct protocol *protocol = malloc(sizeof *protocol);
        REQUIRE(protocol != NULL);
        protocol->callbacks = &callbacks;
        REQUIRE(socket_transport_create(loop, ends[i][0], protocol, NULL) != NULL);
    }
    settle(loop);
    size_t each = (heap_bytes() - before) / (COUNT - COUNT / 2);
    if (each > 320)
        FAIL("an idle connection costs %zu bytes", each);
    free_loop(loop);
    for (int i = 0; i < COUNT; i++)
        close(ends[i][1]);
}

static void echo(struct recording *recording, const void *data, size_t size)
{
    transport_write(recording->transport, data, size);
}

static void an_echo_allocates_nothing_and_takes_one_recv_and_one_send(void)
{
    enum { MESSAGES = 200 };
    struct wire wire;
    char message[64];
    int error;
    wire_begin(&wire, tcp_pair);
    wire.protocol.counts_only = true;
    wire.protocol.on_data = echo;
    unsigned long allocations = heap_allocations(), sends = kernel_count(KERNEL_SEND);
    unsigned long receives = kernel_count(KERNEL_RECEIVE);
    for (size_t i = 0; i < MESSAGES; i++) {
        pattern_fill(message, sizeof message, i * sizeof message);
        peer_send_bytes(wire.theirs, message, sizeof message);
        CHECK_INT(peer_receive(wire.loop, wire.theirs, message, sizeof message, &error), sizeof message);
        CHECK(pattern_matches(message, sizeof message, i * sizeof message));
    }
    CHECK_INT(heap_allocations() - allocations, 0);
    CHECK_INT(kernel_count(KERNEL_SEND) - sends, MESSAGES);
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - receives, MESSAGES);
    wire_end(&wire);
}

static const struct test tests[] = {
    TEST(connection_made_comes_first_then_the_waiter_then_data),
    TEST(nothing_is_called_while_the_transport_is_made),
    TEST(a_cancelled_waiter_is_not_called),
    TEST(closed_in_connection_made_it_never_reads),
    TEST(aborted_in_connection_made_it_never_reads),
    TEST(closed_before_connection_made_both_calls_still_come_in_order),
    TEST(what_is_written_in_connection_made_is_sent_at_once),
    TEST(the_socket_is_made_non_blocking_and_sends_small_writes_at_once),
    TEST(what_is_no_socket_is_refused_and_nothing_is_taken),
    TEST(a_closed_loop_makes_no_transport),
    TEST(without_memory_no_transport_is_made_and_nothing_is_taken),
    TEST(extra_info_names_both_ends_and_outlives_the_connection),
    TEST(the_ends_of_a_unix_pair_have_no_names),
    TEST(a_transport_knows_its_loop_and_its_protocol),
    TEST(a_program_may_not_watch_a_transports_descriptor),
    TEST(an_idle_connection_costs_at_most_320_bytes),
    TEST(an_echo_allocates_nothing_and_takes_one_recv_and_one_send),
};
const struct test_group making_group = TEST_GROUP("making", tests);
