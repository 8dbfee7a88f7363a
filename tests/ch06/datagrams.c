/* Datagrams in and out: their edges, their senders, and the end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ch06/posts.h"
#include "groups.h"

static const struct datagram_options here = {.local_host = "127.0.0.1"};

/* An open endpoint at 127.0.0.1, and a peer. */
struct street {
    struct office office;
    struct address peer;
    int fd, port, our_port;
};

static void begin(struct street *street, bool connected)
{
    street->fd = udp_peer(&street->port);
    street->peer = loopback(street->port);
    const struct datagram_options there = {.remote_host = "127.0.0.1", .remote_port = street->port};
    office_open(&street->office, connected ? &there : &here);
    street->our_port = office_port(&street->office);
}

static void end(struct street *street)
{
    close(street->fd);
    office_end(&street->office);
}

static void each_datagram_arrives_as_it_was_sent(void)
{
    struct street street;
    begin(&street, false);
    udp_send(street.fd, street.our_port, "one");
    udp_send(street.fd, street.our_port, "two");
    udp_send(street.fd, street.our_port, "three");
    EXPECT(street.office.loop, "DG(one);DG(two);DG(three)");
    transport_close(street.office.transport);
    CHECK_TRACE("DG(one);DG(two);DG(three)");
    EXPECT(street.office.loop, "DG(one);DG(two);DG(three);CL(None)");
    end(&street);
}

static void the_sender_has_a_name_and_can_be_answered(void)
{
    struct street street;
    char name[ADDRESS_TEXT_ROOM], expected[60];
    begin(&street, false);
    udp_send(street.fd, street.our_port, "ping");
    EXPECT(street.office.loop, "DG(ping)");
    snprintf(expected, sizeof expected, "('127.0.0.1', %d)", street.port);
    address_format(&street.office.post.from, name, sizeof name);
    CHECK_TEXT(name, expected);
    post_send(street.office.transport, "pong", &street.office.post.from);
    CHECK_DATAGRAM(street.fd, "pong");
    end(&street);
}

static void queue_soon(struct post *post, const void *data, size_t size)
{
    (void)data;
    (void)size;
    struct handle *soon = (struct handle *)post->context + post->received;
    handle_init(soon, trace_function, "soon");
    loop_call_soon(transport_get_loop(post->transport), soon);
}

static void one_datagram_is_received_in_a_pass(void)
{
    struct street street;
    struct handle soon[4];
    begin(&street, false);
    street.office.post.context = soon;
    street.office.post.on_datagram = queue_soon;
    for (const char *const *text = (const char *const[]){"1", "2", "3", NULL}; *text != NULL; text++)
        udp_send(street.fd, street.our_port, *text);
    EXPECT(street.office.loop, "DG(1);soon;DG(2);soon;DG(3);soon");
    end(&street);
}

static void an_empty_datagram_is_received_and_is_no_end(void)
{
    struct street street;
    begin(&street, false);
    udp_send(street.fd, street.our_port, "");
    udp_send(street.fd, street.our_port, "more");
    EXPECT(street.office.loop, "DG();DG(more)");
    CHECK(!transport_is_closing(street.office.transport));
    end(&street);
}

static void an_empty_datagram_is_sent(void)
{
    struct street street;
    begin(&street, true);
    CHECK_INT(transport_sendto(street.office.transport, NULL, 0, NULL), 0);
    CHECK_DATAGRAM(street.fd, "");
    end(&street);
}

static void the_largest_datagram_goes_and_one_byte_more_is_an_error(void)
{
    struct street street;
    static char large[65508];
    begin(&street, true);
    CHECK_INT(transport_sendto(street.office.transport, large, 65507, NULL), 0);
    CHECK_INT(recv(street.fd, large, sizeof large, MSG_DONTWAIT), 65507);
    CHECK_INT(transport_sendto(street.office.transport, large, 65508, NULL), 0);
    CHECK_TRACE("ER(EMSGSIZE)");
    CHECK(!transport_is_closing(street.office.transport));
    post_send(street.office.transport, "still here", NULL);
    CHECK_DATAGRAM(street.fd, "still here");
    end(&street);
}

static void the_largest_datagram_is_received_whole(void)
{
    struct street street;
    static char large[65507];
    begin(&street, false);
    struct address us = loopback(street.our_port);
    memset(large, 'x', sizeof large);
    street.office.post.silent = true;
    CHECK_INT(sendto(street.fd, large, sizeof large, 0, &us.of.any, us.size), sizeof large);
    udp_send(street.fd, street.our_port, "end");
    while (street.office.post.received < 2)
        CHECK_INT(pass(street.office.loop), 0);
    CHECK_INT(street.office.post.received, 2);
    end(&street);
}

