/* tls.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct error_domain;
struct future;
struct loop;
struct protocol;
struct transport;

enum tls_verify_mode {
    TLS_VERIFY_DEFAULT, /* a client demands a certificate, a server asks for none */
    TLS_CERT_NONE,      /* none is asked for; whatever comes is believed */
    TLS_CERT_OPTIONAL,  /* one may be shown, and must then be good */
    TLS_CERT_REQUIRED,
};

enum tls_version { TLS_VERSION_DEFAULT, TLS_VERSION_1_2, TLS_VERSION_1_3 };

struct tls_context_options {
    const char *cert_file; /* PEM, with its chain: what this side shows; a server must have one */
    const char *key_file;  /* PEM; NULL: in cert_file too */
    const char *ca_file;   /* PEM: trust these and no others; NULL: those of the system */
    enum tls_verify_mode verify_mode;
    bool any_hostname; /* a client takes a good certificate for any name */
    const char *const *alpn;                          /* names in order of liking, NULL at the end */
    enum tls_version minimum_version, maximum_version; /* default: 1.2, and the newest there is */
};

/* What connections share (ssl.SSLContext): counted, never changed once it is in use. NULL options:
   all defaults. On failure NULL, and *error is the caller's to release. */
struct tls_context;
struct tls_context *tls_server_context(const struct tls_context_options *, struct error **error);
struct tls_context *tls_client_context(const struct tls_context_options *, struct error **error);
struct tls_context *tls_context_retain(struct tls_context *);
void tls_context_release(struct tls_context *); /* NULL is fine */

/* A client that asks this server for `name` (SNI) gets the other context's certificate and alpn, and is
   judged by the other's authorities; whether it must show a certificate is this one's to say. The other is
   retained. 0 or -ENOMEM. */
int tls_context_add_name(struct tls_context *, const char *name, struct tls_context *other);

/* ssl.SSLError: code is OpenSSL's reason; the text "[SSL: WRONG_VERSION_NUMBER] wrong version number".
   ssl.SSLCertVerificationError: code is its verify_code, 20 for an unknown issuer, 62 another host. */
extern const struct error_domain error_tls;
extern const struct error_domain error_tls_verify;

/* transport_get_extra_info(): "peercert": const struct tls_peercert *, NULL if none was shown, all
   members NULL if it was not verified; "cipher": const struct tls_cipher *; "version": const char *,
   "TLSv1.3"; "alpn": const char *, NULL if none was agreed; "sslcontext": struct tls_context *;
   "ssl_object": OpenSSL's SSL *; anything else: what the transport below says. Of these only "sslcontext"
   is known before the handshake has ended, or after TLS has failed (a fatal alert, a broken record). */
struct tls_peercert {
    const char *subject, *issuer, *serial_number, *not_before, *not_after, *subject_alt_name;
};

struct tls_cipher {
    const char *name, *version;
    int bits;
};

struct start_tls_options {
    const char *server_hostname; /* a client's: whom the certificate must name */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */
};

/* From now on what the transport moves is ciphertext, and its protocol stands behind TLS
   (loop.start_tls). protocol: the one that the transport has already, or a new one in its place; the old
   one is then released. done's result: the new struct transport *, one reference for the caller, and all that
   a new protocol is told: connection_made is not called. If done fails, or is cancelled, the connection is
   lost. 0; -EINVAL: another loop's transport, or one that is closing, or write_eof was called, or a client's
   name is missing; -ENOMEM. On failure nothing has changed, and a new protocol is still the caller's. */
int loop_start_tls(struct loop *, struct future *done, struct transport *, struct protocol *,
    struct tls_context *, const struct start_tls_options *);

#endif
