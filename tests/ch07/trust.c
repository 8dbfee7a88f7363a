/* Whom a client trusts, and whom a server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static const struct tls_context_options *shows(const char *name)
{
    static struct tls_context_options options;
    static char cert[100], key[100];
    char file[60];
    snprintf(file, sizeof file, "%s.pem", name);
    strcpy(cert, certificate(file));
    snprintf(file, sizeof file, "%s.key", name);
    strcpy(key, certificate(file));
    options = (struct tls_context_options){.cert_file = cert, .key_file = key};
    return &options;
}

/* The client refuses, with this code and text; no protocol hears anything. */
static void check_refusal(const struct tls_context_options *client, const char *servers, const char *name, int code,
    const char *text)
{
    struct tls_bench bench;
    tls_begin(&bench, client, shows(servers));
    bench.name = name;
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK_STORY(&bench.client, "RET");
    CHECK_STORY(&bench.server, "RET");
    CHECK_CALL(&bench.client, -EPROTO, text);
    const struct error *error = future_exception(&bench.client.done);
    CHECK(error_is(error, &error_tls_verify, code));
    CHECK(future_result(&bench.server.done, NULL) < 0);
    tls_end(&bench);
}

#define FAILED "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "

static void an_unknown_authority_is_refused(void)
{
    const struct tls_context_options other = {.ca_file = certificate("other-ca.pem")};
    check_refusal(&other, "server", "localhost", 20, FAILED "unable to get local issuer certificate");
}

static void a_self_signed_certificate_is_refused(void)
{
    check_refusal(NULL, "self-signed", "localhost", 18, FAILED "self-signed certificate");
}

static void an_expired_certificate_is_refused(void)
{
    check_refusal(NULL, "expired", "localhost", 10, FAILED "certificate has expired");
}

static void a_certificate_for_another_host_is_refused(void)
{
    check_refusal(NULL, "elsewhere", "localhost", 62,
        FAILED "Hostname mismatch, certificate is not valid for 'localhost'.");
}

static void a_certificate_for_another_address_is_refused(void)
{
    check_refusal(NULL, "server", "127.0.0.2", 64,
        FAILED "IP address mismatch, certificate is not valid for '127.0.0.2'.");
}

static void without_a_file_the_systems_authorities_are_asked(void)
{
    const struct tls_context_options defaults = {.ca_file = NULL};
    check_refusal(&defaults, "server", "localhost", 20, FAILED "unable to get local issuer certificate");
}

static void check_accepted(const struct tls_context_options *client, const char *servers, const char *name)
{
    struct tls_bench bench;
    tls_begin(&bench, client, shows(servers));
    bench.name = name;
    tls_meet(&bench);
    tls_end(&bench);
}

static void an_address_of_the_certificate_is_as_good_as_a_name(void)
{
    check_accepted(NULL, "server", "127.0.0.1");
    check_accepted(NULL, "server", "::1");
}

static void a_wildcard_stands_for_one_label(void)
{
    check_accepted(NULL, "elsewhere", "weft.example.org");
    check_refusal(NULL, "elsewhere", "a.weft.example.org", 62,
        FAILED "Hostname mismatch, certificate is not valid for 'a.weft.example.org'.");
}

static void any_hostname_still_demands_a_good_certificate(void)
{
    const struct tls_context_options any = {.ca_file = certificate("ca.pem"), .any_hostname = true};
    check_accepted(&any, "elsewhere", "localhost");
    check_refusal(&any, "self-signed", "localhost", 18, FAILED "self-signed certificate");
}

static void without_verification_everything_is_believed(void)
{
    struct tls_bench bench;
    const struct tls_context_options blind = {.verify_mode = TLS_CERT_NONE};
    const struct tls_peercert *cert;
    tls_begin(&bench, &blind, shows("self-signed"));
    bench.name = NULL;
    tls_meet(&bench);
    cert = transport_get_extra_info(bench.client.transport, "peercert");
    REQUIRE(cert != NULL);
    CHECK(cert->subject == NULL);
    tls_end(&bench);
}

static void a_name_is_needed_where_one_is_checked(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.name = NULL;
    call_client(&bench);
    run_calls(&bench);
    CHECK_CALL(&bench.client, -EINVAL, "You must set server_hostname when using ssl without a host");
    bench.client.called = bench.client.party.released > 0;
    tls_end(&bench);
}

/* Certificates of clients. */

static const struct tls_context_options *demands(enum tls_verify_mode mode, enum tls_version most)
{
    static struct tls_context_options options;
    options = *shows("server");
    options.ca_file = certificate("ca.pem");
    options.verify_mode = mode;
    options.maximum_version = most;
    return &options;
}

static struct tls_context_options client_with(const char *name)
{
    static char cert[100], key[100], ca[100];
    const struct tls_context_options *shown = shows(name);
    strcpy(cert, shown->cert_file);
    strcpy(key, shown->key_file);
    strcpy(ca, certificate("ca.pem"));
    return (struct tls_context_options){.ca_file = ca, .cert_file = cert, .key_file = key};
}

static void check_client_is_known(enum tls_version version)
{
    struct tls_bench bench;
    const struct tls_peercert *cert;
    struct tls_context_options client = client_with("client");
    tls_begin(&bench, &client, demands(TLS_CERT_REQUIRED, version));
    tls_meet(&bench);
    cert = transport_get_extra_info(bench.server.transport, "peercert");
    REQUIRE(cert != NULL && cert->subject != NULL);
    CHECK_CONTAINS(cert->subject, "CN=a client");
    tls_end(&bench);
}

