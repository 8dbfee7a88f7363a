/* loop_create_connection: the order of things, addresses in turn or in a race, and what goes wrong. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"
#include "socket_transport.h"

static int open_to(struct bench *bench, const char *host, int port, const struct connection_options *options)
{
    return loop_create_connection(bench->loop, &bench->done, factory_make, &bench->factory, host, port, options);
}

static int accept_as(struct bench *bench, int fd)
{
    return loop_connect_accepted_socket(bench->loop, &bench->done, factory_make, &bench->factory, fd, NULL);
}

static struct transport *opened(struct bench *bench)
{
    void *result = NULL;
    bench_run(bench);
    CHECK_OUTCOME(bench, 0, NULL);
    REQUIRE(future_result(&bench->done, &result) == 0);
    bench->transport = result;
    return bench->transport;
}

static void the_factory_then_connection_made_then_the_result(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    bench.factory.names = true;
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    CHECK_TRACE("");
    REQUIRE(opened(&bench) != NULL);
    EXPECT(bench.loop, "factory1;1.CM;RET");
    CHECK(transport_get_protocol(bench.transport) == &bench.factory.made[0].protocol);
    int peer = accept(listener, NULL, NULL);
    transport_write(bench.transport, "hello", 5);
    CHECK_RECEIVES(bench.loop, peer, "hello");
    peer_send(peer, "x");
    peer_close(peer);
    EXPECT(bench.loop, "factory1;1.CM;RET;1.DR(x);1.EOF;1.CL(None)");
    CHECK_INT(transport_write(bench.transport, "x", 1), 0);
    close(listener);
    bench_end(&bench);
}

static void data_that_waits_comes_after_the_result(void)
{
    struct bench bench;
    int ends[2];
    tcp_pair(ends);
    peer_send(ends[1], "early");
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &ends[0]}), 0);
    REQUIRE(opened(&bench) != NULL);
    EXPECT(bench.loop, "CM;RET;DR(early)");
    peer_close(ends[1]);
    bench_end(&bench);
}

static void close_it(struct recording *recording)
{
    transport_close(recording->transport);
}

static void close_when_made(struct factory *factory, struct recording *recording)
{
    (void)factory;
    recording->on_made = close_it;
}

static void closed_in_connection_made_the_result_comes_last_and_is_closed(void)
{
    struct bench bench;
    int ends[2];
    tcp_pair(ends);
    peer_send(ends[1], "early");
    bench_begin(&bench);
    bench.factory.prepare = close_when_made;
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &ends[0]}), 0);
    EXPECT(bench.loop, "CM;CL(None);RET");
    REQUIRE(opened(&bench) != NULL);
    CHECK(transport_is_closing(bench.transport));
    CHECK(transport_get_protocol(bench.transport) == NULL);
    peer_close(ends[1]);
    bench_end(&bench);
}

static void fail_it(struct recording *recording)
{
    fail_with(recording, "boom");
}

static void fail_when_made(struct factory *factory, struct recording *recording)
{
    (void)factory;
    recording->on_made = fail_it;
}

static void a_failure_in_connection_made_does_not_fail_the_call(void)
{
    struct bench bench;
    int ends[2];
    tcp_pair(ends);
    bench_begin(&bench);
    bench.factory.prepare = fail_when_made;
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &ends[0]}), 0);
    REQUIRE(opened(&bench) != NULL);
    EXPECT(bench.loop, "CM;EXH[Exception in callback|boom];RET");
    peer_send(ends[1], "x");
    EXPECT(bench.loop, "CM;EXH[Exception in callback|boom];RET;DR(x)");
    peer_close(ends[1]);
    bench_end(&bench);
}

static void refused_it_says_by_whom_and_makes_no_protocol(void)
{
    struct bench bench;
    int port = refused_port();
    char expected[200];
    bench_begin(&bench);
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_INT(next_descriptor(), next);
    snprintf(expected, sizeof expected, "[Errno 111] Connect call failed ('127.0.0.1', %d)", port);
    CHECK_OUTCOME(&bench, -ECONNREFUSED, expected);
    CHECK(error_is(future_exception(&bench.done), &error_os, ECONNREFUSED));
    CHECK_INT(bench.factory.count, 0);
    bench_end(&bench);
}

static void two_addresses_refused_are_told_together(void)
{
    struct bench bench;
    struct fake_names names;
    int port = refused_port();
    char expected[300];
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", port);
    names_add(&names, "127.0.0.2", port);
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "weft.example", port, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_INT(next_descriptor(), next);
    snprintf(expected, sizeof expected,
        "Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', %d), "
        "[Errno 111] Connect call failed ('127.0.0.2', %d)",
        port, port);
    CHECK_OUTCOME(&bench, -EPROTO, expected);
    CHECK(error_is(future_exception(&bench.done), &error_os, 0));
    bench_end(&bench);
}

static void one_address_refused_twice_is_told_once(void)
{
    struct bench bench;
    struct fake_names names;
    int port = refused_port();
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", port);
    names_add(&names, "127.0.0.1", port);
    CHECK_INT(open_to(&bench, "weft.example", port, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -ECONNREFUSED, NULL);
    CHECK(strncmp(future_exception(&bench.done)->text, "[Errno 111] Connect call failed", 31) == 0);
    bench_end(&bench);
}

static void the_first_address_that_answers_is_taken(void)
{
    struct bench bench;
    struct fake_names names;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", refused_port());
    names_add(&names, "127.0.0.1", port);
    CHECK_INT(open_to(&bench, "weft.example", 80, NULL), 0);
    REQUIRE(opened(&bench) != NULL);
    const struct address *peername = transport_get_extra_info(bench.transport, "peername");
    CHECK_INT(ntohs(peername->of.in.sin_port), port);
    int nodelay = 0, fd = *(const int *)transport_get_extra_info(bench.transport, "socket");
    socklen_t size = sizeof nodelay;
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay != 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(listener);
    bench_end(&bench);
}

static void a_name_without_addresses_is_an_error(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    CHECK_INT(open_to(&bench, "weft.example", 80, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -EPROTO, "getaddrinfo() returned empty list");
    bench_end(&bench);
}

static void an_unknown_name_is_the_resolvers_error(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names.failure = EAI_NONAME;
    CHECK_INT(open_to(&bench, "weft.example", 80, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -EPROTO, "[Errno -2] Name or service not known");
    CHECK_INT(bench.factory.count, 0);
    bench_end(&bench);
}

static void a_factory_that_fails_fails_the_call_and_the_peer_sees_the_end(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    bench.factory.most = 0;
    bench.factory.names = true;
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    EXPECT(bench.loop, "factory1;RET");
    CHECK_OUTCOME(&bench, -EPROTO, NULL);
    CHECK(future_exception(&bench.done)->domain == &error_application);
    int peer = accept(listener, NULL, NULL);
    CHECK_END(bench.loop, peer);
    peer_close(peer);
    close(listener);
    bench_end(&bench);
}

static void an_address_of_the_other_family_is_the_resolvers_error(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names.failure = EAI_FAMILY;
    CHECK_INT(open_to(&bench, "127.0.0.1", 80, &(struct connection_options){.family = AF_INET6}), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -EPROTO, NULL);
    CHECK(future_exception(&bench.done)->domain == &error_resolver);
    CHECK_INT(bench.factory.count, 0);
    bench_end(&bench);
}

struct again {
    struct handle handle;
    struct bench *bench;
    int port, times;
};

static void start_again(void *context)
{
    struct again *again = context;
    void *result = NULL;
    trace("done");
    CHECK(future_result(&again->bench->done, &result) < 0);
    future_exception(&again->bench->done);
    future_destroy(&again->bench->done);
    future_init(&again->bench->done, again->bench->loop);
    if (--again->times > 0) {
        future_add_done_callback(&again->bench->done, &again->handle);
        CHECK_INT(open_to(again->bench, "127.0.0.1", again->port, NULL), 0);
    }
}

static void a_done_callback_may_end_its_future_and_begin_another_call_with_it(void)
{
    struct bench bench;
    bench_begin(&bench);
    struct again again = {.bench = &bench, .port = refused_port(), .times = 3};
    handle_cancel(&bench.told);
    handle_init(&again.handle, start_again, &again);
    future_add_done_callback(&bench.done, &again.handle);
    CHECK_INT(open_to(&bench, "127.0.0.1", again.port, NULL), 0);
    EXPECT(bench.loop, "done;done;done");
    bench_end(&bench);
}

/* Local addresses. */

