/* tls.c: a fuzzer for TLS. One end of a socket pair is the library's, a server or a client; the other end is the
   fuzzer's, who sends either the input itself or what a real other side sent in a handshake that was recorded at the
   start, cut, spoilt and broken off as the input says. The key is made at the start too. All random numbers are the
   same in every run, so that a recorded handshake is as good as a live one.

   Byte 0 of the input: who is fuzzed, and how it ends (see HEAD_...). Then the bytes to send or, for a recording, steps
   of three bytes: what to do, and with how much. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "descriptor.h"
#include "tls.h"
#include "transport.h"

enum {
    HEAD_CLIENT = 1,   /* our end is a client, else a server */
    HEAD_REPLAY = 2,   /* a recording, else the input itself */
    HEAD_TLS_1_2 = 4,  /* else 1.3 */
    HEAD_REST = 8,     /* after the steps, send the rest of the recording too */
    HEAD_RESET = 16,   /* close the other end at once, else end what it sends and listen */
    HEAD_GIVE_UP = 32, /* nobody waits for the connection any more, half-way */
};
enum { STEP = 3,
    MOST_PASSES = 1000 };

struct record {
    size_t size;
    uint8_t bytes[32 * 1024];
};

struct end {
    struct protocol protocol;
    struct loop *loop;
    struct transport *transport; /* NULL before connection_made and after connection_lost */
    struct future done;
    int fd, other; /* the library's, the fuzzer's */
    bool is_client, made, answered, released;
};

static struct tls_context *contexts[2][2]; /* by version, 1.2 first; the server's, the client's */
static struct record records[2][2];        /* by version; what the server's end is to hear, what the client's */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "tls: %s\n", what);
    abort();
}

/* ------------------------------------------------------------ one end */

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct end *self = (struct end *)protocol;
    self->made = true;
    self->transport = transport;
    if (self->is_client)
        transport_write(transport, "hello", 5);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct end *self = (struct end *)protocol;
    self->answered = true;
    if (self->is_client)
        transport_close(self->transport);
    else
        transport_write(self->transport, data, size);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    ((struct end *)protocol)->transport = NULL;
}

static void released(struct protocol *protocol)
{
    ((struct end *)protocol)->released = true;
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *the_protocol(void *context)
{
    return &((struct end *)context)->protocol;
}

static void begin(struct end *self, struct loop *loop, bool is_client, bool newest)
{
    int fds[2];
    *self = (struct end){.protocol = {.callbacks = &callbacks}, .loop = loop, .is_client = is_client};
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no socket pair");
    need(descriptor_make_nonblocking(fds[0]) == 0 && descriptor_make_nonblocking(fds[1]) == 0, "cannot set it up");
    self->fd = fds[0];
    self->other = fds[1];
    future_init(&self->done, loop);
    struct connection_options options = {.tls = contexts[newest][is_client]};
    int failed;
    if (is_client) {
        options.sock = &self->fd;
        options.server_hostname = "localhost";
        failed = loop_create_connection(loop, &self->done, the_protocol, self, NULL, 0, &options);
    } else
        failed = loop_connect_accepted_socket(loop, &self->done, the_protocol, self, self->fd, &options);
    need(failed == 0, "cannot begin");
}

static void nothing(void *context)
{
    (void)context;
}

/* One pass, which does not wait. */
static void turn(struct loop *loop)
{
    struct handle soon;
    handle_init(&soon, nothing, NULL);
    loop_call_soon(loop, &soon);
    loop_run_once(loop);
}

/* What our end sent: its size; 0 when there is nothing now. */
static size_t hear(struct end *self, uint8_t *bytes, size_t room)
{
    ssize_t size = self->other < 0 ? 0 : recv(self->other, bytes, room, 0);
    return size > 0 ? (size_t)size : 0;
}

static void send_to(struct end *self, const uint8_t *bytes, size_t size)
{
    static uint8_t heard[65536];
    while (size > 0) {
        ssize_t sent = send(self->other, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            break; /* our end has closed */
        bytes += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
        turn(self->loop);
        while (hear(self, heard, sizeof heard) > 0)
            continue;
    }
    turn(self->loop);
}

/* No more comes. Our end must give everything back without waiting for time to pass. */
static void end_it(struct end *self, bool reset)
{
    static uint8_t heard[65536];
    if (reset) {
        close(self->other);
        self->other = -1;
    } else
        shutdown(self->other, SHUT_WR);
    void *transport = NULL;
    bool over = false;
    for (int pass = 0; pass < MOST_PASSES && !over; pass++) {
        turn(self->loop);
        while (hear(self, heard, sizeof heard) > 0)
            continue;
        over = self->released && future_done(&self->done) && fcntl(self->fd, F_GETFD) < 0;
    }
    need(over, "our end waits although the other has gone");
    need(self->transport == NULL, "connection_lost did not come");
    if (future_result(&self->done, &transport) == 0)
        transport_release(transport);
    future_exception(&self->done);
    future_destroy(&self->done);
    if (self->other >= 0)
        close(self->other);
}

static void ignore(struct loop *loop, const struct exception_context *what, void *context)
{
    (void)loop, (void)what, (void)context;
}

static void ignore_log(void *context, enum log_level level, const char *text)
{
    (void)context, (void)level, (void)text;
}

static struct loop *quiet_loop(void)
{
    struct loop *loop = loop_create(NULL);
    need(loop != NULL, "no loop");
    loop_set_exception_handler(loop, ignore, NULL);
    loop_set_log(loop, ignore_log, NULL);
    return loop;
}

/* ------------------------------------------------------------ a recording */

/* Random numbers that do not depend on who asks first, or how often. */
static int same_bytes(unsigned char *bytes, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)(1 + (i * 37 + size) % 199);
    return 1;
}

static int always(void)
{
    return 1;
}

static X509 *sign_oneself(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400L);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 864000L);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    need(names != NULL && X509_add_ext(certificate, names, -1) == 1, "no name in the certificate");
    X509_EXTENSION_free(names);
    need(X509_sign(certificate, key, EVP_sha256()) > 0, "cannot sign");
    return certificate;
}

