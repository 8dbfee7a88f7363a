/* What goes wrong after the handshake. */
#include <errno.h>
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static void garbage_after_the_handshake_ends_it_without_a_report(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    peer_send(peer_fd(&bench), "this is not a record at all");
    UNTIL(bench.loop, &bench.client.party, "CL([SSL: WRONG_VERSION_NUMBER] wrong version number)");
    tls_end(&bench);
}

static void a_corrupt_record_ends_it_without_a_report(void)
{
    struct tls_bench bench;
    char record[5 + 32] = {23, 3, 3, 0, 32};
    tls_begin(&bench, NULL, NULL);
    meet_plain_server(&bench);
    CHECK_INT(peer_write(&bench, "good"), 1);
    peer_send_bytes(peer_fd(&bench), record, sizeof record);
    UNTIL(bench.loop, &bench.client.party,
        "DR(good);CL([SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac)");
    tls_end(&bench);
}

static void fail_at_data(struct party *party, const void *data, size_t size)
{
    (void)data, (void)size;
    party_fail(party, "no");
}

static void data_received_may_fail(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.on_data = fail_at_data;
    party_say(&bench.server.party, "x");
    UNTIL(bench.loop, &bench.client.party, "DR(x);EXH[Fatal error on SSL protocol|no];CL(no)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void fail_now(struct party *party)
{
    party_fail(party, "no");
}

static void connection_made_may_fail_and_then_the_call_fails(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.client.party.on_made = fail_now;
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -EPROTO, "no");
    CHECK_CONTAINS(bench.client.party.story, "CM;EXH[Fatal error: protocol.connection_made() call failed.|no]");
    CHECK_CONTAINS(bench.client.party.story, "CL(no)");
    tls_end(&bench);
}

static void eof_received_may_fail(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.on_end = fail_now;
    transport_close(bench.server.transport);
    UNTIL(bench.loop, &bench.client.party, "EOF;EXH[Error calling eof_received()|no];CL(no)");
    tls_end(&bench);
}

static void renegotiation_is_refused(void)
{
    struct tls_bench bench;
    char byte[2];
    tls_begin(&bench, NULL, NULL);
    SSL_CTX *context = peer_client_context();
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    peer_begin(&bench, context, false);
    call_server(&bench);
    CHECK_INT(peer_handshake(&bench), 1);
    run_calls(&bench);
    CHECK_INT(SSL_renegotiate(bench.peer), 1);
    CHECK_INT(SSL_do_handshake(bench.peer) <= 0, 1);
    CHECK(peer_read(&bench, byte, sizeof byte) == -SSL_ERROR_SSL);
    peer_leaves(&bench);
    settle(bench.loop);
    CHECK_INT(bench.server.party.received, 0);
    tls_end(&bench);
}

static void key_updates_are_taken_in_silence(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    meet_plain_client(&bench);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(SSL_key_update(bench.peer, SSL_KEY_UPDATE_REQUESTED), 1);
        CHECK_INT(peer_write(&bench, "k"), 1);
    }
    UNTIL(bench.loop, &bench.server.party, "DR(kkkkk)");
    party_say(&bench.server.party, "new keys");
    CHECK_PEER_READS(&bench, "new keys");
    tls_end(&bench);
}

static void a_write_that_the_socket_refuses_is_told(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    kernel_fail(KERNEL_SEND, EPIPE, 0, 1);
    party_say(&bench.client.party, "x");
    settle(bench.loop);
    CHECK_STORY(&bench.client, "CL(EPIPE)");
    tls_end(&bench);
}

static void wherever_memory_runs_out_nothing_is_left_behind(void)
{
    for (unsigned after = 0; after < 40; after++) {
        struct tls_bench bench;
        tls_begin(&bench, NULL, NULL);
        const struct connection_options options = {
            .sock = &bench.fds[0], .tls = bench.client.context, .server_hostname = "localhost"};
        call_server(&bench);
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int failed = loop_create_connection(
            bench.loop, &bench.client.done, party_factory, &bench.client.party, NULL, 0, &options);
        CHECK(failed == 0 || failed == -ENOMEM);
        if (failed == 0) {
            bench.fds[0] = -1;
            for (int i = 0; i < 30; i++)
                pass(bench.loop);
        }
        kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 0);
        settle(bench.loop);
        void *transport = NULL;
        if (future_done(&bench.client.done) && future_result(&bench.client.done, &transport) == 0)
            bench.client.transport = transport;
        if (future_done(&bench.server.done) && future_result(&bench.server.done, &transport) == 0)
            bench.server.transport = transport;
        bench.client.called = bench.client.party.released > 0 || bench.client.party.made > 0;
        future_cancel(&bench.client.done);
        settle(bench.loop);
        if (bench.client.transport == NULL)
            bench.client.called = bench.client.party.released > 0;
        tls_end(&bench);
    }
}

static const struct test tests[] = {
    TEST(garbage_after_the_handshake_ends_it_without_a_report),
    TEST(a_corrupt_record_ends_it_without_a_report),
    TEST(data_received_may_fail),
    TEST(connection_made_may_fail_and_then_the_call_fails),
    TEST(eof_received_may_fail),
    TEST(renegotiation_is_refused),
    TEST(key_updates_are_taken_in_silence),
    TEST(a_write_that_the_socket_refuses_is_told),
    TEST(wherever_memory_runs_out_nothing_is_left_behind),
};
const struct test_group failing_group = TEST_GROUP("failing", tests);
