/* Exercise 7.2: servers that end a document in all the ways there are. */
#include <stdlib.h>

#include "connection.h"
#include "document.h"
#include "error.h"
#include "tls.h"
#include "tls_peer.h"

static const char text[] = "the end of the world is not to be feared";

struct reading {
    struct tls_peer server;
    struct document document;
    struct minted minted;
    struct tls_context *tls;
    bool finished;
    int times;
    enum document_end end;
};

static void finished(struct document *document, enum document_end end)
{
    struct reading *reading = document->context;
    reading->finished = true;
    reading->times++;
    reading->end = end;
}

/* A client connects to a server that has sent nothing yet, over TLS. */
static void begin(struct reading *self, int version, void (*pair)(int ends[2]))
{
    struct error *error;
    *self = (struct reading){.document = {.finished = finished, .context = self}};
    self->minted = mint("Weft", "localhost", 9, NULL);
    minted_write(&self->minted, "server.pem");
    peer_begin(&self->server, true, &self->minted, pair);
    SSL_set_max_proto_version(self->server.ssl, version);
    self->tls = tls_client_context(&(struct tls_context_options){.ca_file = "server.pem"}, &error);
    expect(self->tls != NULL, "the grader's own context to be made", "it was not");
    loop_create_connection(self->server.loop, &self->server.done, document_protocol, &self->document, NULL, 0,
        &(struct connection_options){.sock = &self->server.fds[0], .tls = self->tls, .server_hostname = "localhost"});
    expect(peer_shakes_hands(&self->server), "the handshake to end well", "it failed");
    peer_flush_but(&self->server, 0);
}

/* The server sends a part of the document. */
static void sends(struct reading *self, size_t from, size_t to)
{
    SSL_write(self->server.ssl, text + from, (int)(to - from));
    peer_flush_but(&self->server, 0);
}

static void has_come(struct reading *self, size_t size)
{
    double until = seconds_now() + patience();
    while (self->document.size < size && !self->finished && seconds_now() < until)
        turn_within(self->server.loop, 0.01);
}

/* Waits for the client's judgement, and compares it and the document. */
static void ends(struct reading *self, enum document_end end, const char *bytes, size_t size)
{
    static const char *const names[] = {"DOCUMENT_WHOLE", "DOCUMENT_CUT", "DOCUMENT_UNKNOWN"};
    turn_until(self->server.loop, &self->finished, patience());
    peer_end(&self->server);
    tls_context_release(self->tls);
    minted_free(&self->minted);
    size_t came = self->document.size;
    bool same = came == size && (size == 0 || memcmp(self->document.bytes, bytes, size) == 0);
    free(self->document.bytes);
    expect_int("how often finished was called", 1, self->times);
    expect_text("the judgement", names[end], names[self->end]);
    expect(same, "the document to be what was sent of it", "%zu bytes of %zu, or other ones", came, size);
}

static void a_document_with_a_goodbye_is_whole(void)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (int i = 0; i < (under_valgrind() ? 1 : 2); i++) {
        struct reading reading;
        did("sent a document and a goodbye, over TLS 1.%d", 3 - i);
        begin(&reading, versions[i], unix_pair);
        sends(&reading, 0, strlen(text));
        peer_says_goodbye(&reading.server);
        ends(&reading, DOCUMENT_WHOLE, text, strlen(text));
    }
}

static void an_empty_document_may_be_whole(void)
{
    struct reading reading;
    did("sent nothing but a goodbye");
    begin(&reading, 0, unix_pair);
    peer_says_goodbye(&reading.server);
    ends(&reading, DOCUMENT_WHOLE, "", 0);
}

static void a_long_document_may_be_whole(void)
{
    enum { SIZE = 300000 };
    static char page[SIZE];
    struct reading reading;
    for (size_t i = 0; i < SIZE; i++)
        page[i] = (char)(i * 7 + i / 251);
    did("sent 300,000 bytes and a goodbye");
    begin(&reading, 0, unix_pair);
    for (size_t sent = 0; sent < SIZE; sent += 10000) {
        SSL_write(reading.server.ssl, page + sent, 10000);
        peer_flush_but(&reading.server, 0);
    }
    peer_says_goodbye(&reading.server);
    ends(&reading, DOCUMENT_WHOLE, page, SIZE);
}

static void a_document_without_a_goodbye_is_cut(void)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (int i = 0; i < (under_valgrind() ? 1 : 2); i++) {
        struct reading reading;
        did("sent half a document over TLS 1.%d, and hung up", 3 - i);
        begin(&reading, versions[i], unix_pair);
        sends(&reading, 0, 20);
        peer_hang_up(&reading.server);
        ends(&reading, DOCUMENT_CUT, text, 20);
    }
}

static void a_document_may_be_cut_inside_a_record(void)
{
    struct reading reading;
    did("sent 20 bytes, then a record without its last 10 bytes, and hung up");
    begin(&reading, 0, unix_pair);
    sends(&reading, 0, 20);
    SSL_write(reading.server.ssl, text + 20, 20);
    peer_flush_but(&reading.server, 10);
    peer_hang_up(&reading.server);
    ends(&reading, DOCUMENT_CUT, text, 20);
}

/* A record that nobody has sealed makes the server send an alert. */
static void an_alert_is_no_goodbye(void)
{
    static const char forged[] = "\x17\x03\x03\x00\x20thirty-two bytes without a seal.";
    struct reading reading;
    char byte;
    did("sent half a document; then the server breaks off with an alert, since somebody has forged a record");
    begin(&reading, 0, unix_pair);
    sends(&reading, 0, 20);
    BIO_write(reading.server.in, forged, sizeof forged - 1);
    ERR_clear_error();
    SSL_read(reading.server.ssl, &byte, 1);
    peer_flush_but(&reading.server, 0);
    ends(&reading, DOCUMENT_CUT, text, 20);
}

static void a_reset_is_no_goodbye(void)
{
    struct reading reading;
    did("sent half a document, and reset the connection");
    begin(&reading, 0, tcp_pair);
    sends(&reading, 0, 20);
    has_come(&reading, 20);
    close_with_reset(reading.server.fds[1]);
    reading.server.fds[1] = -1;
    ends(&reading, DOCUMENT_CUT, text, 20);
}

static void without_tls_nobody_knows(void)
{
    for (int i = 0; i < 2; i++) {
        struct reading reading = {.document = {.finished = finished, .context = &reading}};
        did("sent a document over TCP, and %s", i == 0 ? "closed" : "reset the connection");
        peer_begin(&reading.server, true, NULL, tcp_pair);
        loop_create_connection(reading.server.loop, &reading.server.done, document_protocol, &reading.document, NULL,
            0, &(struct connection_options){.sock = &reading.server.fds[0]});
        send_to(reading.server.fds[1], text, 20);
        has_come(&reading, 20);
        if (i == 1) {
            close_with_reset(reading.server.fds[1]);
            reading.server.fds[1] = -1;
        }
        peer_hang_up(&reading.server);
        ends(&reading, i == 0 ? DOCUMENT_UNKNOWN : DOCUMENT_CUT, text, 20);
    }
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_document_with_a_goodbye_is_whole),
    GRADER_TEST(an_empty_document_may_be_whole),
    GRADER_TEST(a_long_document_may_be_whole),
    GRADER_TEST(a_document_without_a_goodbye_is_cut),
    GRADER_TEST(a_document_may_be_cut_inside_a_record),
    GRADER_TEST(an_alert_is_no_goodbye),
    GRADER_TEST(a_reset_is_no_goodbye),
    GRADER_TEST(without_tls_nobody_knows),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
