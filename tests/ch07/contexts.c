/* Contexts: what they are made from, and what is wrong with it. */
#include <string.h>

#include "ch07/tls_bench.h"
#include "groups.h"

static void check_refused(bool server, const struct tls_context_options *options, const char *part)
{
    struct error *error = NULL;
    struct tls_context *context = server ? tls_server_context(options, &error) : tls_client_context(options, &error);
    CHECK(context == NULL);
    REQUIRE(error != NULL);
    CHECK_CONTAINS(error->text, part);
    error_release(error);
    tls_context_release(context);
}

static void a_server_needs_a_certificate(void)
{
    check_refused(true, NULL, "a server needs a certificate");
}

static void a_certificate_that_is_not_there_is_named(void)
{
    const struct tls_context_options options = {.cert_file = "build/certificates/nobody.pem"};
    check_refused(true, &options, "[Errno 2] No such file or directory: 'build/certificates/nobody.pem'");
    check_refused(false, &options, "[Errno 2] No such file or directory: 'build/certificates/nobody.pem'");
}

static void a_key_that_is_not_there_is_named(void)
{
    const struct tls_context_options options = {
        .cert_file = certificate("server.pem"), .key_file = "build/certificates/nobody.key"};
    check_refused(true, &options, "'build/certificates/nobody.key'");
}

static void a_file_that_holds_no_certificate_is_named(void)
{
    const struct tls_context_options options = {.cert_file = certificate("server.key")};
    check_refused(true, &options, "server.key");
}

static void another_certificates_key_is_refused(void)
{
    const struct tls_context_options options = {
        .cert_file = certificate("server.pem"), .key_file = certificate("client.key")};
    check_refused(true, &options, "KEY_VALUES_MISMATCH");
}

static void an_authority_that_is_not_there_is_named(void)
{
    const struct tls_context_options options = {.ca_file = "build/certificates/nobody.pem"};
    check_refused(false, &options, "'build/certificates/nobody.pem'");
}

static void an_alpn_name_has_1_to_255_bytes(void)
{
    char name[257];
    const char *names[] = {"", NULL};
    const struct tls_context_options options = {.ca_file = certificate("ca.pem"), .alpn = names};
    check_refused(false, &options, "1 to 255");
    memset(name, 'a', 256);
    name[256] = '\0';
    names[0] = name;
    check_refused(false, &options, "1 to 255");
}

static void a_context_lives_until_its_last_reference_goes(void)
{
    struct error *error = NULL;
    struct tls_context *context = tls_client_context(NULL, &error);
    REQUIRE(context != NULL);
    CHECK(tls_context_retain(context) == context);
    tls_context_release(context);
    tls_context_release(context);
    tls_context_release(NULL);
}

static const struct test tests[] = {
    TEST(a_server_needs_a_certificate),
    TEST(a_certificate_that_is_not_there_is_named),
    TEST(a_key_that_is_not_there_is_named),
    TEST(a_file_that_holds_no_certificate_is_named),
    TEST(another_certificates_key_is_refused),
    TEST(an_authority_that_is_not_there_is_named),
    TEST(an_alpn_name_has_1_to_255_bytes),
    TEST(a_context_lives_until_its_last_reference_goes),
};
const struct test_group context_group = TEST_GROUP("contexts", tests);
