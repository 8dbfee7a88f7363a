/* Accepting: in batches, in order, and through bad times. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"

static void all_that_wait_are_accepted_in_one_pass_and_made_in_the_next(void)
{
    struct bench bench;
    int peers[3];
    bench_begin(&bench);
    bench.factory.names = true;
    bench_listen(&bench, NULL);
    for (int i = 0; i < 3; i++)
        peers[i] = connect_to(bench.port);
    pass(bench.loop);
    CHECK_TRACE("factory1;factory2;factory3");
    pass(bench.loop);
    CHECK_TRACE("factory1;factory2;factory3;1.CM;2.CM;3.CM");
    for (int i = 0; i < 3; i++)
        peer_close(peers[i]);
    bench_end(&bench);
}

static void at_most_backlog_connections_are_accepted_a_pass(void)
{
    struct bench bench;
    const struct server_options options = {.backlog = 4};
    int peers[5];
    bench_begin(&bench);
    bench.factory.names = true;
    bench_listen(&bench, &options);
    for (int i = 0; i < 5; i++)
        peers[i] = connect_to(bench.port);
    pass(bench.loop);
    CHECK_TRACE("factory1;factory2;factory3;factory4");
    pass(bench.loop);
    CHECK_CONTAINS(traced(), "1.CM;2.CM;3.CM;4.CM;factory5");
    settle(bench.loop);
    for (int i = 0; i < 5; i++)
        peer_close(peers[i]);
    bench_end(&bench);
}

static void close_server(struct recording *recording)
{
    struct bench *bench = recording->context;
    if (recording == &bench->factory.made[0])
        server_close(bench->server);
}

static void give_bench(struct factory *factory, struct recording *recording)
{
    recording->context = factory->context;
    recording->on_made = close_server;
}

static void a_server_closed_in_the_first_connection_made_keeps_all_that_were_accepted(void)
{
    struct bench bench;
    int peers[3];
    bench_begin(&bench);
    bench.factory.names = true;
    bench.factory.prepare = give_bench;
    bench.factory.context = &bench;
    bench_listen(&bench, NULL);
    for (int i = 0; i < 3; i++)
        peers[i] = connect_to(bench.port);
    EXPECT(bench.loop, "factory1;factory2;factory3;1.CM;2.CM;3.CM");
    peer_send(peers[2], "x");
    EXPECT(bench.loop, "factory1;factory2;factory3;1.CM;2.CM;3.CM;3.DR(x)");
    for (int i = 0; i < 3; i++)
        peer_close(peers[i]);
    bench_end(&bench);
}

static void close_in_factory(struct factory *factory, struct recording *recording)
{
    struct bench *bench = factory->context;
    (void)recording;
    server_close(bench->server);
}

static void a_server_may_be_closed_by_its_factory(void)
{
    struct bench bench;
    int peers[2];
    bench_begin(&bench);
    bench.factory.prepare = close_in_factory;
    bench.factory.context = &bench;
    bench_listen(&bench, NULL);
    for (int i = 0; i < 2; i++)
        peers[i] = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    CHECK_INT(bench.factory.count, 1);
    CHECK_RESET(bench.loop, peers[1]);
    for (int i = 0; i < 2; i++)
        peer_close(peers[i]);
    bench_end(&bench);
}

static void a_client_that_said_its_word_and_left_is_served_all_the_same(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    peer_send(peer, "q");
    peer_close(peer);
    EXPECT(bench.loop, "CM;DR(q);EOF;CL(None)");
    bench_end(&bench);
}

static void a_client_that_reset_before_it_was_accepted_is_made_and_lost(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    peer_reset(peer);
    EXPECT(bench.loop, "CM;CL(ECONNRESET)");
    bench_end(&bench);
}

static void fail_in_made(struct recording *recording)
{
    fail_with(recording, "boom");
}

static void fail_when_made(struct factory *factory, struct recording *recording)
{
    (void)factory;
    recording->on_made = fail_in_made;
}

static void a_failure_in_connection_made_leaves_the_connection_open(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench.factory.prepare = fail_when_made;
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM;EXH[Exception in callback|boom]");
    peer_send(peer, "x");
    peer_end(peer);
    EXPECT(bench.loop, "CM;EXH[Exception in callback|boom];DR(x);EOF;CL(None)");
    peer_close(peer);
    bench_end(&bench);
}

static void when_the_factory_fails_the_peer_sees_the_end_and_the_next_is_served(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench.factory.names = true;
    bench.factory.most = 0;
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "factory1;EXH[Error on transport creation for incoming connection]");
    CHECK_END(bench.loop, peer);
    peer_close(peer);
    bench.factory.most = 8;
    trace_clear();
    peer = connect_to(bench.port);
    EXPECT(bench.loop, "factory1;1.CM");
    peer_close(peer);
    bench_end(&bench);
}

/* Out of descriptors. */