static void the_local_address_is_used(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    char text[100];
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, "127.0.0.1", port, &(struct connection_options){.local_host = "127.0.0.3"}), 0);
    REQUIRE(opened(&bench) != NULL);
    address_format(transport_get_extra_info(bench.transport, "sockname"), text, sizeof text);
    CHECK_CONTAINS(text, "('127.0.0.3', ");
    close(listener);
    bench_end(&bench);
}

static void a_busy_local_address_is_an_error_in_asyncios_words(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5), busy_port, busy = listen_on_loopback(&busy_port, 5);
    char expected[300];
    bench_begin(&bench);
    const struct connection_options options = {.local_host = "127.0.0.1", .local_port = busy_port};
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "127.0.0.1", port, &options), 0);
    EXPECT(bench.loop, "RET");
    CHECK_INT(next_descriptor(), next);
    snprintf(expected, sizeof expected,
        "[Errno 98] error while attempting to bind on address ('127.0.0.1', %d): address already in use", busy_port);
    CHECK_OUTCOME(&bench, -EADDRINUSE, expected);
    close(busy);
    close(listener);
    bench_end(&bench);
}

static void a_local_address_of_another_family_is_an_error(void)
{
    struct bench bench;
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, "127.0.0.1", 1, &(struct connection_options){.local_host = "::1"}), 0);
    EXPECT(bench.loop, "RET");
    CHECK(future_result(&bench.done, NULL) < 0);
    CHECK_CONTAINS(future_exception(&bench.done)->text, "no matching local address with family=");
    bench_end(&bench);
}

