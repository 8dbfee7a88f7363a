/* Both ends ours, and either end against a plain OpenSSL: from connection_made to connection_lost. */
#include <errno.h>
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static void connection_made_comes_after_the_handshake_and_the_result_after_it(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    call_client(&bench);
    settle(bench.loop);
    CHECK_STORY(&bench.client, "");
    call_server(&bench);
    run_calls(&bench);
    CHECK_STORY(&bench.client, "CM;RET");
    CHECK_STORY(&bench.server, "CM;RET");
    tls_end(&bench);
}

static void both_hear_of_the_end_when_one_closes(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    party_say(&bench.client.party, "hello");
    UNTIL(bench.loop, &bench.server.party, "DR(hello)");
    transport_close(bench.client.transport);
    CHECK(transport_is_closing(bench.client.transport));
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "DR(hello);EOF;CL(None)");
    tls_end(&bench);
}

static void say_bye_and_close(struct party *party)
{
    party_say(party, "bye");
    transport_close(party->transport);
}

static void a_server_may_write_and_close_in_connection_made(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.server.party.on_made = say_bye_and_close;
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    UNTIL(bench.loop, &bench.client.party, "CM;RET;DR(bye);EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "CM;RET;EOF;CL(None)");
    tls_end(&bench);
}

static void close_now(struct party *party)
{
    transport_close(party->transport);
}

static void a_client_may_close_in_connection_made(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.client.party.on_made = close_now;
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    UNTIL(bench.loop, &bench.client.party, "CM;RET;EOF;CL(None)");
    tls_end(&bench);
}

static void both_may_close_at_once(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_close(bench.client.transport);
    transport_close(bench.server.transport);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

/* The version that a plain peer insists on. */
static void converse(int version, bool server_is_ours)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    SSL_CTX *context = server_is_ours ? peer_client_context() : peer_server_context("server");
    struct tls_end *ours = server_is_ours ? &bench.server : &bench.client;
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    peer_begin(&bench, context, !server_is_ours);
    if (server_is_ours)
        call_server(&bench);
    else
        call_client(&bench);
    CHECK_INT(peer_handshake(&bench), 1);
    run_calls(&bench);
    CHECK_STORY(ours, "CM;RET");
    CHECK_INT(SSL_version(bench.peer), version);
    CHECK_INT(peer_write(&bench, "warp"), 1);
    UNTIL(bench.loop, &ours->party, "CM;RET;DR(warp)");
    party_say(&ours->party, "weft");
    CHECK_PEER_READS(&bench, "weft");
    transport_close(ours->transport);
    CHECK_INT(peer_hears_end(&bench), SSL_ERROR_ZERO_RETURN);
    peer_says_goodbye(&bench);
    peer_leaves(&bench);
    UNTIL(bench.loop, &ours->party, "CM;RET;DR(warp);EOF;CL(None)");
    tls_end(&bench);
}

static void our_server_speaks_tls_1_2(void)
{
    converse(TLS1_2_VERSION, true);
}

static void our_server_speaks_tls_1_3(void)
{
    converse(TLS1_3_VERSION, true);
}

static void our_client_speaks_tls_1_2(void)
{
    converse(TLS1_2_VERSION, false);
}

static void our_client_speaks_tls_1_3(void)
{
    converse(TLS1_3_VERSION, false);
}

static void tls_1_1_is_refused(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    SSL_CTX *context = peer_client_context();
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    peer_begin(&bench, context, false);
    call_server(&bench);
    CHECK_INT(peer_handshake(&bench), -SSL_ERROR_SSL);
    peer_leaves(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.server, -EPROTO, NULL);
    CHECK_CONTAINS(future_exception(&bench.server.done)->text, "UNSUPPORTED_PROTOCOL");
    CHECK_STORY(&bench.server, "RET");
    tls_end(&bench);
}

static void versions_can_be_bounded(void)
{
    struct tls_bench bench;
    const struct tls_context_options only_1_2 = {.ca_file = certificate("ca.pem"), .maximum_version = TLS_VERSION_1_2};
    tls_begin(&bench, &only_1_2, NULL);
    tls_meet(&bench);
    CHECK_TEXT(transport_get_extra_info(bench.server.transport, "version"), "TLSv1.2");
    tls_end(&bench);
}

static void a_client_that_is_too_old_for_the_server_is_told(void)
{
    struct tls_bench bench;
    const struct tls_context_options old = {.ca_file = certificate("ca.pem"), .maximum_version = TLS_VERSION_1_2};
    const struct tls_context_options modern = {.cert_file = certificate("server.pem"),
        .key_file = certificate("server.key"), .minimum_version = TLS_VERSION_1_3};
    tls_begin(&bench, &old, &modern);
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -EPROTO, NULL);
    CHECK_CONTAINS(future_exception(&bench.client.done)->text, "PROTOCOL_VERSION");
    tls_end(&bench);
}

static void through_a_server_and_a_connection_by_name(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    const int *fds;
    void *result = NULL;
    struct future serving;
    const struct server_options how = {.tls = bench.server.context};
    const struct connection_options who = {.tls = bench.client.context};
    future_init(&serving, bench.loop);
    REQUIRE(loop_create_server(bench.loop, &serving, party_factory, &bench.server.party, "127.0.0.1", 0, &how) == 0);
    CHECK_INT(loop_run_until_complete(bench.loop, &serving), 0);
    REQUIRE(future_result(&serving, &result) == 0);
    struct server *server = result;
    REQUIRE(server_sockets(server, &fds) == 1);
    bench.client.called = true;
    bench.server.called = true;
    CHECK_INT(loop_create_connection(bench.loop, &bench.client.done, party_factory, &bench.client.party, "127.0.0.1",
                  port_of(fds[0]), &who),
        0);
    CHECK_INT(loop_run_until_complete(bench.loop, &bench.client.done), 0);
    REQUIRE(future_result(&bench.client.done, &result) == 0);
    bench.client.transport = result;
    UNTIL(bench.loop, &bench.server.party, "CM");
    party_say(&bench.client.party, "to an address of the certificate");
    UNTIL(bench.loop, &bench.server.party, "CM;DR(to an address of the certificate)");
    transport_close(bench.client.transport);
    UNTIL(bench.loop, &bench.server.party, "CM;DR(to an address of the certificate);EOF;CL(None)");
    server_close(server);
    server_release(server);
    future_destroy(&serving);
    settle(bench.loop);
    tls_end(&bench);
}

static void over_unix_sockets(void)
{
    struct tls_bench bench;
    tls_begin_over(&bench, unix_pair);
    tls_meet(&bench);
    party_say(&bench.server.party, "one");
    UNTIL(bench.loop, &bench.client.party, "DR(one)");
    transport_close(bench.server.transport);
    UNTIL(bench.loop, &bench.client.party, "DR(one);EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(connection_made_comes_after_the_handshake_and_the_result_after_it),
    TEST(both_hear_of_the_end_when_one_closes),
    TEST(a_server_may_write_and_close_in_connection_made),
    TEST(a_client_may_close_in_connection_made),
    TEST(both_may_close_at_once),
    TEST(our_server_speaks_tls_1_2),
    TEST(our_server_speaks_tls_1_3),
    TEST(our_client_speaks_tls_1_2),
    TEST(our_client_speaks_tls_1_3),
    TEST(tls_1_1_is_refused),
    TEST(versions_can_be_bounded),
    TEST(a_client_that_is_too_old_for_the_server_is_told),
    TEST(through_a_server_and_a_connection_by_name),
    TEST(over_unix_sockets),
};
const struct test_group meeting_group = TEST_GROUP("meeting", tests);
