/* tls_private.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef TLS_PRIVATE_H
#define TLS_PRIVATE_H

#include "tls.h"
#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl_ctx;
    BIO_METHOD *bio;      /* how its connections move bytes */
    bool server_side;
    bool check_hostname;
    unsigned char *alpn; /* as it goes over the wire: each name behind its length */
    unsigned alpn_size;
    struct tls_name *names; /* SNI: other certificates */
    unsigned references;
};

struct tls_settings {
    struct tls_context *context; /* one reference; NULL: no TLS */
    char *hostname; /* a client's; owned */
    double handshake_timeout, shutdown_timeout;
};

/* 0 and settings of one's own, or -ENOMEM. hostname may be NULL. */
int tls_settings_take(struct tls_settings *, struct tls_context *, const char *hostname,
    double handshake_timeout, double shutdown_timeout);
void tls_settings_clear(struct tls_settings *);
bool tls_options_are_wrong(const struct tls_context *, const char *hostname,
    double handshake_timeout, double shutdown_timeout);

/* The newest error of OpenSSL's queue, in Python's words. ssl may be NULL. */
struct error *tls_error(SSL *ssl, const char *hostname);

/* How a TLS connection's SSL reads and writes. */
BIO_METHOD *tls_bio_method(void);

#endif