static void make_contexts(const char *pem)
{
    for (int newest = 0; newest < 2; newest++) {
        enum tls_version version = newest ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
        struct tls_context_options options = {
            .cert_file = pem, .minimum_version = version, .maximum_version = version};
        struct error *error;
        contexts[newest][0] = tls_server_context(&options, &error);
        need(contexts[newest][0] != NULL, "no context for a server");
        options.cert_file = NULL;
        options.ca_file = pem;
        contexts[newest][1] = tls_client_context(&options, &error);
        need(contexts[newest][1] != NULL, "no context for a client");
    }
}

/* Key and certificate pass through a file that has no name any more. */
static void make_identity(void)
{
    static char pem[32];
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    need(key != NULL, "no key");
    X509 *certificate = sign_oneself(key);
    FILE *file = tmpfile();
    need(file != NULL, "no file");
    need(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_X509(file, certificate) == 1
            && fflush(file) == 0,
        "cannot write");
    snprintf(pem, sizeof pem, "/dev/fd/%d", fileno(file));
    make_contexts(pem);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static bool carry(struct end *from, struct end *to, struct record *record)
{
    uint8_t *at = record->bytes + record->size;
    size_t size = hear(from, at, sizeof record->bytes - record->size);
    if (size == 0)
        return false;
    record->size += size;
    need(send(to->other, at, size, MSG_NOSIGNAL) == (ssize_t)size || !to->made, "cannot pass it on");
    return true;
}

/* Both ends are ours; the fuzzer stands between them and writes down what goes by: a handshake, a question, its answer,
   and the good-bye. */
static void record_one(bool newest)
{
    struct loop *loop = quiet_loop();
    struct end server, client;
    begin(&server, loop, false, newest);
    begin(&client, loop, true, newest);
    for (int idle = 0; idle < 20; idle++) {
        turn(loop);
        if (carry(&client, &server, &records[newest][0]) || carry(&server, &client, &records[newest][1]))
            idle = 0;
    }
    need(server.answered && client.answered, "the two ends did not understand each other");
    end_it(&client, false);
    end_it(&server, false);
    loop_free(loop);
}

/* A recording must lead as far as the live handshake did. */
static void replay_whole(bool newest, bool is_client)
{
    struct loop *loop = quiet_loop();
    struct end end;
    begin(&end, loop, is_client, newest);
    turn(loop);
    send_to(&end, records[newest][is_client].bytes, records[newest][is_client].size);
    need(end.answered, "a recording is not understood");
    end_it(&end, false);
    loop_free(loop);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const RAND_METHOD the_same = {.bytes = same_bytes, .pseudorand = same_bytes, .status = always};
    (void)argc, (void)argv;
    need(RAND_set_rand_method(&the_same) == 1, "cannot choose the random numbers");
    make_identity();
    for (int newest = 0; newest < 2; newest++) {
        record_one(newest);
        replay_whole(newest, false);
        replay_whole(newest, true);
    }
    return 0;
}

/* ------------------------------------------------------------ one input */

static size_t take_step(struct end *end, const uint8_t *step, const uint8_t *at, size_t left)
{
    uint8_t spoilt[65536];
    size_t size = step[1] + (size_t)256 * (step[2] % 8u);
    if (size > left)
        size = left;
    memcpy(spoilt, at, size);
    switch (step[0] % 8) {
    case 4: return size; /* left out */
    case 5:              /* something else in between */
        send_to(end, step, STEP);
        return 0;
    case 6: /* one bit */
        if (size > 0)
            spoilt[size - 1] ^= (uint8_t)(1u << step[0] / 8 % 8);
        break;
    case 7: /* our end has enough */
        if (end->transport != NULL && step[0] & 8)
            transport_abort(end->transport);
        else if (end->transport != NULL)
            transport_close(end->transport);
        break;
    default: break;
    }
    send_to(end, spoilt, size);
    return size;
}

static void replay(struct end *end, const struct record *record, const uint8_t *steps, size_t size, bool rest)
{
    size_t at = 0;
    for (; size >= STEP; steps += STEP, size -= STEP)
        at += take_step(end, steps, record->bytes + at, record->size - at);
    if (rest)
        send_to(end, record->bytes + at, record->size - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    unsigned head = data[0];
    bool is_client = (head & HEAD_CLIENT) != 0, newest = (head & HEAD_TLS_1_2) == 0;
    struct loop *loop = quiet_loop();
    struct end end;
    begin(&end, loop, is_client, newest);
    turn(loop);
    if (head & HEAD_REPLAY)
        replay(&end, &records[newest][is_client], data + 1, size - 1, (head & HEAD_REST) != 0);
    else
        send_to(&end, data + 1, size - 1);
    if (head & HEAD_GIVE_UP)
        future_cancel(&end.done);
    end_it(&end, (head & HEAD_RESET) != 0);
    loop_free(loop);
    return 0;
}
