/* Handshakes that do not come to their end. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch07/tls_bench.h"
#include "groups.h"

/* A peer that speaks no TLS: sends this, and is our client's server. */
static void begin_with_silence(struct tls_bench *bench)
{
    tls_begin(bench, NULL, NULL);
    call_client(bench);
    settle(bench->loop);
}

static void take_hello(struct tls_bench *bench)
{
    char head[5];
    int error;
    CHECK_INT(peer_receive(bench->loop, bench->fds[1], head, sizeof head, &error), 5);
    CHECK_INT(head[0], 22);
    CHECK_INT(head[1], 3);
}

static void a_server_that_speaks_plain_text(void)
{
    struct tls_bench bench;
    begin_with_silence(&bench);
    take_hello(&bench);
    peer_send(bench.fds[1], "HTTP/1.0 400 Bad Request\r\n\r\n");
    run_calls(&bench);
    CHECK_CALL(&bench.client, -EPROTO, "[SSL: WRONG_VERSION_NUMBER] wrong version number");
    CHECK_STORY(&bench.client, "RET");
    tls_end(&bench);
}

static void a_client_that_speaks_plain_text(void)
{
    struct tls_bench bench;
    char data[200];
    int error;
    tls_begin(&bench, NULL, NULL);
    call_server(&bench);
    peer_send(bench.fds[0], "GET / HTTP/1.0\r\n\r\n");
    run_calls(&bench);
    CHECK_CALL(&bench.server, -EPROTO, "[SSL: HTTP_REQUEST] http request");
    CHECK_STORY(&bench.server, "RET");
    CHECK(peer_receive(bench.loop, bench.fds[0], data, sizeof data, &error) < sizeof data);
    CHECK_INT(error, 0);
    tls_end(&bench);
}

static void garbage_of_every_first_byte_is_refused(void)
{
    for (int first = 0; first < 256; first += 15) {
        struct tls_bench bench;
        char garbage[600];
        memset(garbage, first, sizeof garbage);
        tls_begin(&bench, NULL, NULL);
        call_server(&bench);
        peer_send_bytes(bench.fds[0], garbage, sizeof garbage);
        peer_end(bench.fds[0]);
        run_calls(&bench);
        CHECK(future_result(&bench.server.done, NULL) < 0);
        CHECK_STORY(&bench.server, "RET");
        tls_end(&bench);
    }
}

static void a_server_that_leaves_in_the_handshake(void)
{
    struct tls_bench bench;
    begin_with_silence(&bench);
    take_hello(&bench);
    peer_end(bench.fds[1]);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -ECONNRESET, NULL);
    CHECK_STORY(&bench.client, "RET");
    tls_end(&bench);
}

static void a_server_that_resets_in_the_handshake(void)
{
    struct tls_bench bench;
    begin_with_silence(&bench);
    peer_reset(bench.fds[1]);
    bench.fds[1] = -1;
    run_calls(&bench);
    CHECK_CALL(&bench.client, -ECONNRESET, NULL);
    CHECK_STORY(&bench.client, "RET");
    tls_end(&bench);
}

static void a_client_that_vanishes_is_not_reported(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    call_server(&bench);
    settle(bench.loop);
    close(bench.fds[0]);
    bench.fds[0] = -1;
    run_calls(&bench);
    CHECK_CALL(&bench.server, -ECONNRESET, NULL);
    CHECK_STORY(&bench.server, "RET");
    CHECK_STORY(&bench.client, "");
    tls_end(&bench);
}

static void a_client_waits_only_so_long(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    tls_begin(&bench, NULL, NULL);
    use_fake_clock(bench.loop, &clock, true);
    bench.handshake_timeout = 0.1;
    call_client(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -ECONNABORTED,
        "SSL handshake is taking longer than 0.1 seconds: aborting the connection");
    CHECK(clock.now >= 1000.1 && clock.now < 1000.2);
    CHECK_STORY(&bench.client, "RET");
    tls_end(&bench);
}

static void by_default_a_client_waits_a_minute(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    tls_begin(&bench, NULL, NULL);
    use_fake_clock(bench.loop, &clock, true);
    call_client(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -ECONNABORTED,
        "SSL handshake is taking longer than 60 seconds: aborting the connection");
    CHECK(clock.now >= 1060 && clock.now < 1061);
    tls_end(&bench);
}

