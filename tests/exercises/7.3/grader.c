/* Exercise 7.3: a letter box that goes over to TLS, and what somebody may put in front of that. */
#include "letterbox.h"
#include "connection.h"
#include "error.h"
#include "tls.h"
#include "tls_peer.h"

struct post {
    struct tls_peer client;
    struct letterbox letterbox;
    char stored[300]; /* "alice: hello; bob: hi; " */
};

static void stored(void *context, const char *user, const char *letter)
{
    struct post *post = context;
    size_t length = strlen(post->stored);
    snprintf(post->stored + length, sizeof post->stored - length, "%s: %s; ", user, letter);
}

static void begin(struct post *self)
{
    struct error *error;
    struct minted minted = mint("Weft", "localhost", 9, NULL);
    minted_write(&minted, "server.pem");
    minted_free(&minted);
    *self = (struct post){.letterbox = {.stored = stored, .context = self}};
    self->letterbox.tls = tls_server_context(&(struct tls_context_options){.cert_file = "server.pem"}, &error);
    expect(self->letterbox.tls != NULL, "the grader's own context to be made", "it was not");
    peer_begin(&self->client, false, NULL, unix_pair);
    loop_connect_accepted_socket(
        self->client.loop, &self->client.done, letterbox_protocol, &self->letterbox, self->client.fds[0], NULL);
}

static void end(struct post *self)
{
    peer_end(&self->client);
    tls_context_release(self->letterbox.tls);
}

static void asks_plainly(struct post *self, const char *line, const char *expected)
{
    did("said %s in plain text", quoted(line, strlen(line)));
    peer_says_plain(&self->client, line);
    expect_text("the answer in plain text", expected, peer_hears_plain(&self->client));
}

static void asks(struct post *self, const char *line, const char *expected)
{
    did("said %s under TLS", quoted(line, strlen(line)));
    peer_says(&self->client, line);
    expect_text("the answer under TLS", expected, peer_hears(&self->client));
}

static void goes_over(struct post *self)
{
    did("began the handshake");
    expect(peer_shakes_hands(&self->client), "the handshake to end well", "it failed");
    peer_flush_but(&self->client, 0);
}

static void letters_come_over_tls(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "HELLO\n", "What?\n");
    asks_plainly(&post, "USER alice\n", "Welcome, alice\n");
    asks_plainly(&post, "LETTER hello\n", "STARTTLS first\n");
    asks_plainly(&post, "STARTTLS\n", "Ready\n");
    goes_over(&post);
    asks(&post, "USER bob\n", "Welcome, bob\n");
    asks(&post, "LETTER how are you?\n", "Stored\n");
    asks(&post, "STARTTLS\n", "Already\n");
    asks(&post, "LETTER and your wife?\n", "Stored\n");
    end(&post);
    expect_text("what was stored", "bob: how are you?; bob: and your wife?; ", post.stored);
}

static void a_line_behind_the_command_is_dropped(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "USER mallory\nSTARTTLS\nLETTER ha!\n", "Welcome, mallory\n");
    expect_text("the next answer", "Ready\n", peer_hears_plain(&post.client));
    expect_text("what was stored before the handshake", "", post.stored);
    goes_over(&post);
    asks(&post, "USER alice\n", "Welcome, alice\n");
    asks(&post, "LETTER hello\n", "Stored\n");
    end(&post);
    expect_text("what was stored", "alice: hello; ", post.stored);
}

static void half_a_line_behind_the_command_is_dropped(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "STARTTLS\nUSER mallory alias ", "Ready\n");
    goes_over(&post);
    asks(&post, "USER alice\n", "Welcome, alice\n");
    asks(&post, "LETTER hello\n", "Stored\n");
    end(&post);
    expect_text("what was stored", "alice: hello; ", post.stored);
}

static void a_name_given_in_plain_text_is_forgotten(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "USER mallory\n", "Welcome, mallory\n");
    asks_plainly(&post, "STARTTLS\n", "Ready\n");
    goes_over(&post);
    asks(&post, "LETTER hello\n", "USER first\n");
    end(&post);
    expect_text("what was stored", "", post.stored);
}

static void a_first_line_may_come_with_the_handshake(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "STARTTLS\n", "Ready\n");
    did("said \"USER alice\\n\" in the same segment as the end of the handshake");
    expect(peer_shakes_hands(&post.client), "the handshake to end well", "it failed");
    peer_says(&post.client, "USER alice\n");
    expect_text("the answer under TLS", "Welcome, alice\n", peer_hears(&post.client));
    end(&post);
}

static void every_byte_may_come_alone(void)
{
    struct post post;
    did("sent every byte alone");
    begin(&post);
    post.client.most = 1;
    asks_plainly(&post, "STARTTLS\n", "Ready\n");
    goes_over(&post);
    asks(&post, "USER alice\n", "Welcome, alice\n");
    asks(&post, "LETTER hello\n", "Stored\n");
    end(&post);
    expect_text("what was stored", "alice: hello; ", post.stored);
}

static void a_handshake_may_fail(void)
{
    struct post post;
    begin(&post);
    asks_plainly(&post, "STARTTLS\n", "Ready\n");
    did("said \"USER alice\\n\" in plain text, in place of a handshake");
    peer_says_plain(&post.client, "USER alice\n");
    double until = seconds_now() + patience();
    while (!post.client.over && seconds_now() < until)
        peer_move(&post.client);
    bool over = post.client.over;
    end(&post);
    expect(over, "the connection to end", "it is open still");
}

static const struct grader_test tests[] = {
    GRADER_TEST(letters_come_over_tls),
    GRADER_TEST(a_line_behind_the_command_is_dropped),
    GRADER_TEST(half_a_line_behind_the_command_is_dropped),
    GRADER_TEST(a_name_given_in_plain_text_is_forgotten),
    GRADER_TEST(a_first_line_may_come_with_the_handshake),
    GRADER_TEST(every_byte_may_come_alone),
    GRADER_TEST(a_handshake_may_fail),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
