/* tls_peer.h: the other end of a TLS connection, a plain OpenSSL in the test's own hands, between two pieces of memory:
   what goes over the wire, and when, is up to the test. For exercises from chapter 7 on, which link OpenSSL. */
#ifndef TLS_PEER_H
#define TLS_PEER_H
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "future.h"
#include "grader.h"
#include "transport.h"
#include "turns.h"

/* ---- certificates, made on the spot in the test's folder */

struct minted {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void minted_free(struct minted *self)
{
    EVP_PKEY_free(self->key);
    X509_free(self->certificate);
}

static inline void minted_extend(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* A certificate for localhost, of an organisation and with a common name, whose size is given for what may stand in
   it; signed by the issuer, or by itself. */
static inline struct minted mint(
    const char *organisation, const char *name, size_t size, const struct minted *issuer)
{
    struct minted self = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *certificate = self.certificate, *signer = issuer == NULL ? certificate : issuer->certificate;
    X509_NAME *subject = X509_get_subject_name(certificate);
    static long serial = 1;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, self.key);
    X509_NAME_add_entry_by_NID(
        subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, (int)size, -1, 0);
    X509_NAME_add_entry_by_NID(
        subject, NID_organizationName, MBSTRING_UTF8, (const unsigned char *)organisation, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    minted_extend(certificate, NID_subject_alt_name, "DNS:localhost");
    minted_extend(certificate, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    int bytes = X509_sign(certificate, issuer == NULL ? self.key : issuer->key, EVP_sha256());
    expect(bytes > 0, "the grader's own certificate to be made", "it was not");
    return self;
}

/* Writes certificate and key into one file, as tls_context_options take it. */
static inline void minted_write(const struct minted *self, const char *file)
{
    FILE *out = fopen(file, "w");
    expect(out != NULL, "the grader's own certificate to be written", "it was not");
    PEM_write_X509(out, self->certificate);
    PEM_write_PrivateKey(out, self->key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

/* ---- the peer */

struct tls_peer {
    struct loop *loop;
    struct future done; /* of the call that gives the library its end */
    int fds[2];         /* the library's, not closed here; the peer's, -1: closed */
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    size_t most; /* bytes that leave at a time; 0: all */
    bool over;   /* the stream has ended, or is broken */
    char line[500];
};

/* A peer of a loop of its own, in plain text still. It believes every certificate, and shows one if it is given. */
static inline void peer_begin(
    struct tls_peer *self, bool is_server, const struct minted *shown, void (*pair)(int ends[2]))
{
    *self = (struct tls_peer){.loop = loop_create(NULL)};
    future_init(&self->done, self->loop);
    pair(self->fds);
    self->context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (shown != NULL) {
        SSL_CTX_use_certificate(self->context, shown->certificate);
        SSL_CTX_use_PrivateKey(self->context, shown->key);
    }
    self->ssl = SSL_new(self->context);
    self->in = BIO_new(BIO_s_mem());
    self->out = BIO_new(BIO_s_mem());
    SSL_set_bio(self->ssl, self->in, self->out);
    if (is_server)
        SSL_set_accept_state(self->ssl);
    else
        SSL_set_connect_state(self->ssl);
}

static inline void peer_hang_up(struct tls_peer *self)
{
    if (self->fds[1] >= 0)
        close_socket(self->fds[1]);
    self->fds[1] = -1;
    self->over = true;
}

static inline void peer_end(struct tls_peer *self)
{
    void *transport = NULL;
    peer_hang_up(self);
    for (int i = 0; i < 5; i++)
        turn_within(self->loop, 0);
    future_result(&self->done, &transport);
    transport_release(transport);
    future_destroy(&self->done);
    loop_free(self->loop);
    SSL_free(self->ssl);
    SSL_CTX_free(self->context);
}

/* Sends what OpenSSL wants sent, but for the last `kept` bytes. */
static inline void peer_flush_but(struct tls_peer *self, long kept)
{
    char data[16384];
    while (!self->over && BIO_pending(self->out) > kept) {
        long size = BIO_pending(self->out) - kept;
        if (self->most > 0 && size > (long)self->most)
            size = (long)self->most;
        if (size > (long)sizeof data)
            size = sizeof data;
        BIO_read(self->out, data, (int)size);
        if (sendto(self->fds[1], data, (size_t)size, MSG_NOSIGNAL, NULL, 0) != size)
            self->over = true;
        turn_within(self->loop, 0);
    }
}

/* Sends, turns the loop, takes in what has come. */
static inline void peer_move(struct tls_peer *self)
{
    char data[16384];
    peer_flush_but(self, 0);
    turn_within(self->loop, 0.001);
    if (self->fds[1] < 0)
        return;
    ssize_t size = recvfrom(self->fds[1], data, sizeof data, MSG_DONTWAIT, NULL, NULL);
    if (size > 0)
        BIO_write(self->in, data, (int)size);
    else if (size == 0)
        self->over = true;
}

/* True when it has ended well. The last word of a client's handshake has not been sent then: it leaves with what is
   sent next. */
static inline bool peer_shakes_hands(struct tls_peer *self)
{
    double end = seconds_now() + patience();
    while (seconds_now() < end) {
        ERR_clear_error();
        int result = SSL_do_handshake(self->ssl);
        if (result == 1)
            return true;
        bool more = SSL_get_error(self->ssl, result) == SSL_ERROR_WANT_READ;
        if (!more || (self->over && BIO_pending(self->in) == 0))
            break;
        peer_move(self);
    }
    return false;
}

static inline void peer_says(struct tls_peer *self, const char *text)
{
    SSL_write(self->ssl, text, (int)strlen(text));
    peer_flush_but(self, 0);
}

/* The next decrypted line, with its end; what there is of it when no more comes. */
static inline const char *peer_hears(struct tls_peer *self)
{
    double end = seconds_now() + patience();
    size_t length = 0;
    while (length + 1 < sizeof self->line && seconds_now() < end) {
        ERR_clear_error();
        int result = SSL_read(self->ssl, self->line + length, 1);
        if (result == 1) {
            if (self->line[length++] == '\n')
                break;
            continue;
        }
        bool more = SSL_get_error(self->ssl, result) == SSL_ERROR_WANT_READ;
        if (!more || self->over)
            break;
        peer_move(self);
    }
    self->line[length] = '\0';
    return self->line;
}

/* The same in plain text, before a handshake. */
static inline const char *peer_hears_plain(struct tls_peer *self)
{
    double end = seconds_now() + patience();
    size_t length = 0;
    while (length + 1 < sizeof self->line && seconds_now() < end) {
        turn_within(self->loop, 0.001);
        ssize_t size = recvfrom(self->fds[1], self->line + length, 1, MSG_DONTWAIT, NULL, NULL);
        if (size == 0 || (size == 1 && self->line[length++] == '\n'))
            break;
    }
    self->line[length] = '\0';
    return self->line;
}

static inline void peer_says_plain(struct tls_peer *self, const char *text)
{
    size_t size = strlen(text), most = self->most > 0 ? self->most : size;
    for (size_t sent = 0; sent < size; sent += most) {
        send_to(self->fds[1], text + sent, most < size - sent ? most : size - sent);
        turn_within(self->loop, 0);
    }
}

/* close_notify */
static inline void peer_says_goodbye(struct tls_peer *self)
{
    SSL_shutdown(self->ssl);
    peer_flush_but(self, 0);
}
#endif
