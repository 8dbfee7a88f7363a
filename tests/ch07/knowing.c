/* What a TLS transport knows, and what it costs. */
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static void version_cipher_and_certificate(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    const struct transport *client = bench.client.transport;
    const struct tls_cipher *cipher = transport_get_extra_info(client, "cipher");
    const struct tls_peercert *cert = transport_get_extra_info(client, "peercert");
    CHECK_TEXT(transport_get_extra_info(client, "version"), "TLSv1.3");
    REQUIRE(cipher != NULL && cert != NULL);
    CHECK_CONTAINS(cipher->name, "TLS_");
    CHECK_TEXT(cipher->version, "TLSv1.3");
    CHECK(cipher->bits >= 128);
    CHECK_CONTAINS(cert->subject, "CN=localhost");
    CHECK_CONTAINS(cert->issuer, "CN=ca");
    CHECK_CONTAINS(cert->subject_alt_name, "DNS:localhost");
    CHECK(strlen(cert->serial_number) > 0 && strlen(cert->not_before) > 0 && strlen(cert->not_after) > 0);
    CHECK(transport_get_extra_info(client, "sslcontext") == bench.client.context);
    CHECK(transport_get_extra_info(client, "ssl_object") != NULL);
    CHECK(transport_get_extra_info(bench.server.transport, "peercert") == NULL);
    tls_end(&bench);
}

static void what_the_socket_knows_is_known_too(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    CHECK(transport_get_extra_info(bench.client.transport, "peername") != NULL);
    CHECK(transport_get_extra_info(bench.client.transport, "sockname") != NULL);
    CHECK(transport_get_extra_info(bench.client.transport, "socket") != NULL);
    CHECK(transport_get_extra_info(bench.client.transport, "nothing of the kind") == NULL);
    CHECK(transport_get_loop(bench.client.transport) == bench.loop);
    tls_end(&bench);
}

static void look(struct party *party)
{
    CHECK_TEXT(transport_get_extra_info(party->transport, "version"), "TLSv1.3");
    CHECK(transport_get_extra_info(party->transport, "peercert") != NULL);
}

static void it_is_known_in_connection_made(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.client.party.on_made = look;
    tls_meet(&bench);
    tls_end(&bench);
}

/* What both agree on, of these. */
static void check_alpn(const char *const *clients, const char *const *servers, const char *expected)
{
    struct tls_bench bench;
    const struct tls_context_options client = {.ca_file = certificate("ca.pem"), .alpn = clients};
    const struct tls_context_options server = {
        .cert_file = certificate("server.pem"), .key_file = certificate("server.key"), .alpn = servers};
    tls_begin(&bench, &client, &server);
    tls_meet(&bench);
    const char *agreed[] = {transport_get_extra_info(bench.client.transport, "alpn"),
        transport_get_extra_info(bench.server.transport, "alpn")};
    for (int i = 0; i < 2; i++)
        CHECK_TEXT(agreed[i] == NULL ? "none" : agreed[i], expected);
    tls_end(&bench);
}

static void the_server_chooses_the_application_protocol(void)
{
    const char *const one[] = {"http/1.1", NULL}, *const both[] = {"h2", "http/1.1", NULL};
    const char *const swapped[] = {"http/1.1", "h2", NULL}, *const other[] = {"weft", NULL};
    check_alpn(one, both, "http/1.1");
    check_alpn(swapped, both, "h2");
    check_alpn(other, both, "none");
    check_alpn(NULL, both, "none");
    check_alpn(one, NULL, "none");
}

/* What goes when the transport of one end is lost. */
static size_t share_of(struct tls_bench *bench, struct tls_end *end, struct tls_end *other)
{
    size_t before = openssl_bytes() + heap_bytes();
    transport_pause_reading(other->transport);
    transport_abort(end->transport);
    settle(bench->loop);
    transport_release(end->transport);
    end->transport = NULL;
    return before - openssl_bytes() - heap_bytes();
}

static void an_idle_connection_of_a_server_takes_at_most_24_kib(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    party_say(&bench.client.party, "once");
    UNTIL(bench.loop, &bench.server.party, "DR(once)");
    party_say(&bench.server.party, "only");
    UNTIL(bench.loop, &bench.client.party, "DR(only)");
    size_t servers = share_of(&bench, &bench.server, &bench.client);
    if (servers < 1024 || servers > 24 * 1024)
        FAIL("an idle connection takes %zu bytes", servers);
    tls_end(&bench);
}

static void the_protocols_follow_the_name_that_is_asked_for(void)
{
    static const char *const names[] = {"h2", "http/1.1", NULL}, *const others[] = {"http/1.1", NULL};
    struct tls_bench bench;
    struct error *error = NULL;
    const struct tls_context_options client = {.ca_file = certificate("ca.pem"), .alpn = names};
    const struct tls_context_options server = {
        .cert_file = certificate("server.pem"), .key_file = certificate("server.key"), .alpn = names};
    const struct tls_context_options elsewhere = {
        .cert_file = certificate("elsewhere.pem"), .key_file = certificate("elsewhere.key"), .alpn = others};
    tls_begin(&bench, &client, &server);
    struct tls_context *other = tls_server_context(&elsewhere, &error);
    REQUIRE(other != NULL);
    CHECK_INT(tls_context_add_name(bench.server.context, "example.org", other), 0);
    tls_context_release(other);
    bench.name = "example.org";
    tls_meet(&bench);
    CHECK_TEXT(transport_get_extra_info(bench.client.transport, "alpn"), "http/1.1");
    CHECK_TEXT(transport_get_extra_info(bench.server.transport, "alpn"), "http/1.1");
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(version_cipher_and_certificate),
    TEST(what_the_socket_knows_is_known_too),
    TEST(it_is_known_in_connection_made),
    TEST(the_server_chooses_the_application_protocol),
    TEST(an_idle_connection_of_a_server_takes_at_most_24_kib),
    TEST(the_protocols_follow_the_name_that_is_asked_for),
};
const struct test_group knowing_group = TEST_GROUP("knowing", tests);
