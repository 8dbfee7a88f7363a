/* Exercise 7.1: who is greeted by which name. The subjects are as OpenSSL writes them, and some clients are real. */
#include "greeter.h"
#include "connection.h"
#include "error.h"
#include "tls.h"
#include "tls_peer.h"

/* The name that is found in a subject; NULL if none is. */
static const char *found(const char *subject, size_t room)
{
    static char name[64];
    memset(name, '~', sizeof name);
    did("looked for the name in %s, with room for %zu bytes", quoted(subject, strlen(subject)), room);
    bool result = greeter_name(subject, name, room);
    for (size_t i = room; i < sizeof name; i++)
        expect(name[i] == '~', "nothing to be written behind the room for the name", "byte %zu was", i);
    if (result)
        return name;
    expect(name[0] == '\0', "a name that is not found to be left empty", "%s", quoted(name, room));
    return NULL;
}

static void finds(const char *subject, const char *expected)
{
    expect_text("the name", expected, found(subject, 64));
}

static void has_none(const char *subject, size_t room)
{
    const char *name = found(subject, room);
    expect(name == NULL, "no name to be found", "%s", name == NULL ? "" : quoted(name, strlen(name)));
}

static void the_name_is_found_wherever_it_stands(void)
{
    finds("CN=a client,O=Warp and Weft", "a client");
    finds("O=Warp and Weft,CN=a client", "a client");
    finds("CN=guest", "guest");
    finds("O=Weft,CN=guest+OU=looms", "guest");
    finds("O=Weft,OU=looms+CN=guest", "guest");
    has_none("O=Weft,OU=looms", 64);
    has_none("", 64);
}

static void another_part_is_not_the_name(void)
{
    finds("O=CN=admin,CN=guest", "guest");
    finds("CN=guest,O=x\\,CN=admin", "guest");
    finds("O=x\\,CN=admin,CN=guest", "guest");
    finds("O=x\\+CN=admin,CN=guest", "guest");
    finds("dnQCN=admin,CN=guest", "guest");
    has_none("O=x\\,CN=admin", 64);
}

static void escapes_are_undone(void)
{
    finds("CN=Smith\\, Jane,O=Weft", "Smith, Jane");
    finds("CN=a \\\"b\\\" \\\\ c,O=Weft", "a \"b\" \\ c");
    finds("CN=J\\C3\\B6rg,O=Weft", "J\xc3\xb6rg");
    finds("O=x\\\\,CN=guest", "guest");
    finds("CN=x\\2CO=y", "x,O=y");
}

static void the_name_is_no_command(void)
{
    finds("CN=guest\\0D\\0AHello\\, admin!,O=Weft", "guest??Hello, admin!");
    finds("CN=bank.example\\00.evil.example,O=Weft", "bank.example?.evil.example");
    finds("CN=\\1B[2Jguest\\7F", "?[2Jguest?");
}

static void half_a_name_is_none(void)
{
    expect_text("the name", "administrator", found("CN=administrator,O=Weft", 14));
    has_none("CN=administrator,O=Weft", 13);
    has_none("CN=administrator,O=Weft", 6);
    has_none("CN=administrator", 1);
    has_none("CN=,O=Weft", 64);
}

static void nobody_has_two_names(void)
{
    finds("CN=guest,O=Weft", "guest");
    has_none("CN=guest,CN=admin,O=Weft", 64);
    has_none("CN=guest,O=Weft,CN=admin", 64);
}

/* Connects a client to a greeter, and compares what it hears. */
static void greets(const char *organisation, const char *name, size_t size, const char *expected)
{
    struct minted authority = mint("Weft", "authority", 9, NULL), client = {.key = NULL};
    struct tls_peer peer;
    struct error *error;
    minted_write(&authority, "authority.pem");
    if (name != NULL) {
        did("connected with a certificate for %s of the organisation %s", quoted(name, size),
            quoted(organisation, strlen(organisation)));
        client = mint(organisation, name, size, &authority);
    } else
        did("connected without a certificate");
    peer_begin(&peer, false, name == NULL ? NULL : &client, unix_pair);
    struct tls_context *tls = tls_server_context(
        &(struct tls_context_options){
            .cert_file = "authority.pem", .ca_file = "authority.pem", .verify_mode = TLS_CERT_OPTIONAL},
        &error);
    expect(tls != NULL, "the grader's own context to be made", "it was not");
    loop_connect_accepted_socket(peer.loop, &peer.done, greeter_protocol, NULL, peer.fds[0],
        &(struct connection_options){.tls = tls});
    expect(peer_shakes_hands(&peer), "the handshake to end well", "it failed");
    char heard[500];
    snprintf(heard, sizeof heard, "%s", peer_hears(&peer));
    bool more = *peer_hears(&peer) != '\0', closed = (SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    peer_end(&peer);
    tls_context_release(tls);
    minted_free(&authority);
    minted_free(&client);
    expect_text("the greeting", expected, heard);
    expect(!more, "nothing behind the greeting", "a second line");
    expect(closed, "the connection to be closed", "it was not");
}

static void a_client_is_greeted_by_its_name(void)
{
    greets("Weft", "a client", 8, "Hello, a client!\n");
    greets("x,CN=admin", "Smith, Jane", 11, "Hello, Smith, Jane!\n");
}

static void a_greeting_is_one_line(void)
{
    greets("Weft", "guest\nHello, admin", 18, "Hello, guest?Hello, admin!\n");
    greets("Weft", "guest\0admin", 11, "Hello, guest?admin!\n");
}

static void who_shows_nothing_is_a_stranger(void)
{
    greets(NULL, NULL, 0, "Hello, stranger!\n");
}

static const struct grader_test tests[] = {
    GRADER_TEST(the_name_is_found_wherever_it_stands),
    GRADER_TEST(another_part_is_not_the_name),
    GRADER_TEST(escapes_are_undone),
    GRADER_TEST(the_name_is_no_command),
    GRADER_TEST(half_a_name_is_none),
    GRADER_TEST(nobody_has_two_names),
    GRADER_TEST(a_client_is_greeted_by_its_name),
    GRADER_TEST(a_greeting_is_one_line),
    GRADER_TEST(who_shows_nothing_is_a_stranger),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