/* The order of addresses. */

static void check_order(int interleave, const char *expected)
{
    struct bench bench;
    struct fake_names names;
    int port = refused_port();
    char wanted[400] = "";
    size_t length = 0;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", port);
    names_add(&names, "127.0.0.2", port);
    names_add(&names, "127.0.0.3", port);
    names_add(&names, "::1", port);
    names_add(&names, "::ffff:127.0.0.9", port);
    for (; *expected != '\0'; expected++)
        length += (size_t)snprintf(wanted + length, sizeof wanted - length, "%s:%d ",
            (const char *[]){"127.0.0.1", "127.0.0.2", "127.0.0.3", "[::1]", "[::ffff:127.0.0.9]"}[*expected - 'a'],
            port);
    CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.interleave = interleave}), 0);
    bench_run(&bench);
    CHECK(future_result(&bench.done, NULL) < 0);
    future_exception(&bench.done);
    CHECK_TEXT(kernel_connects(), wanted);
    bench_end(&bench);
}

static void the_families_take_turns_as_interleave_says(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) { /* a system without IPv6: those addresses are passed over, the others keep their order */
        CHECK_INT(errno, EAFNOSUPPORT);
        check_order(0, "abc");
        check_order(1, "abc");
        return;
    }
    close(fd);
    check_order(0, "abcde");
    kernel_reset();
    check_order(1, "adbec");
    kernel_reset();
    check_order(2, "abdce");
    kernel_reset();
    check_order(3, "abcde");
}

/* Happy eyeballs. */

static void after_the_delay_the_next_address_is_tried_beside_the_first(void)
{
    struct bench bench;
    struct fake_names names;
    struct fake_clock clock = {10};
    struct full_listener full;
    int port, listener = listen_on_loopback(&port, 5);
    full_listener_begin(&full);
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", full.port);
    names_add(&names, "127.0.0.1", port);
    kernel_reset();
    CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.happy_eyeballs_delay = .05}), 0);
    while (kernel_connects()[0] == '\0')
        loop_run_once(bench.loop); /* the names arrive */
    settle(bench.loop);
    clock.now = 10.04;
    settle(bench.loop);
    CHECK(!future_done(&bench.done));
    CHECK(strchr(kernel_connects(), ' ') == kernel_connects() + strlen(kernel_connects()) - 1);
    clock.now = 10.051;
    REQUIRE(opened(&bench) != NULL);
    const struct address *peername = transport_get_extra_info(bench.transport, "peername");
    CHECK_INT(ntohs(peername->of.in.sin_port), port);
    full_listener_end(&full);
    close(listener);
    bench_end(&bench);
}

