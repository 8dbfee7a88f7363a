/* The end of a TLS connection: close_notify, its absence, and the limit on waiting for it. */
#include <errno.h>
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static void a_peers_goodbye_is_answered(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_client(&bench);
    peer_says_goodbye(&bench);
    CHECK_INT(peer_hears_end(&bench), SSL_ERROR_ZERO_RETURN);
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void truncation_looks_like_an_end(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    CHECK_INT(peer_write(&bench, "part"), 1);
    peer_leaves(&bench);
    UNTIL(bench.loop, &bench.client.party, "DR(part);EOF;CL(None)");
    tls_end(&bench);
}

static void a_record_cut_short_is_not_delivered(void)
{
    struct tls_bench bench;
    const char half[] = {23, 3, 3, 0, 100, 1, 2, 3};
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    peer_send_bytes(peer_fd(&bench), half, sizeof half);
    peer_leaves(&bench);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void a_reset_is_an_error_without_an_end(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    int fd = peer_fd(&bench);
    peer_reset(fd);
    bench.fds[1] = -1;
    UNTIL(bench.loop, &bench.client.party, "CL(ECONNRESET)");
    tls_end(&bench);
}

static void a_peer_that_never_answers_the_goodbye(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    tls_begin(&bench, NULL, NULL);
    bench.shutdown_timeout = 0.1;
    meet_plain_server(&bench);
    use_fake_clock(bench.loop, &clock, false);
    transport_close(bench.client.transport);
    settle(bench.loop);
    CHECK_STORY(&bench.client, "");
    clock.now += 0.09;
    settle(bench.loop);
    CHECK_STORY(&bench.client, "");
    use_fake_clock(bench.loop, &clock, true);
    settle(bench.loop);
    CHECK_STORY(&bench.client, "CL(ETIMEDOUT)");
    CHECK(clock.now < 1001);
    tls_end(&bench);
}

static void by_default_the_goodbye_is_awaited_for_half_a_minute(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    use_fake_clock(bench.loop, &clock, true);
    transport_close(bench.client.transport);
    UNTIL(bench.loop, &bench.client.party, "CL(ETIMEDOUT)");
    CHECK(clock.now >= 1030 && clock.now < 1031);
    tls_end(&bench);
}

static void a_peer_that_never_takes_what_is_unsent(void)
{
    struct tls_bench bench;
    struct fake_clock clock = {.now = 1000};
    static char much[4 << 20];
    tls_begin(&bench, NULL, NULL);
    bench.shutdown_timeout = 5;
    meet_plain_server(&bench);
    use_fake_clock(bench.loop, &clock, false);
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1000000);
    CHECK_INT(transport_write(bench.client.transport, much, sizeof much), 0);
    transport_close(bench.client.transport);
    pass(bench.loop);
    CHECK_STORY(&bench.client, "");
    clock.now += 5;
    pass(bench.loop);
    pass(bench.loop);
    CHECK_STORY(&bench.client, "CL(ETIMEDOUT)");
    tls_end(&bench);
}

static void abort_is_quick_and_says_nothing(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_abort(bench.client.transport);
    CHECK_STORY(&bench.client, "");
    UNTIL(bench.loop, &bench.client.party, "CL(None)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void the_end_cannot_be_written_alone(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    CHECK(!transport_can_write_eof(bench.client.transport));
    CHECK_INT(transport_write_eof(bench.client.transport), -ENOTSUP);
    party_say(&bench.client.party, "still open");
    UNTIL(bench.loop, &bench.server.party, "DR(still open)");
    tls_end(&bench);
}

static void to_stay_open_after_the_end_is_impossible(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.keep_open = true;
    transport_close(bench.server.transport);
    UNTIL(bench.loop, &bench.client.party,
        "EOF;LOG[returning true from eof_received() has no effect when using ssl];CL(None)");
    tls_end(&bench);
}

static void what_is_written_after_close_is_dropped_and_in_the_end_logged(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_close(bench.client.transport);
    for (int i = 0; i < 5; i++)
        CHECK_INT(transport_write(bench.client.transport, "z", 1), 0);
    CHECK_STORY(&bench.client, "");
    CHECK_INT(transport_write(bench.client.transport, "z", 1), 0);
    CHECK_STORY(&bench.client, "LOG[SSL connection is closed]");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void closing_twice_is_closing_once(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_close(bench.client.transport);
    transport_close(bench.client.transport);
    CHECK(transport_get_extra_info(bench.client.transport, "version") != NULL);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    transport_close(bench.client.transport);
    settle(bench.loop);
    CHECK_STORY(&bench.client, "EOF;CL(None)");
    tls_end(&bench);
}

static void close_at_data(struct party *party, const void *data, size_t size)
{
    (void)data, (void)size;
    transport_close(party->transport);
}

static void closed_while_receiving_nothing_more_comes(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.on_data = close_at_data;
    party_say(&bench.server.party, "one");
    party_say(&bench.server.party, "two");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    settle(bench.loop);
    CHECK_INT(bench.client.party.deliveries, 1);
    CHECK_CONTAINS(bench.client.party.story, "EOF;CL(None)");
    tls_end(&bench);
}

static void abort_at_data(struct party *party, const void *data, size_t size)
{
    (void)data, (void)size;
    transport_abort(party->transport);
}

static void what_comes_after_close_is_not_heard(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    transport_close(bench.client.transport);
    CHECK_INT(peer_write(&bench, "too late"), 1);
    CHECK_INT(peer_hears_end(&bench), SSL_ERROR_ZERO_RETURN);
    CHECK_STORY(&bench.client, "");
    peer_says_goodbye(&bench);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    CHECK_INT(bench.client.party.deliveries, 0);
    tls_end(&bench);
}

static void aborted_while_receiving_it_is_lost(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.on_data = abort_at_data;
    party_say(&bench.server.party, "one");
    UNTIL(bench.loop, &bench.client.party, "DR(one);CL(None)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(a_peers_goodbye_is_answered),
    TEST(truncation_looks_like_an_end),
    TEST(a_record_cut_short_is_not_delivered),
    TEST(a_reset_is_an_error_without_an_end),
    TEST(a_peer_that_never_answers_the_goodbye),
    TEST(by_default_the_goodbye_is_awaited_for_half_a_minute),
    TEST(a_peer_that_never_takes_what_is_unsent),
    TEST(abort_is_quick_and_says_nothing),
    TEST(the_end_cannot_be_written_alone),
    TEST(to_stay_open_after_the_end_is_impossible),
    TEST(what_is_written_after_close_is_dropped_and_in_the_end_logged),
    TEST(closing_twice_is_closing_once),
    TEST(closed_while_receiving_nothing_more_comes),
    TEST(what_comes_after_close_is_not_heard),
    TEST(aborted_while_receiving_it_is_lost),
};
const struct test_group ending_group = TEST_GROUP("endings", tests);