static void a_client_that_shows_a_certificate_is_known(void)
{
    check_client_is_known(TLS_VERSION_1_2);
    check_client_is_known(TLS_VERSION_1_3);
}

static void a_client_without_one_hears_why_under_tls_1_3(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, demands(TLS_CERT_REQUIRED, TLS_VERSION_1_3));
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK_STORY(&bench.server, "RET");
    CHECK_CALL(&bench.server, -EPROTO, "[SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE] peer did not return a certificate");
    UNTIL(bench.loop, &bench.client.party,
        "CM;RET;CL([SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required)");
    tls_end(&bench);
}

static void after_a_fatal_alert_only_the_context_is_known(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, demands(TLS_CERT_REQUIRED, TLS_VERSION_1_3));
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    UNTIL(bench.loop, &bench.client.party,
        "CM;RET;CL([SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required)");
    const struct transport *client = bench.client.transport;
    CHECK(transport_get_extra_info(client, "ssl_object") == NULL);
    CHECK(transport_get_extra_info(client, "cipher") == NULL);
    CHECK(transport_get_extra_info(client, "version") == NULL);
    CHECK(transport_get_extra_info(client, "peercert") == NULL);
    CHECK(transport_get_extra_info(client, "sslcontext") == bench.client.context);
    tls_end(&bench);
}

static void a_client_without_one_fails_under_tls_1_2(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, demands(TLS_CERT_REQUIRED, TLS_VERSION_1_2));
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK_STORY(&bench.client, "RET");
    CHECK_CALL(&bench.client, -EPROTO, NULL);
    CHECK_CONTAINS(future_exception(&bench.client.done)->text, "alert handshake failure");
    CHECK(future_result(&bench.server.done, NULL) == -EPROTO);
    tls_end(&bench);
}

static void a_client_with_a_strangers_certificate_is_refused(void)
{
    struct tls_bench bench;
    struct tls_context_options client = client_with("self-signed");
    tls_begin(&bench, &client, demands(TLS_CERT_REQUIRED, TLS_VERSION_1_2));
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK(future_result(&bench.server.done, NULL) == -EPROTO);
    CHECK(error_is(future_exception(&bench.server.done), &error_tls_verify, 18));
    CHECK_CALL(&bench.client, -EPROTO, NULL);
    tls_end(&bench);
}

static void an_optional_certificate_need_not_be_shown(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, demands(TLS_CERT_OPTIONAL, TLS_VERSION_1_3));
    tls_meet(&bench);
    CHECK(transport_get_extra_info(bench.server.transport, "peercert") == NULL);
    tls_end(&bench);
}

/* The bench's server is example.org too, with a certificate of its own. */
static void has_a_second_name(struct tls_bench *bench)
{
    struct error *error = NULL;
    struct tls_context *other = tls_server_context(shows("elsewhere"), &error);
    REQUIRE(other != NULL);
    CHECK_INT(tls_context_add_name(bench->server.context, "example.org", other), 0);
    tls_context_release(other);
}

static void the_certificate_follows_the_name_that_is_asked_for(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, shows("server"));
    has_a_second_name(&bench);
    bench.name = "EXAMPLE.org";
    tls_meet(&bench);
    tls_end(&bench);
}

static void with_the_name_come_its_authorities_and_not_its_demands(void)
{
    struct tls_bench bench;
    const struct tls_context_options client = {.ca_file = certificate("ca.pem"),
        .cert_file = certificate("client.pem"), .key_file = certificate("client.key")};
    tls_begin(&bench, &client, demands(TLS_CERT_REQUIRED, TLS_VERSION_1_2));
    has_a_second_name(&bench);
    bench.name = "example.org";
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    CHECK(error_is(future_exception(&bench.server.done), &error_tls_verify, 19));
    CHECK_CALL(&bench.client, -EPROTO, NULL);
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(an_unknown_authority_is_refused),
    TEST(a_self_signed_certificate_is_refused),
    TEST(an_expired_certificate_is_refused),
    TEST(a_certificate_for_another_host_is_refused),
    TEST(a_certificate_for_another_address_is_refused),
    TEST(without_a_file_the_systems_authorities_are_asked),
    TEST(an_address_of_the_certificate_is_as_good_as_a_name),
    TEST(a_wildcard_stands_for_one_label),
    TEST(any_hostname_still_demands_a_good_certificate),
    TEST(without_verification_everything_is_believed),
    TEST(a_name_is_needed_where_one_is_checked),
    TEST(a_client_that_shows_a_certificate_is_known),
    TEST(a_client_without_one_hears_why_under_tls_1_3),
    TEST(after_a_fatal_alert_only_the_context_is_known),
    TEST(a_client_without_one_fails_under_tls_1_2),
    TEST(a_client_with_a_strangers_certificate_is_refused),
    TEST(an_optional_certificate_need_not_be_shown),
    TEST(the_certificate_follows_the_name_that_is_asked_for),
    TEST(with_the_name_come_its_authorities_and_not_its_demands),
};
const struct test_group trust_group = TEST_GROUP("trust", tests);