static void a_first_address_that_fails_lets_the_second_start_at_once(void)
{
    struct bench bench;
    struct fake_names names;
    struct fake_clock clock = {10};
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", refused_port());
    names_add(&names, "127.0.0.1", port);
    CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.happy_eyeballs_delay = 5}), 0);
    REQUIRE(opened(&bench) != NULL);
    CHECK(clock.now == 10);
    close(listener);
    bench_end(&bench);
}

static void in_a_race_that_all_lose_every_error_is_told(void)
{
    struct bench bench;
    struct fake_names names;
    int port = refused_port();
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", port);
    names_add(&names, "127.0.0.2", port);
    names_add(&names, "127.0.0.3", port);
    CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.happy_eyeballs_delay = .01}), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -EPROTO, NULL);
    const char *text = future_exception(&bench.done)->text;
    CHECK_CONTAINS(text, "Multiple exceptions: ");
    CHECK_CONTAINS(text, "('127.0.0.1', ");
    CHECK_CONTAINS(text, "('127.0.0.2', ");
    CHECK_CONTAINS(text, "('127.0.0.3', ");
    bench_end(&bench);
}

/* Arguments. */

static void wrong_arguments_are_refused_at_once_and_do_nothing(void)
{
    struct bench bench;
    int ends[2], datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unix_pair(ends);
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, NULL, 0, NULL), -EINVAL);
    CHECK_INT(open_to(&bench, "127.0.0.1", -1, NULL), -EINVAL);
    CHECK_INT(open_to(&bench, "127.0.0.1", 65536, NULL), -EINVAL);
    CHECK_INT(open_to(&bench, "127.0.0.1", 80, &(struct connection_options){.sock = &ends[0]}), -EINVAL);
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &datagrams}), -EINVAL);
    CHECK_INT(open_to(&bench, "127.0.0.1", 80, &(struct connection_options){.happy_eyeballs_delay = -1}), -EINVAL);
    CHECK_INT(open_to(&bench, "127.0.0.1", 80, &(struct connection_options){.interleave = -1}), -EINVAL);
    settle(bench.loop);
    CHECK(!future_done(&bench.done));
    CHECK_TRACE("");
    loop_close(bench.loop);
    CHECK_INT(open_to(&bench, "127.0.0.1", 80, NULL), -EBADF);
    CHECK(!future_done(&bench.done));
    bench_end(&bench);
    close(ends[0]);
    close(ends[1]);
    close(datagrams);
}

static void an_accepted_socket_can_be_connected(void)
{
    struct bench bench;
    int ends[2];
    void *result = NULL;
    tcp_pair(ends);
    peer_send(ends[1], "q");
    bench_begin(&bench);
    CHECK_INT(accept_as(&bench, ends[0]), 0);
    EXPECT(bench.loop, "CM;RET;DR(q)");
    CHECK_INT(future_result(&bench.done, &result), 0);
    bench.transport = result;
    transport_write(bench.transport, "a", 1);
    CHECK_RECEIVES(bench.loop, ends[1], "a");
    peer_close(ends[1]);
    bench_end(&bench);
}

static void what_is_no_stream_socket_is_not_connected(void)
{
    struct bench bench;
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bench_begin(&bench);
    CHECK_INT(accept_as(&bench, datagrams), -EINVAL);
    CHECK_INT(accept_as(&bench, -1), -EINVAL);
    CHECK(!future_done(&bench.done));
    close(datagrams);
    bench_end(&bench);
}

