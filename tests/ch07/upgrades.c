/* loop_start_tls: an open connection goes under TLS. */
#include <errno.h>
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"
#include "socket_transport.h"

/* Both ends are plain transports; the futures of the bench are for the upgrades. */
struct upgrade {
    struct tls_bench bench;
    struct transport *below[2]; /* the client's, the server's; retained */
};

static void upgrade_begin(struct upgrade *upgrade, bool server_too)
{
    struct tls_bench *bench = &upgrade->bench;
    struct tls_end *ends[] = {&bench->client, &bench->server};
    *upgrade = (struct upgrade){.below = {NULL}};
    tls_begin(bench, NULL, NULL);
    for (int i = 0; i < (server_too ? 2 : 1); i++) {
        struct protocol *protocol = &ends[i]->party.protocol;
        struct transport *below = socket_transport_create(bench->loop, bench->fds[i], protocol, NULL);
        REQUIRE(below != NULL);
        upgrade->below[i] = transport_retain(below);
        bench->fds[i] = -1;
        ends[i]->called = true;
    }
    settle(bench->loop);
    CHECK_STORY(&bench->client, "CM");
}

static int start(struct upgrade *upgrade, int which, double limit)
{
    struct tls_bench *bench = &upgrade->bench;
    struct tls_end *end = which == 0 ? &bench->client : &bench->server;
    const struct start_tls_options options = {
        .server_hostname = which == 0 ? "localhost" : NULL,
        .tls_handshake_timeout = limit,
    };
    return loop_start_tls(bench->loop, &end->done, upgrade->below[which], &end->party.protocol, end->context, &options);
}

static void upgrade_end(struct upgrade *upgrade)
{
    for (int i = 0; i < 2; i++)
        if (upgrade->below[i] != NULL) {
            transport_abort(upgrade->below[i]);
            settle(upgrade->bench.loop);
            transport_release(upgrade->below[i]);
        }
    tls_end(&upgrade->bench);
}

static void both_ends_go_on_under_tls(void)
{
    struct upgrade upgrade;
    upgrade_begin(&upgrade, true);
    struct tls_bench *bench = &upgrade.bench;
    party_say(&bench->client.party, "STARTTLS");
    UNTIL(bench->loop, &bench->server.party, "CM;DR(STARTTLS)");
    CHECK_INT(start(&upgrade, 1, 0), 0);
    CHECK_INT(start(&upgrade, 0, 0), 0);
    run_calls(bench);
    CHECK_STORY(&bench->client, "CM;RET");
    REQUIRE(bench->client.transport != NULL && bench->server.transport != NULL);
    CHECK(bench->client.transport != upgrade.below[0]);
    CHECK(transport_get_protocol(bench->client.transport) == &bench->client.party.protocol);
    CHECK(transport_get_protocol(upgrade.below[0]) != &bench->client.party.protocol);
    CHECK_TEXT(transport_get_extra_info(bench->server.transport, "version"), "TLSv1.3");
    CHECK_INT(transport_write(bench->client.transport, "secret", 6), 0);
    UNTIL(bench->loop, &bench->server.party, "CM;DR(STARTTLS);RET;DR(secret)");
    transport_close(bench->client.transport);
    UNTIL(bench->loop, &bench->client.party, "CM;RET;EOF;CL(None)");
    UNTIL(bench->loop, &bench->server.party, "CM;DR(STARTTLS);RET;DR(secret);EOF;CL(None)");
    upgrade_end(&upgrade);
}

static void a_peer_that_answers_with_garbage(void)
{
    struct upgrade upgrade;
    int error;
    upgrade_begin(&upgrade, false);
    struct tls_bench *bench = &upgrade.bench;
    CHECK_INT(start(&upgrade, 0, 0), 0);
    settle(bench->loop);
    peer_send(bench->fds[1], "not tls at all\r\n");
    run_calls(bench);
    CHECK_CALL(&bench->client, -EPROTO, "[SSL: WRONG_VERSION_NUMBER] wrong version number");
    CHECK_CONTAINS(bench->client.party.story, "RET");
    CHECK_CONTAINS(bench->client.party.story, "CL([SSL: WRONG_VERSION_NUMBER] wrong version number)");
    size_t hello_and_alert = peer_drain(bench->loop, bench->fds[1], &error);
    CHECK_INT(error, 0);
    CHECK(hello_and_alert > 7);
    upgrade_end(&upgrade);
}

static void a_peer_that_answers_nothing(void)
{
    struct upgrade upgrade;
    struct fake_clock clock = {.now = 1000};
    upgrade_begin(&upgrade, false);
    struct tls_bench *bench = &upgrade.bench;
    use_fake_clock(bench->loop, &clock, true);
    CHECK_INT(start(&upgrade, 0, 0.1), 0);
    run_calls(bench);
    CHECK_CALL(&bench->client, -ECONNABORTED,
        "SSL handshake is taking longer than 0.1 seconds: aborting the connection");
    CHECK_INT(bench->client.party.lost, 1);
    upgrade_end(&upgrade);
}

static void what_is_unsent_goes_before_the_handshake(void)
{
    struct upgrade upgrade;
    char data[8];
    int error;
    upgrade_begin(&upgrade, false);
    struct tls_bench *bench = &upgrade.bench;
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    party_say(&bench->client.party, "STARTTLS");
    CHECK_INT(transport_get_write_buffer_size(upgrade.below[0]), 8);
    CHECK_INT(start(&upgrade, 0, 0), 0);
    CHECK_INT(peer_receive(bench->loop, bench->fds[1], data, sizeof data, &error), 8);
    CHECK(memcmp(data, "STARTTLS", 8) == 0);
    CHECK_INT(peer_receive(bench->loop, bench->fds[1], data, 1, &error), 1);
    CHECK_INT(data[0], 22);
    upgrade_end(&upgrade);
}

static void it_can_be_cancelled(void)
{
    struct upgrade upgrade;
    upgrade_begin(&upgrade, false);
    struct tls_bench *bench = &upgrade.bench;
    CHECK_INT(start(&upgrade, 0, 0), 0);
    settle(bench->loop);
    CHECK(future_cancel(&bench->client.done));
    settle(bench->loop);
    CHECK_CALL(&bench->client, -ECANCELED, NULL);
    CHECK_INT(bench->client.party.lost, 1);
    upgrade_end(&upgrade);
}

static void what_is_wrong_is_said_at_once(void)
{
    struct upgrade upgrade;
    upgrade_begin(&upgrade, false);
    struct tls_bench *bench = &upgrade.bench;
    CHECK_INT(loop_start_tls(bench->loop, &bench->client.done, upgrade.below[0], &bench->client.party.protocol, NULL,
                  NULL),
        -EINVAL);
    CHECK_INT(loop_start_tls(bench->loop, &bench->client.done, upgrade.below[0], &bench->client.party.protocol,
                  bench->client.context, NULL),
        -EINVAL);
    transport_close(upgrade.below[0]);
    CHECK_INT(start(&upgrade, 0, 0), -EINVAL);
    UNTIL(bench->loop, &bench->client.party, "CM;CL(None)");
    upgrade_end(&upgrade);
}

static const struct test tests[] = {
    TEST(both_ends_go_on_under_tls),
    TEST(a_peer_that_answers_with_garbage),
    TEST(a_peer_that_answers_nothing),
    TEST(what_is_unsent_goes_before_the_handshake),
    TEST(it_can_be_cancelled),
    TEST(what_is_wrong_is_said_at_once),
};
const struct test_group upgrade_group = TEST_GROUP("upgrades", tests);
