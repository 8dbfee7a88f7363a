/* Making endpoints: addresses, options, what can go wrong, and giving up. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "ch03/serving.h"
#include "ch06/posts.h"
#include "groups.h"

static const struct address *info(const struct office *office, const char *name)
{
    return transport_get_extra_info(office->transport, name);
}

static void a_local_address_is_where_it_is(void)
{
    struct office office;
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    CHECK_INT(info(&office, "sockname")->of.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK(info(&office, "sockname")->of.in.sin_port != 0);
    CHECK(info(&office, "peername") == NULL);
    CHECK(info(&office, "nonsense") == NULL);
    CHECK(fcntl(*(const int *)transport_get_extra_info(office.transport, "socket"), F_GETFD) & FD_CLOEXEC);
    CHECK_INT(office.factory_calls, 1);
    office_end(&office);
}

static void a_remote_address_is_its_peer(void)
{
    struct office office;
    int port, peer = udp_peer(&port);
    office_open(&office, &(struct datagram_options){.remote_host = "127.0.0.1", .remote_port = port});
    CHECK_INT(ntohs(info(&office, "peername")->of.in.sin_port), port);
    post_send(office.transport, "hello", NULL);
    CHECK_DATAGRAM(peer, "hello");
    close(peer);
    office_end(&office);
}

static void with_both_the_datagrams_come_from_the_local_one(void)
{
    struct office office;
    struct address from = {.size = sizeof from.of};
    int port, ours, peer = udp_peer(&port);
    close(udp_peer(&ours));
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1", .local_port = ours,
        .remote_host = "127.0.0.1", .remote_port = port});
    post_send(office.transport, "x", NULL);
    char byte;
    CHECK_INT(recvfrom(peer, &byte, 1, MSG_DONTWAIT, &from.of.any, &from.size), 1);
    CHECK_INT(ntohs(from.of.in.sin_port), ours);
    close(peer);
    office_end(&office);
}

static void a_family_alone_gets_its_address_with_the_first_datagram(void)
{
    struct office office;
    int port, peer = udp_peer(&port);
    struct address to = loopback(port);
    office_open(&office, &(struct datagram_options){.family = AF_INET});
    CHECK_INT(info(&office, "sockname")->of.in.sin_port, 0);
    post_send(office.transport, "ping", &to);
    CHECK_DATAGRAM(peer, "ping");
    udp_send(peer, office_port(&office), "pong");
    EXPECT(office.loop, "DG(pong)");
    close(peer);
    office_end(&office);
}

static void an_empty_host_is_every_address(void)
{
    struct office office;
    office_open(&office, &(struct datagram_options){.local_host = "", .family = AF_INET});
    CHECK_INT(info(&office, "sockname")->of.in.sin_addr.s_addr, htonl(INADDR_ANY));
    office_end(&office);
}

static void a_socket_can_be_given(void)
{
    struct office office;
    int port, fd = udp_peer(&port);
    int their_port, peer = udp_peer(&their_port);
    office_open(&office, &(struct datagram_options){.sock = &fd});
    CHECK_INT(*(const int *)transport_get_extra_info(office.transport, "socket"), fd);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    struct handle reader = TRACES("reader");
    CHECK_INT(loop_add_reader(office.loop, fd, &reader), -EBUSY);
    udp_send(peer, port, "given");
    EXPECT(office.loop, "DG(given)");
    office_end(&office);
    CHECK_INT(fcntl(fd, F_GETFD), -1);
    close(peer);
}

static void a_connected_socket_that_is_given_has_a_remote_address(void)
{
    struct office office;
    int port, fd, their_port, peer = udp_peer(&their_port);
    struct address to = loopback(their_port), elsewhere = loopback(9);
    fd = udp_peer(&port);
    REQUIRE(connect(fd, &to.of.any, to.size) == 0);
    office_open(&office, &(struct datagram_options){.sock = &fd});
    post_send(office.transport, "x", NULL);
    CHECK_DATAGRAM(peer, "x");
    CHECK_INT(transport_sendto(office.transport, "x", 1, &elsewhere), -EINVAL);
    close(peer);
    office_end(&office);
}

static void broadcasting_it_has_a_remote_address_and_no_peer(void)
{
    struct office office;
    int port, peer = udp_peer(&port), other_port, other = udp_peer(&other_port), on = 0;
    socklen_t size = sizeof on;
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1", .remote_host = "127.0.0.1",
        .remote_port = port, .allow_broadcast = true});
    int fd = *(const int *)transport_get_extra_info(office.transport, "socket");
    CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, &size), 0);
    CHECK_INT(on, 1);
    CHECK(info(&office, "peername") == NULL);
    post_send(office.transport, "who is there?", NULL);
    CHECK_DATAGRAM(peer, "who is there?");
    udp_send(other, office_port(&office), "me");
    EXPECT(office.loop, "DG(me)");
    struct address elsewhere = loopback(other_port);
    CHECK_INT(transport_sendto(office.transport, "x", 1, &elsewhere), -EINVAL);
    transport_close(office.transport);
    post_send(office.transport, "late", NULL);
    CHECK_NO_DATAGRAM(peer);
    close(peer);
    close(other);
    office_end(&office);
}

static void reusing_the_port_two_share_it(void)
{
    struct office one, other, third;
    office_open(&one, &(struct datagram_options){.local_host = "127.0.0.1", .reuse_port = true});
    int port = office_port(&one);
    office_open(&other,
        &(struct datagram_options){.local_host = "127.0.0.1", .local_port = port, .reuse_port = true});
    CHECK_INT(office_port(&other), port);
    office_begin(&third);
    CHECK_INT(office_request(&third, &(struct datagram_options){.local_host = "127.0.0.1", .local_port = port}), 0);
    EXPECT(third.loop, "RET");
    CHECK_DONE(&third, -EADDRINUSE, "[Errno 98] Address already in use");
    CHECK_INT(third.factory_calls, 0);
    office_end(&third);
    office_end(&one);
    office_end(&other);
}

static void check_refused(struct office *office, const struct datagram_options options)
{
    CHECK_INT(office_request(office, &options), -EINVAL);
}

static void wrong_arguments_are_refused_at_once(void)
{
    struct office office;
    int ends[2], port, datagrams = udp_peer(&port);
    tcp_pair(ends);
    office_begin(&office);
    CHECK_INT(office_request(&office, NULL), -EINVAL);
    check_refused(&office, (struct datagram_options){0});
    check_refused(&office, (struct datagram_options){.sock = &ends[0]});
    check_refused(&office, (struct datagram_options){.sock = &datagrams, .local_host = "127.0.0.1"});
    check_refused(&office, (struct datagram_options){.sock = &datagrams, .remote_port = 1});
    check_refused(&office, (struct datagram_options){.sock = &datagrams, .reuse_port = true});
    check_refused(&office, (struct datagram_options){.sock = &datagrams, .allow_broadcast = true});
    check_refused(&office, (struct datagram_options){.sock = &datagrams, .family = AF_INET});
    check_refused(&office, (struct datagram_options){.local_host = "127.0.0.1", .local_port = 65536});
    check_refused(&office, (struct datagram_options){.local_host = "127.0.0.1", .remote_port = -1});
    check_refused(&office, (struct datagram_options){.local_path = "/tmp/x", .remote_host = "127.0.0.1"});
    check_refused(&office, (struct datagram_options){.local_path = "/tmp/x", .family = AF_INET});
    check_refused(&office, (struct datagram_options){.local_path = ""});
    check_refused(&office, (struct datagram_options){.local_host = "127.0.0.1", .family = AF_UNIX});
    settle(office.loop);
    CHECK_TRACE("");
    CHECK_INT(fcntl(datagrams, F_GETFD) >= 0, 1);
    CHECK_INT(office.factory_calls, 0);
    close(datagrams);
    close(ends[0]);
    close(ends[1]);
    office_end(&office);
}

static void on_a_closed_loop_nothing_is_made(void)
{
    struct office office;
    office_begin(&office);
    loop_close(office.loop);
    CHECK_INT(office_request(&office, &(struct datagram_options){.family = AF_INET}), -EBADF);
    future_destroy(&office.done);
    loop_free(office.loop);
}

static void two_families_without_a_common_one_are_an_error(void)
{
    struct office office;
    office_begin(&office);
    CHECK_INT(office_request(&office, &(struct datagram_options){.local_host = "127.0.0.1", .remote_host = "::1",
                                          .remote_port = 9}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EINVAL, "can not get address information");
    office_end(&office);
}

static void a_name_without_addresses_is_an_error(void)
{
    struct office office;
    struct fake_names names;
    office_begin(&office);
    names_init(office.loop, &names);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EPROTO, "getaddrinfo() returned empty list");
    office_end(&office);
}

static void a_name_that_is_unknown_is_an_error(void)
{
    struct office office;
    struct fake_names names;
    office_begin(&office);
    names_init(office.loop, &names);
    names.failure = EAI_NONAME;
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EPROTO, "[Errno -2] Name or service not known");
    office_end(&office);
}

static void of_a_familys_addresses_the_last_is_taken(void)
{
    struct office office;
    struct fake_names names;
    int first_port, port, first = udp_peer(&first_port), peer = udp_peer(&port);
    office_begin(&office);
    names_init(office.loop, &names);
    names_add(&names, "127.0.0.1", first_port);
    names_add(&names, "127.0.0.1", port);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    office_wait(&office);
    post_send(office.transport, "x", NULL);
    CHECK_DATAGRAM(peer, "x");
    CHECK_NO_DATAGRAM(first);
    close(first);
    close(peer);
    office_end(&office);
}

static void the_families_are_tried_in_order(void)
{
    struct office office;
    struct fake_names names;
    office_begin(&office);
    names_init(office.loop, &names);
    names_add(&names, "::1", 9);
    names_add(&names, "127.0.0.1", 9);
    kernel_fail(KERNEL_SOCKET, EAFNOSUPPORT, 0, 1);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    office_wait(&office);
    CHECK_INT(info(&office, "peername")->of.any.sa_family, AF_INET);
    office_end(&office);
}

static void of_several_failures_the_first_is_told(void)
{
    struct office office;
    struct fake_names names;
    int next = next_descriptor();
    office_begin(&office);
    names_init(office.loop, &names);
    names_add(&names, "::1", 9);
    names_add(&names, "127.0.0.1", 9);
    kernel_fail(KERNEL_SOCKET, EAFNOSUPPORT, 0, 1);
    kernel_fail(KERNEL_CONNECT, ENETUNREACH, 0, 1);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EAFNOSUPPORT, "[Errno 97] Address family not supported by protocol");
    CHECK_INT(office.factory_calls, 0);
    office_end(&office);
    CHECK_INT(next_descriptor(), next);
}

static void a_factory_that_fails_is_an_error(void)
{
    struct office office;
    int next = next_descriptor();
    office_begin(&office);
    office.no_protocol = true;
    CHECK_INT(office_request(&office, &(struct datagram_options){.family = AF_INET}), 0);
    EXPECT(office.loop, "RET");
    CHECK_DONE(&office, -EPROTO, "protocol factory failed");
    office_end(&office);
    CHECK_INT(next_descriptor(), next);
}

static void cancel(struct office *office)
{
    future_cancel(&office->done);
}

static void cancelled_at_each_pass_it_leaves_nothing_open(void)
{
    for (int passes = 0; passes < 6; passes++) {
        struct office office;
        int next = next_descriptor();
        office_begin(&office);
        CHECK_INT(office_request(&office, &(struct datagram_options){.local_host = "127.0.0.1"}), 0);
        for (int i = 0; i < passes && !future_done(&office.done); i++)
            pass(office.loop);
        bool early = future_cancel(&office.done);
        settle(office.loop);
        void *transport = NULL;
        CHECK_INT(future_result(&office.done, &transport), early ? -ECANCELED : 0);
        office.transport = transport;
        office_end(&office);
        CHECK_INT(next_descriptor(), next);
    }
}

static void cancelled_in_the_factory_the_protocol_is_released(void)
{
    struct office office;
    office_begin(&office);
    office.in_factory = cancel;
    CHECK_INT(office_request(&office, &(struct datagram_options){.family = AF_INET}), 0);
    EXPECT(office.loop, "RET");
    CHECK_INT(office.post.released, 1);
    CHECK_INT(office.post.made, 0);
    office_end(&office);
}

static void cancelled_while_a_name_is_looked_up(void)
{
    struct office office;
    struct fake_names names;
    office_begin(&office);
    names_init(office.loop, &names);
    names_add(&names, "127.0.0.1", 9);
    names_hold(&names);
    CHECK_INT(office_request(&office, &(struct datagram_options){.remote_host = "weft.example", .remote_port = 9}), 0);
    names_wait_for_lookup(&names);
    CHECK(future_cancel(&office.done));
    names_release(&names);
    EXPECT(office.loop, "RET");
    CHECK_INT(office.factory_calls, 0);
    office_end(&office);
    CHECK_INT(names_frees(&names), 1);
}

static void the_loop_closed_under_it_leaves_nothing_open(void)
{
    struct office office;
    int next = next_descriptor();
    office_begin(&office);
    CHECK_INT(office_request(&office, &(struct datagram_options){.local_host = "127.0.0.1"}), 0);
    pass(office.loop);
    loop_close(office.loop);
    CHECK(!future_done(&office.done));
    future_destroy(&office.done);
    loop_free(office.loop);
    CHECK_INT(office.post.released, office.factory_calls);
    CHECK_INT(next_descriptor(), next);
}

static void without_memory_it_says_so_at_every_step(void)
{
    bool failed = true;
    for (unsigned after = 0; failed; after++) {
        struct office office;
        void *transport = NULL;
        office_begin(&office);
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int result = office_request(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
        if (result == 0)
            settle(office.loop);
        failed = kernel_failed(KERNEL_MEMORY);
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        if (result == 0)
            result = future_result(&office.done, &transport);
        CHECK_INT(result == 0, !failed || transport != NULL);
        office.transport = transport;
        office_end(&office);
        REQUIRE(after < 50);
    }
}

static const struct test tests[] = {
    TEST(a_local_address_is_where_it_is),
    TEST(a_remote_address_is_its_peer),
    TEST(with_both_the_datagrams_come_from_the_local_one),
    TEST(a_family_alone_gets_its_address_with_the_first_datagram),
    TEST(an_empty_host_is_every_address),
    TEST(a_socket_can_be_given),
    TEST(a_connected_socket_that_is_given_has_a_remote_address),
    TEST(broadcasting_it_has_a_remote_address_and_no_peer),
    TEST(reusing_the_port_two_share_it),
    TEST(wrong_arguments_are_refused_at_once),
    TEST(on_a_closed_loop_nothing_is_made),
    TEST(two_families_without_a_common_one_are_an_error),
    TEST(a_name_without_addresses_is_an_error),
    TEST(a_name_that_is_unknown_is_an_error),
    TEST(of_a_familys_addresses_the_last_is_taken),
    TEST(the_families_are_tried_in_order),
    TEST(of_several_failures_the_first_is_told),
    TEST(a_factory_that_fails_is_an_error),
    TEST(cancelled_at_each_pass_it_leaves_nothing_open),
    TEST(cancelled_in_the_factory_the_protocol_is_released),
    TEST(cancelled_while_a_name_is_looked_up),
    TEST(the_loop_closed_under_it_leaves_nothing_open),
    TEST(without_memory_it_says_so_at_every_step),
};
const struct test_group endpoint_group = TEST_GROUP("endpoints", tests);
