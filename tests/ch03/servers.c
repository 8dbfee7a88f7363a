/* Servers: listening, serving, closing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"

static bool refuses(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int create(struct bench *bench, const char *host, int port, const struct server_options *options)
{
    return loop_create_server(bench->loop, &bench->done, factory_make, &bench->factory, host, port, options);
}

static struct server *created(struct bench *bench)
{
    void *result = NULL;
    bench_run(bench);
    CHECK_OUTCOME(bench, 0, NULL);
    REQUIRE(future_result(&bench->done, &result) == 0);
    bench->server = result;
    settle(bench->loop);
    trace_clear();
    return bench->server;
}

static void a_server_serves_as_soon_as_it_is_created(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    CHECK(server_is_serving(bench.server));
    CHECK(server_get_loop(bench.server) == bench.loop);
    CHECK_INT(server_start_serving(bench.server), 0);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    peer_send(peer, "x");
    EXPECT(bench.loop, "CM;DR(x)");
    peer_close(peer);
    EXPECT(bench.loop, "CM;DR(x);EOF;CL(None)");
    CHECK_LIVED(&bench.factory.made[0]);
    bench_end(&bench);
}

static void started_later_it_refuses_until_then(void)
{
    struct bench bench;
    const struct server_options options = {.start_serving = OPTION_OFF};
    bench_begin(&bench);
    bench_listen(&bench, &options);
    CHECK(!server_is_serving(bench.server));
    CHECK(refuses(bench.port));
    CHECK_INT(server_start_serving(bench.server), 0);
    CHECK_INT(server_start_serving(bench.server), 0);
    CHECK(server_is_serving(bench.server));
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    peer_close(peer);
    bench_end(&bench);
}

static void when_one_socket_cannot_listen_none_is_watched_and_a_retry_works(void)
{
    struct bench bench;
    const char *const hosts[] = {"127.0.0.1", "127.0.0.2", NULL};
    const struct server_options options = {.hosts = hosts, .start_serving = OPTION_OFF};
    const int *fds;
    bench_begin(&bench);
    CHECK_INT(create(&bench, NULL, 0, &options), 0);
    struct server *server = created(&bench);
    CHECK_INT(server_sockets(server, &fds), 2);
    kernel_fail(KERNEL_LISTEN, EADDRINUSE, 1, 1);
    CHECK_INT(server_start_serving(server), -EADDRINUSE);
    CHECK(!server_is_serving(server));
    CHECK_INT(loop_remove_reader(bench.loop, fds[0]), 0);
    CHECK_INT(server_start_serving(server), 0);
    CHECK(server_is_serving(server));
    bench_end(&bench);
}

static void closed_it_refuses_new_connections_and_keeps_the_old(void)
{
    struct bench bench;
    const int *fds;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    server_close(bench.server);
    server_close(bench.server);
    CHECK(!server_is_serving(bench.server));
    CHECK_INT(server_sockets(bench.server, &fds), 0);
    CHECK_INT(server_start_serving(bench.server), -EBADF);
    CHECK(refuses(bench.port));
    peer_send(peer, "still");
    EXPECT(bench.loop, "CM;DR(still)");
    peer_close(peer);
    EXPECT(bench.loop, "CM;DR(still);EOF;CL(None)");
    bench_end(&bench);
}

static void what_was_not_yet_accepted_when_it_closes_is_reset(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    server_close(bench.server);
    CHECK_RESET(bench.loop, peer);
    CHECK_TRACE("");
    peer_close(peer);
    bench_end(&bench);
}

static void a_server_released_goes_on_serving_and_ends_with_the_loop(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    server_release(bench.server);
    bench.server = NULL;
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    peer_close(peer);
    bench_end(&bench);
}

static void a_server_retained_beyond_the_loop_is_harmless(void)
{
    struct bench bench;
    const int *fds;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    struct server *server = server_retain(bench.server);
    CHECK(server == bench.server);
    server_release(bench.server);
    bench.server = NULL;
    loop_close(bench.loop);
    CHECK(!server_is_serving(server));
    CHECK_INT(server_sockets(server, &fds), 0);
    CHECK_INT(server_start_serving(server), -EBADF);
    server_close(server);
    server_release(server);
    bench_end(&bench);
}

/* wait_closed and serve_forever. */