#define OUT_OF "EXH[socket.accept() out of system resource|[Errno 24] Too many open files]"

/* The soft limit of descriptors, reached but for `spare`. Valgrind has a limit of its own, at which it accepts
   and closes the connection before it says EMFILE: there the system's answer is given by kernel.c. */
struct shortage {
    struct hoard hoard;
    unsigned long before;
};

static void shortage_begin(struct shortage *shortage, unsigned long most, unsigned spare)
{
    shortage->hoard.count = 0;
    shortage->before = limit_descriptors(most);
    if (under_valgrind()) {
        limit_descriptors(shortage->before);
        kernel_fail(KERNEL_ACCEPT, EMFILE, spare, 1000000);
    } else {
        hoard_descriptors(&shortage->hoard, spare);
    }
}

static void shortage_eases(unsigned spare)
{
    if (under_valgrind())
        kernel_fail(KERNEL_ACCEPT, EMFILE, spare, 1000000);
}

static void shortage_end(struct shortage *shortage)
{
    kernel_fail(KERNEL_ACCEPT, 0, 0, 0);
    hoard_end(&shortage->hoard);
    limit_descriptors(shortage->before);
}

static void without_descriptors_it_is_told_once_and_tried_again_after_a_second(void)
{
    struct bench bench;
    struct fake_clock clock = {100};
    struct shortage shortage;
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    shortage_begin(&shortage, 16, 0);
    EXPECT(bench.loop, OUT_OF);
    CHECK(is_idle(bench.loop)); /* the listener is not watched meanwhile */
    CHECK(kernel_asked_wait() > 0.9 && kernel_asked_wait() < 1.01);
    clock.now = 100.99;
    settle(bench.loop);
    CHECK_TRACE(OUT_OF);
    clock.now = 101.001;
    EXPECT(bench.loop, OUT_OF ";" OUT_OF);
    shortage_end(&shortage);
    settle(bench.loop);
    CHECK_TRACE(OUT_OF ";" OUT_OF);
    clock.now = 102.01;
    EXPECT(bench.loop, OUT_OF ";" OUT_OF ";CM");
    peer_close(peer);
    bench_end(&bench);
}

static void with_sixteen_descriptors_the_rest_of_the_clients_wait_their_turn(void)
{
    struct bench bench;
    struct fake_clock clock = {100};
    struct shortage shortage;
    int peers[4];
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    bench.factory.names = true;
    bench_listen(&bench, NULL);
    for (int i = 0; i < 4; i++)
        peers[i] = connect_to(bench.port);
    shortage_begin(&shortage, 16, 2);
    EXPECT(bench.loop, "factory1;factory2;" OUT_OF ";1.CM;2.CM");
    trace_clear();
    peer_end(peers[0]);
    EXPECT(bench.loop, "1.EOF;1.CL(None)");
    shortage_eases(1);
    clock.now = 101.1;
    EXPECT(bench.loop, "1.EOF;1.CL(None);factory3;" OUT_OF ";3.CM");
    trace_clear();
    shortage_end(&shortage);
    clock.now = 102.2;
    EXPECT(bench.loop, "factory4;4.CM");
    for (int i = 0; i < 4; i++)
        peer_close(peers[i]);
    bench_end(&bench);
}

