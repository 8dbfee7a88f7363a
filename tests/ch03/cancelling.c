/* Cancelling a call at each of its stages: nothing stays open, and a protocol is made for nobody. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"

static int open_to(struct bench *bench, const char *host, int port, const struct connection_options *options)
{
    return loop_create_connection(bench->loop, &bench->done, factory_make, &bench->factory, host, port, options);
}

static void check_cancelled(struct bench *bench, const char *expected)
{
    CHECK(future_cancel(&bench->done));
    settle(bench->loop);
    CHECK_TRACE(expected);
    CHECK_OUTCOME(bench, -ECANCELED, NULL);
}

static void before_the_first_pass(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    check_cancelled(&bench, "RET");
    CHECK_INT(next_descriptor(), next);
    CHECK_INT(bench.factory.count, 0);
    close(listener);
    bench_end(&bench);
}

static void while_the_name_is_looked_up(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", 1);
    names_hold(&names);
    CHECK_INT(open_to(&bench, "weft.example", 80, NULL), 0);
    names_wait_for_lookup(&names);
    check_cancelled(&bench, "RET");
    names_release(&names);
    settle(bench.loop);
    bench_end(&bench);
    CHECK_INT(names_frees(&names), 1);
    CHECK_INT(kernel_count(KERNEL_CONNECT), 0);
}

static void while_it_connects(void)
{
    struct bench bench;
    struct full_listener full;
    full_listener_begin(&full);
    bench_begin(&bench);
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "127.0.0.1", full.port, NULL), 0);
    settle(bench.loop);
    CHECK(!future_done(&bench.done));
    check_cancelled(&bench, "RET");
    CHECK_INT(next_descriptor(), next);
    CHECK(is_idle(bench.loop) && kernel_asked_wait() < 0);
    CHECK_INT(bench.factory.count, 0);
    full_listener_end(&full);
    bench_end(&bench);
}

static void while_several_addresses_race(void)
{
    struct bench bench;
    struct fake_names names;
    struct fake_clock clock = {10};
    struct full_listener full;
    full_listener_begin(&full);
    bench_begin(&bench);
    use_fake_clock(bench.loop, &clock, false);
    names_init(bench.loop, &names);
    for (int i = 0; i < 3; i++)
        names_add(&names, "127.0.0.1", full.port);
    kernel_reset();
    int next = next_descriptor();
    CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.happy_eyeballs_delay = .05}), 0);
    while (kernel_count(KERNEL_CONNECT) < 1)
        loop_run_once(bench.loop);
    clock.now = 10.06;
    settle(bench.loop);
    CHECK_INT(kernel_count(KERNEL_CONNECT), 2);
    check_cancelled(&bench, "RET");
    CHECK_INT(next_descriptor(), next);
    clock.now = 20;
    CHECK(is_idle(bench.loop) && kernel_asked_wait() < 0);
    CHECK_INT(kernel_count(KERNEL_CONNECT), 2);
    full_listener_end(&full);
    bench_end(&bench);
}

static void cancel_in_factory(struct factory *factory, struct recording *recording)
{
    struct bench *bench = factory->context;
    (void)recording;
    CHECK(future_cancel(&bench->done));
}

static void inside_the_factory(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    bench.factory.prepare = cancel_in_factory;
    bench.factory.context = &bench;
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -ECANCELED, NULL);
    CHECK_INT(bench.factory.count, 1);
    CHECK_INT(bench.factory.made[0].released, 1);
    int peer = accept(listener, NULL, NULL);
    CHECK_END(bench.loop, peer);
    peer_close(peer);
    close(listener);
    bench_end(&bench);
}

static void cancel_it(struct recording *recording)
{
    struct bench *bench = recording->context;
    CHECK(future_cancel(&bench->done));
}

static void cancel_when_made(struct factory *factory, struct recording *recording)
{
    recording->context = factory->context;
    recording->on_made = cancel_it;
}

static void inside_connection_made(void)
{
    struct bench bench;
    int port, listener = listen_on_loopback(&port, 5);
    bench_begin(&bench);
    bench.factory.prepare = cancel_when_made;
    bench.factory.context = &bench;
    CHECK_INT(open_to(&bench, "127.0.0.1", port, NULL), 0);
    bench_run(&bench);
    settle(bench.loop);
    CHECK_OUTCOME(&bench, -ECANCELED, NULL);
    CHECK_CONTAINS(traced(), "CM");
    CHECK_CONTAINS(traced(), "CL(None)");
    CHECK_LIVED(&bench.factory.made[0]);
    int peer = accept(listener, NULL, NULL);
    CHECK_END(bench.loop, peer);
    peer_close(peer);
    close(listener);
    bench_end(&bench);
}

static void with_a_socket_given(void)
{
    struct bench bench;
    int ends[2];
    tcp_pair(ends);
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &ends[0]}), 0);
    check_cancelled(&bench, "RET");
    CHECK(fcntl(ends[0], F_GETFD) < 0);
    CHECK_END(bench.loop, ends[1]);
    peer_close(ends[1]);
    bench_end(&bench);
}

static void after_it_is_done_it_is_too_late(void)
{
    struct bench bench;
    int ends[2];
    void *result = NULL;
    tcp_pair(ends);
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, NULL, 0, &(struct connection_options){.sock = &ends[0]}), 0);
    EXPECT(bench.loop, "CM;RET");
    CHECK(!future_cancel(&bench.done));
    CHECK_INT(future_result(&bench.done, &result), 0);
    bench.transport = result;
    CHECK(!transport_is_closing(bench.transport));
    peer_close(ends[1]);
    bench_end(&bench);
}

static void at_every_pass_of_a_connection(void)
{
    int port, listener = listen_on_loopback(&port, 100);
    for (int passes = 0; passes < 12; passes++) {
        struct bench bench;
        struct fake_names names;
        void *result = NULL;
        bench_begin(&bench);
        names_init(bench.loop, &names);
        names_add(&names, "127.0.0.1", port);
        CHECK_INT(open_to(&bench, "weft.example", 80, &(struct connection_options){.local_host = "127.0.0.4"}), 0);
        for (int i = 0; i < passes; i++)
            pass(bench.loop);
        if (!future_cancel(&bench.done)) {
            CHECK_INT(future_result(&bench.done, &result), 0);
            bench.transport = result;
        }
        settle(bench.loop);
        bench_end(&bench);
        CHECK_INT(names_calls(&names), names_frees(&names));
    }
    close(listener);
}

static void a_server_whose_host_is_looked_up(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", 0);
    names_hold(&names);
    CHECK_INT(loop_create_server(bench.loop, &bench.done, factory_make, &bench.factory, "weft.example", 0, NULL), 0);
    names_wait_for_lookup(&names);
    check_cancelled(&bench, "RET");
    names_release(&names);
    settle(bench.loop);
    bench_end(&bench);
    CHECK_INT(kernel_count(KERNEL_LISTEN), 0);
}

static void a_server_before_the_first_pass(void)
{
    struct bench bench;
    bench_begin(&bench);
    int next = next_descriptor();
    CHECK_INT(loop_create_server(bench.loop, &bench.done, factory_make, &bench.factory, "127.0.0.1", 0, NULL), 0);
    check_cancelled(&bench, "RET");
    CHECK_INT(next_descriptor(), next);
    bench_end(&bench);
}

/* The loop or the future ends meanwhile. */