static void wait_closed_waits_for_the_close_and_the_last_connection(void)
{
    struct bench bench;
    struct future early, late;
    struct handle early_told = TRACES("early"), late_told = TRACES("late");
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    future_init(&early, bench.loop);
    future_init(&late, bench.loop);
    future_add_done_callback(&early, &early_told);
    future_add_done_callback(&late, &late_told);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    CHECK_INT(server_wait_closed(bench.server, &early), 0);
    settle(bench.loop);
    CHECK(!future_done(&early));
    server_close(bench.server);
    CHECK_INT(server_wait_closed(bench.server, &late), 0);
    settle(bench.loop);
    CHECK(!future_done(&early) && !future_done(&late));
    peer_close(peer);
    settle(bench.loop);
    CHECK_CONTAINS(traced(), "CM;EOF;CL(None);");
    CHECK_CONTAINS(traced(), "early");
    CHECK_CONTAINS(traced(), "late");
    CHECK_INT(future_result(&early, NULL), 0);
    future_destroy(&early);
    future_destroy(&late);
    bench_end(&bench);
}

static void wait_closed_without_connections_completes_at_the_close(void)
{
    struct bench bench;
    struct future closed, again;
    struct handle told = TRACES("closed");
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    future_init(&closed, bench.loop);
    future_init(&again, bench.loop);
    future_add_done_callback(&closed, &told);
    CHECK_INT(server_wait_closed(bench.server, &closed), 0);
    settle(bench.loop);
    CHECK_TRACE("");
    server_close(bench.server);
    CHECK_TRACE("");
    EXPECT(bench.loop, "closed");
    CHECK_INT(server_wait_closed(bench.server, &again), 0);
    settle(bench.loop);
    CHECK_INT(future_result(&again, NULL), 0);
    future_destroy(&closed);
    future_destroy(&again);
    bench_end(&bench);
}

static void a_cancelled_wait_leaves_the_server_alone(void)
{
    struct bench bench;
    struct future one, two;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    future_init(&one, bench.loop);
    future_init(&two, bench.loop);
    server_wait_closed(bench.server, &one);
    server_wait_closed(bench.server, &two);
    CHECK(future_cancel(&one));
    CHECK(server_is_serving(bench.server));
    server_close(bench.server);
    settle(bench.loop);
    CHECK_INT(future_result(&two, NULL), 0);
    future_destroy(&one);
    future_destroy(&two);
    bench_end(&bench);
}

static void serving_for_ever_ends_when_it_is_cancelled_and_closes_the_server(void)
{
    struct bench bench;
    struct future forever, second;
    struct handle told = TRACES("forever ends");
    const int *fds;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    future_init(&forever, bench.loop);
    future_init(&second, bench.loop);
    future_add_done_callback(&forever, &told);
    CHECK_INT(server_serve_forever(bench.server, &forever), 0);
    CHECK_INT(server_serve_forever(bench.server, &second), -EBUSY);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    CHECK(future_cancel(&forever));
    EXPECT(bench.loop, "CM;forever ends");
    CHECK(!server_is_serving(bench.server));
    CHECK_INT(server_sockets(bench.server, &fds), 0);
    CHECK_INT(server_serve_forever(bench.server, &second), -EBADF);
    CHECK(!future_done(&second));
    future_destroy(&forever);
    future_destroy(&second);
    peer_close(peer);
    bench_end(&bench);
}

static void closing_the_server_cancels_whoever_serves_for_ever(void)
{
    struct bench bench;
    struct future forever;
    struct handle told = TRACES("forever ends");
    const struct server_options options = {.start_serving = OPTION_OFF};
    bench_begin(&bench);
    bench_listen(&bench, &options);
    future_init(&forever, bench.loop);
    future_add_done_callback(&forever, &told);
    CHECK_INT(server_serve_forever(bench.server, &forever), 0);
    CHECK(server_is_serving(bench.server));
    server_close(bench.server);
    CHECK_TRACE("");
    EXPECT(bench.loop, "forever ends");
    CHECK(future_cancelled(&forever));
    future_destroy(&forever);
    bench_end(&bench);
}

static void a_loop_closed_under_a_serving_server_lets_go_of_everything(void)
{
    struct bench bench;
    struct future forever, closed;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    future_init(&forever, bench.loop);
    future_init(&closed, bench.loop);
    server_serve_forever(bench.server, &forever);
    server_wait_closed(bench.server, &closed);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    loop_close(bench.loop);
    CHECK_TRACE("CM");
    CHECK_INT(bench.factory.made[0].released, 1);
    future_destroy(&forever);
    future_destroy(&closed);
    peer_close(peer);
    bench_end(&bench);
}