static void a_server_waits_only_so_long(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    char byte;
    int error;
    tls_begin(&bench, NULL, NULL);
    use_fake_clock(bench.loop, &clock, true);
    bench.handshake_timeout = 0.1;
    call_server(&bench);
    run_calls(&bench);
    CHECK_STORY(&bench.server, "RET");
    CHECK_CALL(&bench.server, -ECONNABORTED, NULL);
    kernel_reset();
    CHECK_INT(peer_receive(bench.loop, bench.fds[0], &byte, 1, &error), 0);
    tls_end(&bench);
}

static void after_the_handshake_its_limit_is_forgotten(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    tls_begin(&bench, NULL, NULL);
    use_fake_clock(bench.loop, &clock, false);
    tls_meet(&bench);
    clock.now += 3600;
    settle(bench.loop);
    party_say(&bench.client.party, "still here");
    UNTIL(bench.loop, &bench.server.party, "DR(still here)");
    tls_end(&bench);
}

static void cancelled_in_the_handshake_the_socket_is_closed(void)
{
    struct tls_bench bench;
    begin_with_silence(&bench);
    take_hello(&bench);
    CHECK(future_cancel(&bench.client.done));
    settle(bench.loop);
    CHECK_CALL(&bench.client, -ECANCELED, NULL);
    CHECK_STORY(&bench.client, "RET");
    char data[2000];
    int error;
    CHECK(peer_receive(bench.loop, bench.fds[1], data, sizeof data, &error) < sizeof data);
    CHECK(error == 0 || error == ECONNRESET);
    tls_end(&bench);
}

static void cancelled_at_every_pass_of_a_handshake(void)
{
    for (int passes = 0; passes < 12; passes++) {
        struct tls_bench bench;
        tls_begin(&bench, NULL, NULL);
        call_server(&bench);
        call_client(&bench);
        for (int i = 0; i < passes; i++)
            pass(bench.loop);
        future_cancel(&bench.client.done);
        settle(bench.loop);
        bench.client.called = bench.client.party.released > 0 || bench.client.party.made > 0;
        if (!future_cancelled(&bench.client.done))
            run_calls(&bench);
        void *transport;
        if (future_done(&bench.server.done) && bench.server.transport == NULL
            && future_result(&bench.server.done, &transport) == 0)
            bench.server.transport = transport;
        CHECK_INT(bench.client.party.lost, future_cancelled(&bench.client.done) ? bench.client.party.made : 0);
        tls_end(&bench);
    }
}

static void the_loop_may_be_closed_in_the_handshake(void)
{
    struct tls_bench bench;
    begin_with_silence(&bench);
    CHECK_INT(loop_close(bench.loop), 0);
    CHECK_INT(bench.client.party.released, 1);
    CHECK_STORY(&bench.client, "");
    handle_cancel(&bench.client.told);
    handle_cancel(&bench.server.told);
    future_destroy(&bench.client.done);
    future_destroy(&bench.server.done);
    loop_free(bench.loop);
    tls_context_release(bench.client.context);
    tls_context_release(bench.server.context);
    close(bench.fds[1]);
}

static void byte_by_byte_each_way(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    kernel_move_at_most(KERNEL_RECEIVE, 1);
    kernel_move_at_most(KERNEL_SEND, 1);
    tls_meet(&bench);
    party_say(&bench.client.party, "letter by letter");
    UNTIL(bench.loop, &bench.server.party, "DR(letter by letter)");
    transport_close(bench.server.transport);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "DR(letter by letter);EOF;CL(None)");
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(a_server_that_speaks_plain_text),
    TEST(a_client_that_speaks_plain_text),
    TEST(garbage_of_every_first_byte_is_refused),
    TEST(a_server_that_leaves_in_the_handshake),
    TEST(a_server_that_resets_in_the_handshake),
    TEST(a_client_that_vanishes_is_not_reported),
    TEST(a_client_waits_only_so_long),
    TEST(by_default_a_client_waits_a_minute),
    TEST(a_server_waits_only_so_long),
    TEST(after_the_handshake_its_limit_is_forgotten),
    TEST(cancelled_in_the_handshake_the_socket_is_closed),
    TEST(cancelled_at_every_pass_of_a_handshake),
    TEST(the_loop_may_be_closed_in_the_handshake),
    TEST(byte_by_byte_each_way),
};
const struct test_group handshake_group = TEST_GROUP("handshakes", tests);