static void a_future_destroyed_while_pending_gives_up_the_work(void)
{
    struct bench bench;
    struct full_listener full;
    full_listener_begin(&full);
    bench_begin(&bench);
    CHECK_INT(open_to(&bench, "127.0.0.1", full.port, NULL), 0);
    settle(bench.loop);
    bench_again(&bench);
    CHECK(is_idle(bench.loop) && kernel_asked_wait() < 0);
    full_listener_end(&full);
    bench_end(&bench);
    CHECK_TRACE("");
}

static void a_loop_closed_at_every_pass_of_a_connection(void)
{
    int port, listener = listen_on_loopback(&port, 100);
    for (int passes = 0; passes < 10; passes++) {
        struct bench bench;
        struct fake_names names;
        void *result = NULL;
        bench_begin(&bench);
        names_init(bench.loop, &names);
        names_add(&names, "127.0.0.1", port);
        CHECK_INT(open_to(&bench, "weft.example", 80, NULL), 0);
        for (int i = 0; i < passes; i++)
            pass(bench.loop);
        CHECK_INT(loop_close(bench.loop), 0);
        if (future_result(&bench.done, &result) == 0)
            bench.transport = result;
        future_exception(&bench.done);
        handle_cancel(&bench.told);
        future_destroy(&bench.done);
        transport_release(bench.transport);
        free_loop(bench.loop);
        for (size_t i = 0; i < bench.factory.count; i++)
            CHECK_INT(bench.factory.made[i].released, 1);
        CHECK_INT(names_calls(&names), names_frees(&names));
        trace_clear();
    }
    close(listener);
}

static void a_loop_closed_while_a_server_is_made(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.1", 0);
    CHECK_INT(loop_create_server(bench.loop, &bench.done, factory_make, &bench.factory, "weft.example", 0, NULL), 0);
    CHECK_INT(loop_close(bench.loop), 0);
    CHECK(!future_done(&bench.done));
    handle_cancel(&bench.told);
    future_destroy(&bench.done);
    free_loop(bench.loop);
    CHECK_TRACE("");
}

static const struct test tests[] = {
    TEST(before_the_first_pass),
    TEST(while_the_name_is_looked_up),
    TEST(while_it_connects),
    TEST(while_several_addresses_race),
    TEST(inside_the_factory),
    TEST(inside_connection_made),
    TEST(with_a_socket_given),
    TEST(after_it_is_done_it_is_too_late),
    TEST(at_every_pass_of_a_connection),
    TEST(a_server_whose_host_is_looked_up),
    TEST(a_server_before_the_first_pass),
    TEST(a_future_destroyed_while_pending_gives_up_the_work),
    TEST(a_loop_closed_at_every_pass_of_a_connection),
    TEST(a_loop_closed_while_a_server_is_made),
};
const struct test_group cancel_group = TEST_GROUP("cancelled", tests);