static void close_and_release(struct recording *recording, const struct error *exc)
{
    struct bench *bench = recording->context;
    (void)exc;
    server_close(bench->server);
    server_release(bench->server);
    bench->server = NULL;
}

static void close_when_lost(struct factory *factory, struct recording *recording)
{
    recording->context = factory->context;
    recording->on_lost = close_and_release;
}

static void the_last_connection_may_close_and_release_its_server(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench.factory.prepare = close_when_lost;
    bench.factory.context = &bench;
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    peer_close(peer);
    EXPECT(bench.loop, "CM;EOF;CL(None)");
    CHECK(bench.server == NULL);
    bench_end(&bench);
}

/* Addresses. */

static void an_address_in_use_is_an_error_in_asyncios_words(void)
{
    struct bench bench;
    int port, other = listen_on_loopback(&port, 1);
    char expected[200];
    bench_begin(&bench);
    snprintf(expected, sizeof expected,
        "[Errno 98] error while attempting to bind on address ('127.0.0.1', %d): address already in use", port);
    int next = next_descriptor();
    CHECK_INT(create(&bench, "127.0.0.1", port, NULL), 0);
    bench_run(&bench);
    CHECK_INT(next_descriptor(), next);
    CHECK_OUTCOME(&bench, -EADDRINUSE, expected);
    CHECK_INT(bench.factory.count, 0);
    close(other);
    bench_end(&bench);
}

static void several_hosts_are_several_sockets_and_one_named_twice_counts_once(void)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.1", NULL};
    struct bench bench;
    const struct server_options options = {.hosts = hosts};
    const int *fds;
    char text[100];
    struct address address;
    bench_begin(&bench);
    CHECK_INT(create(&bench, NULL, 0, &options), 0);
    REQUIRE(created(&bench) != NULL);
    REQUIRE(server_sockets(bench.server, &fds) == 2);
    address_of_socket(fds[0], &address);
    address_format(&address, text, sizeof text);
    CHECK(strncmp(text, "('127.0.0.1', ", 14) == 0);
    address_of_socket(fds[1], &address);
    address_format(&address, text, sizeof text);
    CHECK(strncmp(text, "('127.0.0.2', ", 14) == 0);
    int peer = connect_to(port_of(fds[0]));
    EXPECT(bench.loop, "CM");
    peer_close(peer);
    bench_end(&bench);
}

static void of_several_hosts_one_that_fails_fails_all(void)
{
    int port, other = listen_on_loopback(&port, 1);
    static const char *const hosts[] = {"127.0.0.2", "127.0.0.1", NULL};
    struct bench bench;
    const struct server_options options = {.hosts = hosts};
    bench_begin(&bench);
    int next = next_descriptor();
    CHECK_INT(create(&bench, NULL, port, &options), 0);
    bench_run(&bench);
    CHECK_INT(next_descriptor(), next);
    CHECK_OUTCOME(&bench, -EADDRINUSE, NULL);
    CHECK_CONTAINS(future_exception(&bench.done)->text, "('127.0.0.1', ");
    close(other);
    bench_end(&bench);
}