static void ours_and_ours_talk_to_each_other(void)
{
    struct bench bench;
    void *result = NULL;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    bench.factory.names = true;
    bench_again(&bench);
    CHECK_INT(open_to(&bench, "127.0.0.1", bench.port, NULL), 0);
    bench_run(&bench);
    CHECK_INT(future_result(&bench.done, &result), 0);
    bench.transport = result;
    settle(bench.loop);
    CHECK_INT(bench.factory.count, 2);
    trace_clear();
    struct recording *client = &bench.factory.made[0], *server = &bench.factory.made[1];
    if (transport_get_protocol(bench.transport) != &client->protocol) {
        client = &bench.factory.made[1];
        server = &bench.factory.made[0];
    }
    client->name = "c";
    server->name = "s";
    transport_write(client->transport, "ping", 4);
    EXPECT(bench.loop, "s.DR(ping)");
    transport_write(server->transport, "pong", 4);
    EXPECT(bench.loop, "s.DR(ping);c.DR(pong)");
    transport_close(client->transport);
    EXPECT(bench.loop, "s.DR(ping);c.DR(pong);c.CL(None);s.EOF;s.CL(None)");
    bench_end(&bench);
}

static void without_memory_no_connection_is_made_and_nothing_is_left(void)
{
    unsigned after = 0;
    int port, listener = listen_on_loopback(&port, 100);
    for (; after < 60; after++) {
        struct bench bench;
        struct fake_names names;
        void *result = NULL;
        bench_begin(&bench);
        names_init(bench.loop, &names);
        names_add(&names, "127.0.0.1", port);
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int failed = open_to(&bench, "weft.example", 80, &(struct connection_options){.local_host = "127.0.0.1"});
        if (failed == 0)
            bench_run(&bench);
        else
            CHECK_INT(failed, -ENOMEM);
        bool refused = kernel_failed(KERNEL_MEMORY);
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        future_exception(&bench.done);
        if (future_result(&bench.done, &result) == 0)
            bench.transport = result;
        bench_end(&bench);
        if (!refused) {
            CHECK(result != NULL);
            break;
        }
    }
    CHECK(after > 0 && after < 60);
    close(listener);
}

static void without_descriptors_no_connection_is_made(void)
{
    struct bench bench;
    struct hoard hoard;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    unsigned long before = limit_descriptors((unsigned long)listener + 16);
    hoard_descriptors(&hoard, 0);
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -EMFILE, "[Errno 24] Too many open files");
    hoard_end(&hoard);
    limit_descriptors(before);
    close(listener);
    bench_end(&bench);
}

static const struct test tests[] = {
    TEST(the_factory_then_connection_made_then_the_result),
    TEST(data_that_waits_comes_after_the_result),
    TEST(closed_in_connection_made_the_result_comes_last_and_is_closed),
    TEST(a_failure_in_connection_made_does_not_fail_the_call),
    TEST(refused_it_says_by_whom_and_makes_no_protocol),
    TEST(two_addresses_refused_are_told_together),
    TEST(one_address_refused_twice_is_told_once),
    TEST(the_first_address_that_answers_is_taken),
    TEST(a_name_without_addresses_is_an_error),
    TEST(an_unknown_name_is_the_resolvers_error),
    TEST(a_factory_that_fails_fails_the_call_and_the_peer_sees_the_end),
    TEST(an_address_of_the_other_family_is_the_resolvers_error),
    TEST(a_done_callback_may_end_its_future_and_begin_another_call_with_it),
    TEST(the_local_address_is_used),
    TEST(a_busy_local_address_is_an_error_in_asyncios_words),
    TEST(a_local_address_of_another_family_is_an_error),
    TEST(the_families_take_turns_as_interleave_says),
    TEST(after_the_delay_the_next_address_is_tried_beside_the_first),
    TEST(a_first_address_that_fails_lets_the_second_start_at_once),
    TEST(in_a_race_that_all_lose_every_error_is_told),
    TEST(wrong_arguments_are_refused_at_once_and_do_nothing),
    TEST(an_accepted_socket_can_be_connected),
    TEST(what_is_no_stream_socket_is_not_connected),
    TEST(ours_and_ours_talk_to_each_other),
    TEST(without_memory_no_connection_is_made_and_nothing_is_left),
    TEST(without_descriptors_no_connection_is_made),
};
const struct test_group connection_group = TEST_GROUP("connections", tests);