static void connected_it_sends_without_an_address_and_with_the_remote_one(void)
{
    struct street street;
    begin(&street, true);
    post_send(street.office.transport, "none", NULL);
    post_send(street.office.transport, "same", &street.peer);
    CHECK_DATAGRAM(street.fd, "none");
    CHECK_DATAGRAM(street.fd, "same");
    end(&street);
}

static void connected_another_address_is_refused(void)
{
    struct street street;
    int other_port, other = udp_peer(&other_port);
    begin(&street, true);
    struct address elsewhere = loopback(other_port);
    CHECK_INT(transport_sendto(street.office.transport, "x", 1, &elsewhere), -EINVAL);
    elsewhere = street.peer;
    elsewhere.of.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    CHECK_INT(transport_sendto(street.office.transport, "x", 1, &elsewhere), -EINVAL);
    CHECK_TRACE("");
    CHECK_NO_DATAGRAM(other);
    CHECK_NO_DATAGRAM(street.fd);
    close(other);
    end(&street);
}

static void connected_it_hears_nobody_else(void)
{
    struct street street;
    int port, stranger = udp_peer(&port);
    begin(&street, true);
    udp_send(stranger, street.our_port, "stranger");
    udp_send(street.fd, street.our_port, "friend");
    EXPECT(street.office.loop, "DG(friend)");
    close(stranger);
    end(&street);
}

static void unconnected_without_an_address_it_is_told_that_one_is_missing(void)
{
    struct street street;
    begin(&street, false);
    CHECK_INT(transport_sendto(street.office.transport, "x", 1, NULL), 0);
    CHECK_TRACE("ER(EDESTADDRREQ)");
    CHECK(!transport_is_closing(street.office.transport));
    end(&street);
}

static void it_is_no_stream(void)
{
    struct street street;
    begin(&street, true);
    CHECK_INT(transport_write(street.office.transport, "x", 1), -ENOTSUP);
    struct iovec two[2] = {{.iov_base = "a", .iov_len = 1}, {.iov_base = "b", .iov_len = 1}};
    CHECK_INT(transport_writelines(street.office.transport, two, 2), -ENOTSUP);
    CHECK_INT(transport_write_eof(street.office.transport), -ENOTSUP);
    CHECK(!transport_can_write_eof(street.office.transport));
    CHECK_NO_DATAGRAM(street.fd);
    CHECK_TRACE("");
    end(&street);
}

static void pausing_the_reading_does_nothing(void)
{
    struct street street;
    begin(&street, false);
    transport_pause_reading(street.office.transport);
    CHECK(transport_is_reading(street.office.transport));
    udp_send(street.fd, street.our_port, "all the same");
    EXPECT(street.office.loop, "DG(all the same)");
    transport_resume_reading(street.office.transport);
    end(&street);
}

static void close_in_callback(struct post *post, const void *data, size_t size)
{
    (void)data;
    (void)size;
    transport_close(post->transport);
}

static void closed_in_a_callback_it_receives_no_more(void)
{
    struct street street;
    begin(&street, false);
    street.office.post.on_datagram = close_in_callback;
    udp_send(street.fd, street.our_port, "1");
    udp_send(street.fd, street.our_port, "2");
    EXPECT(street.office.loop, "DG(1);CL(None)");
    end(&street);
}

static void abort_says_so_in_the_next_pass(void)
{
    struct street street;
    begin(&street, false);
    udp_send(street.fd, street.our_port, "unread");
    transport_abort(street.office.transport);
    CHECK(transport_is_closing(street.office.transport));
    CHECK_TRACE("");
    EXPECT(street.office.loop, "CL(None)");
    end(&street);
}

static void closing_twice_is_closing_once(void)
{
    struct street street;
    begin(&street, false);
    transport_close(street.office.transport);
    transport_close(street.office.transport);
    transport_abort(street.office.transport);
    EXPECT(street.office.loop, "CL(None)");
    end(&street);
}

static void connected_and_closed_it_drops_and_complains_from_the_fifth_on(void)
{
    struct street street;
    begin(&street, true);
    transport_close(street.office.transport);
    for (int i = 1; i <= 4; i++)
        post_send(street.office.transport, "late", NULL);
    CHECK_TRACE("");
    post_send(street.office.transport, "late", NULL);
    post_send(street.office.transport, "late", NULL);
    CHECK_TRACE("LOG[socket.send() raised exception.];LOG[socket.send() raised exception.]");
    CHECK_NO_DATAGRAM(street.fd);
    end(&street);
}