static void no_host_is_every_address_of_the_machine(void)
{
    struct bench bench;
    const int *fds;
    for (int way = 0; way < 2; way++) {
        bench_begin(&bench);
        CHECK_INT(create(&bench, way == 0 ? NULL : "", 0, NULL), 0);
        REQUIRE(created(&bench) != NULL);
        size_t count = server_sockets(bench.server, &fds);
        CHECK_INT(count, have_ipv6_loopback() ? 2 : 1);
        bool reached = false;
        for (size_t i = 0; i < count; i++) {
            struct address address;
            address_of_socket(fds[i], &address);
            if (address.of.any.sa_family == AF_INET) {
                int peer = connect_to(port_of(fds[i]));
                EXPECT(bench.loop, "CM");
                peer_close(peer);
                reached = true;
            } else {
                int only = 0;
                socklen_t size = sizeof only;
                CHECK(getsockopt(fds[i], IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && only != 0);
            }
        }
        CHECK(reached);
        bench_end(&bench);
    }
}

static void of_one_family_there_is_one_socket(void)
{
    struct bench bench;
    const int *fds;
    struct address address;
    bench_begin(&bench);
    CHECK_INT(create(&bench, NULL, 0, &(struct server_options){.family = AF_INET}), 0);
    REQUIRE(created(&bench) != NULL);
    REQUIRE(server_sockets(bench.server, &fds) == 1);
    address_of_socket(fds[0], &address);
    CHECK_INT(address.of.any.sa_family, AF_INET);
    bench_end(&bench);
}

static void ipv6_serves_or_says_clearly_that_it_cannot(void)
{
    struct bench bench;
    const int *fds;
    bench_begin(&bench);
    CHECK_INT(create(&bench, "::1", 0, NULL), 0);
    if (have_ipv6_loopback()) {
        REQUIRE(created(&bench) != NULL);
        CHECK_INT(server_sockets(bench.server, &fds), 1);
        bench.port = port_of(fds[0]);
        bench_again(&bench);
        int failed = loop_create_connection(
            bench.loop, &bench.done, factory_make, &bench.factory, "::1", bench.port, NULL);
        CHECK_INT(failed, 0);
        bench_run(&bench);
        CHECK_OUTCOME(&bench, 0, NULL);
        void *result = NULL;
        future_result(&bench.done, &result);
        bench.transport = result;
        char text[100];
        address_format(transport_get_extra_info(bench.transport, "peername"), text, sizeof text);
        CHECK_CONTAINS(text, "('::1', ");
        CHECK_CONTAINS(text, ", 0, 0)");
    } else {
        bench_run(&bench);
        CHECK(future_result(&bench.done, NULL) < 0);
        CHECK_CONTAINS(future_exception(&bench.done)->text, "[Errno ");
    }
    bench_end(&bench);
}

static void a_bound_socket_can_be_given_and_is_closed_with_the_server(void)
{
    struct bench bench;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int *fds;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(sock, (struct sockaddr *)&address, sizeof address) == 0);
    const struct server_options options = {.sock = &sock};
    bench_begin(&bench);
    bench_listen(&bench, &options);
    CHECK_INT(server_sockets(bench.server, &fds), 1);
    CHECK_INT(fds[0], sock);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    peer_close(peer);
    settle(bench.loop);
    server_close(bench.server);
    CHECK(fcntl(sock, F_GETFD) < 0);
    bench_end(&bench);
}

static void wrong_arguments_are_refused_at_once_and_do_nothing(void)
{
    struct bench bench;
    int ends[2], datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), nothing = -1;
    static const char *const none[] = {NULL}, *const one[] = {"127.0.0.1", NULL};
    unix_pair(ends);
    bench_begin(&bench);
    CHECK_INT(create(&bench, "127.0.0.1", -1, NULL), -EINVAL);
    CHECK_INT(create(&bench, "127.0.0.1", 65536, NULL), -EINVAL);
    CHECK_INT(create(&bench, "127.0.0.1", 80, &(struct server_options){.sock = &ends[0]}), -EINVAL);
    CHECK_INT(create(&bench, NULL, 0, &(struct server_options){.sock = &datagrams}), -EINVAL);
    CHECK_INT(create(&bench, NULL, 0, &(struct server_options){.sock = &nothing}), -EINVAL);
    CHECK_INT(create(&bench, NULL, 0, &(struct server_options){.hosts = none}), -EINVAL);
    CHECK_INT(create(&bench, "127.0.0.1", 0, &(struct server_options){.hosts = one}), -EINVAL);
    CHECK_INT(create(&bench, "127.0.0.1", 0, &(struct server_options){.backlog = -1}), -EINVAL);
    settle(bench.loop);
    CHECK(!future_done(&bench.done));
    CHECK_TRACE("");
    loop_close(bench.loop);
    CHECK_INT(create(&bench, "127.0.0.1", 0, NULL), -EBADF);
    CHECK(!future_done(&bench.done));
    bench_end(&bench);
    close(ends[0]);
    close(ends[1]);
    close(datagrams);
}