static void every_lack_of_resources_is_met_alike(void)
{
    static const int codes[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct bench bench;
        struct fake_clock clock = {100};
        bench_begin(&bench);
        use_fake_clock(bench.loop, &clock, false);
        bench_listen(&bench, NULL);
        int peer = connect_to(bench.port);
        kernel_fail(KERNEL_ACCEPT, codes[i], 0, 1);
        settle(bench.loop);
        CHECK(strncmp(traced(), "EXH[socket.accept() out of system resource|", 43) == 0);
        CHECK(strchr(traced(), ';') == NULL);
        trace_clear();
        clock.now = 101.1;
        EXPECT(bench.loop, "CM");
        peer_close(peer);
        bench_end(&bench);
        trace_clear();
    }
}

static void a_connection_that_vanished_and_an_interrupted_accept_are_no_trouble(void)
{
    static const int codes[] = {ECONNABORTED, EAGAIN, EINTR};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct bench bench;
        bench_begin(&bench);
        bench_listen(&bench, NULL);
        int peer = connect_to(bench.port);
        kernel_fail(KERNEL_ACCEPT, codes[i], 0, 1);
        EXPECT(bench.loop, "CM");
        CHECK(kernel_failed(KERNEL_ACCEPT));
        peer_close(peer);
        bench_end(&bench);
        trace_clear();
    }
}

static void a_server_closed_while_it_waits_to_accept_again_stays_closed(void)
{
    struct bench bench;
    struct fake_clock clock = {100};
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    kernel_fail(KERNEL_ACCEPT, EMFILE, 0, 1);
    EXPECT(bench.loop, OUT_OF);
    server_close(bench.server);
    clock.now = 102;
    settle(bench.loop);
    CHECK_TRACE(OUT_OF);
    CHECK_RESET(bench.loop, peer);
    peer_close(peer);
    bench_end(&bench);
}

static void without_memory_for_a_connection_the_peer_sees_the_end_and_nothing_is_left(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int first = connect_to(bench.port);
    settle(bench.loop);
    trace_clear();
    int peer = connect_to(bench.port);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    settle(bench.loop);
    CHECK(kernel_failed(KERNEL_MEMORY));
    CHECK(strncmp(traced(), "EXH[Error on transport creation for incoming connection", 55) == 0);
    CHECK_END(bench.loop, peer);
    peer_close(peer);
    peer_close(first);
    bench_end(&bench);
}

static void an_accepted_connection_is_closed_on_exec_and_sends_small_writes_at_once(void)
{
    struct bench bench;
    bench_begin(&bench);
    bench_listen(&bench, NULL);
    int peer = connect_to(bench.port);
    EXPECT(bench.loop, "CM");
    int fd = *(const int *)transport_get_extra_info(bench.factory.made[0].transport, "socket");
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    peer_close(peer);
    bench_end(&bench);
}

static const struct test tests[] = {
    TEST(all_that_wait_are_accepted_in_one_pass_and_made_in_the_next),
    TEST(at_most_backlog_connections_are_accepted_a_pass),
    TEST(a_server_closed_in_the_first_connection_made_keeps_all_that_were_accepted),
    TEST(a_server_may_be_closed_by_its_factory),
    TEST(a_client_that_said_its_word_and_left_is_served_all_the_same),
    TEST(a_client_that_reset_before_it_was_accepted_is_made_and_lost),
    TEST(a_failure_in_connection_made_leaves_the_connection_open),
    TEST(when_the_factory_fails_the_peer_sees_the_end_and_the_next_is_served),
    TEST(without_descriptors_it_is_told_once_and_tried_again_after_a_second),
    TEST(with_sixteen_descriptors_the_rest_of_the_clients_wait_their_turn),
    TEST(every_lack_of_resources_is_met_alike),
    TEST(a_connection_that_vanished_and_an_interrupted_accept_are_no_trouble),
    TEST(a_server_closed_while_it_waits_to_accept_again_stays_closed),
    TEST(without_memory_for_a_connection_the_peer_sees_the_end_and_nothing_is_left),
    TEST(an_accepted_connection_is_closed_on_exec_and_sends_small_writes_at_once),
};
const struct test_group accept_group = TEST_GROUP("accepting", tests);