static void unconnected_and_closed_it_sends_until_the_end(void)
{
    struct street street;
    begin(&street, false);
    transport_close(street.office.transport);
    post_send(street.office.transport, "goodbye", &street.peer);
    CHECK_DATAGRAM(street.fd, "goodbye");
    EXPECT(street.office.loop, "CL(None)");
    post_send(street.office.transport, "too late", &street.peer);
    CHECK_NO_DATAGRAM(street.fd);
    CHECK_TRACE("CL(None)");
    end(&street);
}

static void after_the_end_everything_is_harmless(void)
{
    struct street street;
    begin(&street, true);
    transport_close(street.office.transport);
    settle(street.office.loop);
    post_send(street.office.transport, "x", NULL);
    transport_close(street.office.transport);
    transport_abort(street.office.transport);
    CHECK_INT(transport_get_write_buffer_size(street.office.transport), 0);
    CHECK_INT(*(const int *)transport_get_extra_info(street.office.transport, "socket"), -1);
    CHECK(transport_get_extra_info(street.office.transport, "peername") != NULL);
    CHECK_TRACE("CL(None)");
    end(&street);
}

static void the_loop_closed_under_it_releases_the_protocol(void)
{
    struct street street;
    begin(&street, false);
    struct transport *transport = street.office.transport;
    CHECK_INT(loop_close(street.office.loop), 0);
    CHECK_INT(street.office.post.released, 1);
    CHECK_TRACE("");
    post_send(transport, "x", &street.peer);
    transport_release(transport);
    future_destroy(&street.office.done);
    loop_free(street.office.loop);
    close(street.fd);
}

static void answer(struct post *post, const void *data, size_t size)
{
    CHECK_INT(transport_sendto(post->transport, data, size, &post->from), 0);
}

static void over_ipv6_the_name_is_four_things(void)
{
    if (!have_ipv6_loopback())
        return;
    struct office one, other;
    char name[ADDRESS_TEXT_ROOM], expected[60];
    office_open(&one, &(struct datagram_options){.local_host = "::1"});
    one.post.on_datagram = answer;
    office_open(&other, &(struct datagram_options){.remote_host = "::1", .remote_port = office_port(&one)});
    other.post.silent = true;
    post_send(other.transport, "six", NULL);
    EXPECT(one.loop, "DG(six)");
    snprintf(expected, sizeof expected, "('::1', %d, 0, 0)", office_port(&other));
    address_format(&one.post.from, name, sizeof name);
    CHECK_TEXT(name, expected);
    settle(other.loop);
    CHECK_INT(other.post.received, 1);
    CHECK_INT(transport_sendto(other.transport, "x", 1, &other.post.from), 0);
    struct address scoped = other.post.from;
    scoped.of.in6.sin6_scope_id = 7;
    CHECK_INT(transport_sendto(other.transport, "x", 1, &scoped), -EINVAL);
    office_end(&one);
    office_end(&other);
}

static void nothing_is_allocated_for_an_echo(void)
{
    struct street street;
    begin(&street, false);
    street.office.post.silent = true;
    street.office.post.on_datagram = answer;
    unsigned long before = heap_allocations();
    for (int i = 0; i < 50; i++) {
        udp_send(street.fd, street.our_port, "echo");
        while (street.office.post.received == i)
            CHECK_INT(pass(street.office.loop), 0);
        CHECK_DATAGRAM(street.fd, "echo");
    }
    CHECK_INT(heap_allocations() - before, 0);
    end(&street);
}

static const struct test tests[] = {
    TEST(each_datagram_arrives_as_it_was_sent),
    TEST(the_sender_has_a_name_and_can_be_answered),
    TEST(one_datagram_is_received_in_a_pass),
    TEST(an_empty_datagram_is_received_and_is_no_end),
    TEST(an_empty_datagram_is_sent),
    TEST(the_largest_datagram_goes_and_one_byte_more_is_an_error),
    TEST(the_largest_datagram_is_received_whole),
    TEST(connected_it_sends_without_an_address_and_with_the_remote_one),
    TEST(connected_another_address_is_refused),
    TEST(connected_it_hears_nobody_else),
    TEST(unconnected_without_an_address_it_is_told_that_one_is_missing),
    TEST(it_is_no_stream),
    TEST(pausing_the_reading_does_nothing),
    TEST(closed_in_a_callback_it_receives_no_more),
    TEST(abort_says_so_in_the_next_pass),
    TEST(closing_twice_is_closing_once),
    TEST(connected_and_closed_it_drops_and_complains_from_the_fifth_on),
    TEST(unconnected_and_closed_it_sends_until_the_end),
    TEST(after_the_end_everything_is_harmless),
    TEST(the_loop_closed_under_it_releases_the_protocol),
    TEST(over_ipv6_the_name_is_four_things),
    TEST(nothing_is_allocated_for_an_echo),
};
const struct test_group datagram_group = TEST_GROUP("datagrams", tests);