static void an_unknown_host_is_the_resolvers_error(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names.failure = EAI_NONAME;
    CHECK_INT(create(&bench, "weft.example", 0, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -EPROTO, "[Errno -2] Name or service not known");
    bench_end(&bench);
}

static void a_port_can_be_shared_when_both_say_so(void)
{
    struct bench bench;
    const struct server_options options = {.reuse_port = OPTION_ON};
    bench_begin(&bench);
    bench_listen(&bench, &options);
    struct server *first = bench.server;
    bench_again(&bench);
    CHECK_INT(create(&bench, "127.0.0.1", bench.port, &options), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, 0, NULL);
    void *second = NULL;
    future_result(&bench.done, &second);
    server_close(second);
    server_release(second);
    bench.server = first;
    bench_end(&bench);
}

static void a_server_can_be_created_again_on_a_port_just_left(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int port = bench.port, peer = connect_to(port);
    EXPECT(bench.loop, "CM");
    transport_close(bench.factory.made[0].transport); /* our side closes first: TIME_WAIT is ours */
    EXPECT(bench.loop, "CM;CL(None)");
    peer_close(peer);
    server_close(bench.server);
    server_release(bench.server);
    bench.server = NULL;
    bench_again(&bench);
    CHECK_INT(create(&bench, "127.0.0.1", port, NULL), 0);
    REQUIRE(created(&bench) != NULL);
    bench_end(&bench);
}

static void a_listening_socket_is_closed_on_exec_and_does_not_block(void)
{
    struct bench bench;
    const int *fds;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    REQUIRE(server_sockets(bench.server, &fds) == 1);
    CHECK(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    bench_end(&bench);
}

static void a_failing_listen_fails_the_call(void)
{
    struct bench bench;
    bench_begin(&bench);
    kernel_fail(KERNEL_LISTEN, EADDRINUSE, 0, 1);
    int next = next_descriptor();
    CHECK_INT(create(&bench, "127.0.0.1", 0, NULL), 0);
    bench_run(&bench);
    CHECK_INT(next_descriptor(), next);
    CHECK_OUTCOME(&bench, -EADDRINUSE, "[Errno 98] Address already in use");
    bench_end(&bench);
}

static void without_memory_no_server_is_made_and_nothing_is_left(void)
{
    unsigned after = 0;
    for (; after < 60; after++) {
        struct bench bench;
        bench_begin(&bench);
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int failed = create(&bench, "127.0.0.1", 0, NULL);
        if (failed == 0) {
            bench_run(&bench);
            failed = future_result(&bench.done, NULL);
        } else {
            CHECK_INT(failed, -ENOMEM);
        }
        bool refused = kernel_failed(KERNEL_MEMORY);
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        void *result = NULL;
        if (future_result(&bench.done, &result) == 0)
            bench.server = result;
        bench_end(&bench);
        if (!refused) {
            CHECK_INT(failed, 0);
            break;
        }
    }
    CHECK(after > 0 && after < 60);
}

static const struct test tests[] = {
    TEST(a_server_serves_as_soon_as_it_is_created),
    TEST(started_later_it_refuses_until_then),
    TEST(when_one_socket_cannot_listen_none_is_watched_and_a_retry_works),
    TEST(closed_it_refuses_new_connections_and_keeps_the_old),
    TEST(what_was_not_yet_accepted_when_it_closes_is_reset),
    TEST(a_server_released_goes_on_serving_and_ends_with_the_loop),
    TEST(a_server_retained_beyond_the_loop_is_harmless),
    TEST(wait_closed_waits_for_the_close_and_the_last_connection),
    TEST(wait_closed_without_connections_completes_at_the_close),
    TEST(a_cancelled_wait_leaves_the_server_alone),
    TEST(serving_for_ever_ends_when_it_is_cancelled_and_closes_the_server),
    TEST(closing_the_server_cancels_whoever_serves_for_ever),
    TEST(a_loop_closed_under_a_serving_server_lets_go_of_everything),
    TEST(the_last_connection_may_close_and_release_its_server),
    TEST(an_address_in_use_is_an_error_in_asyncios_words),
    TEST(several_hosts_are_several_sockets_and_one_named_twice_counts_once),
    TEST(of_several_hosts_one_that_fails_fails_all),
    TEST(no_host_is_every_address_of_the_machine),
    TEST(of_one_family_there_is_one_socket),
    TEST(ipv6_serves_or_says_clearly_that_it_cannot),
    TEST(a_bound_socket_can_be_given_and_is_closed_with_the_server),
    TEST(wrong_arguments_are_refused_at_once_and_do_nothing),
    TEST(an_unknown_host_is_the_resolvers_error),
    TEST(a_port_can_be_shared_when_both_say_so),
    TEST(a_server_can_be_created_again_on_a_port_just_left),
    TEST(a_listening_socket_is_closed_on_exec_and_does_not_block),
    TEST(a_failing_listen_fails_the_call),
    TEST(without_memory_no_server_is_made_and_nothing_is_left),
};
const struct test_group server_group = TEST_GROUP("servers", tests);
