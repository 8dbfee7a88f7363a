/* tls.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
#include "error.h"
#include "tls_private.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct tls_name {
    struct tls_name *next;
    struct tls_context *context;
    char name[];
};

static int choose_certificate(SSL *ssl, int *alert, void *context)
{
    const struct tls_context *self = context;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (const struct tls_name *one = self->names; name != NULL && one != NULL; one = one->next)
        if (strcasecmp(one->name, name) == 0) {
            SSL_set_SSL_CTX(ssl, one->context->ssl_ctx);
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *size,
    const unsigned char *offered, unsigned offered_size, void *context)
{
    const struct tls_context *self = context;
    (void)ssl;
    int found = SSL_select_next_proto(
        (unsigned char **)chosen, size, self->alpn, self->alpn_size, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static struct error *offer_protocols(struct tls_context *self, const char *const *names)
{
    size_t size = 0, length;
    for (const char *const *one = names; one != NULL && *one != NULL; one++) {
        length = strlen(*one);
        if (length == 0 || length > 255)
            return error_new(&error_tls, 0, "ALPN: a name has 1 to 255 bytes");
        size += 1 + length;
    }
    if (size == 0)
        return NULL;
    self->alpn = malloc(size);
    if (self->alpn == NULL)
        return error_from_errno(ENOMEM);
    for (const char *const *one = names; *one != NULL; one++) {
        length = strlen(*one);
        self->alpn[self->alpn_size++] = (unsigned char)length;
        memcpy(self->alpn + self->alpn_size, *one, length);
        self->alpn_size += (unsigned)length;
    }
    if (self->server_side)
        SSL_CTX_set_alpn_select_cb(self->ssl_ctx, choose_protocol, self);
    else
        SSL_CTX_set_alpn_protos(self->ssl_ctx, self->alpn, self->alpn_size);
    return NULL;
}

struct tls_context *tls_context_retain(struct tls_context *self)
{
    if (self != NULL)
        self->references++;
    return self;
}

void tls_context_release(struct tls_context *self)
{
    if (self == NULL || --self->references > 0)
        return;
    while (self->names != NULL) {
        struct tls_name *first = self->names;
        self->names = first->next;
        tls_context_release(first->context);
        free(first);
    }
    SSL_CTX_free(self->ssl_ctx);
    BIO_meth_free(self->bio);
    free(self->alpn);
    free(self);
}

static struct error *file_error(const char *file)
{
    unsigned long first = ERR_peek_error();
    if (!ERR_SYSTEM_ERROR(first)) {
        struct error *why = tls_error(NULL, NULL);
        struct error *error = error_new(&error_tls, why->code, "%s: %s", file, why->text);
        error_release(why);
        return error;
    }
    int code = ERR_GET_REASON(first);
    return error_from_errno_with(code, "%s: '%s'", strerror(code), file);
}

static struct error *load_certificate(SSL_CTX *ctx, const struct tls_context_options *options)
{
    const char *cert = options->cert_file, *key = options->key_file;
    if (cert == NULL)
        return NULL;
    if (key == NULL)
        key = cert;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return file_error(cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return file_error(key);
    return NULL;
}

static struct error *load_trust(struct tls_context *self, const struct tls_context_options *options)
{
    enum tls_verify_mode mode = options->verify_mode;
    SSL_CTX *ctx = self->ssl_ctx;
    if (mode == TLS_VERIFY_DEFAULT)
        mode = self->server_side ? TLS_CERT_NONE : TLS_CERT_REQUIRED;
    self->check_hostname = !self->server_side && mode != TLS_CERT_NONE && !options->any_hostname;
    if (mode == TLS_CERT_NONE)
        return NULL;
    int demand = SSL_VERIFY_PEER;
    if (mode == TLS_CERT_REQUIRED)
        demand |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, demand, NULL);
    ERR_clear_error();
    if (options->ca_file == NULL) {
        if (SSL_CTX_set_default_verify_paths(ctx) != 1)
            return tls_error(NULL, NULL);
    } else if (SSL_CTX_load_verify_file(ctx, options->ca_file) != 1)
        return file_error(options->ca_file);
    if (self->server_side && options->ca_file != NULL)
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(options->ca_file));
    return NULL;
}

static int protocol_version(enum tls_version version, int otherwise)
{
    static const int versions[] = {[TLS_VERSION_1_2] = TLS1_2_VERSION, [TLS_VERSION_1_3] = TLS1_3_VERSION};
    return version == TLS_VERSION_DEFAULT ? otherwise : versions[version];
}

static void set_rules(SSL_CTX *ctx, const struct tls_context_options *options)
{
    SSL_CTX_set_min_proto_version(ctx, protocol_version(options->minimum_version, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(ctx, protocol_version(options->maximum_version, 0));
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"weft", 4);
}

static struct error *fill(struct tls_context *self, const struct tls_context_options *options)
{
    self->ssl_ctx = SSL_CTX_new(self->server_side ? TLS_server_method() : TLS_client_method());
    self->bio = tls_bio_method();
    if (self->ssl_ctx == NULL || self->bio == NULL)
        return error_from_errno(ENOMEM);
    set_rules(self->ssl_ctx, options);
    struct error *error = load_certificate(self->ssl_ctx, options);
    if (error == NULL)
        error = load_trust(self, options);
    if (error == NULL)
        error = offer_protocols(self, options->alpn);
    return error;
}

static struct tls_context *create(
    bool server_side, const struct tls_context_options *options, struct error **error)
{
    static const struct tls_context_options defaults;
    struct tls_context *self = calloc(1, sizeof *self);
    *error = self == NULL ? error_from_errno(ENOMEM) : NULL;
    if (self == NULL)
        return NULL;
    self->references = 1;
    self->server_side = server_side;
    *error = fill(self, options == NULL ? &defaults : options);
    if (*error == NULL)
        return self;
    tls_context_release(self);
    return NULL;
}

struct tls_context *tls_client_context(
    const struct tls_context_options *options, struct error **error)
{
    return create(false, options, error);
}

struct tls_context *tls_server_context(
    const struct tls_context_options *options, struct error **error)
{
    if (options != NULL && options->cert_file != NULL)
        return create(true, options, error);
    *error = error_new(&error_tls, 0, "a server needs a certificate");
    return NULL;
}

int tls_context_add_name(struct tls_context *self, const char *name, struct tls_context *other)
{
    struct tls_name *one = malloc(sizeof *one + strlen(name) + 1);
    if (one == NULL)
        return -ENOMEM;
    strcpy(one->name, name);
    one->context = tls_context_retain(other);
    one->next = self->names;
    self->names = one;
    SSL_CTX_set_tlsext_servername_callback(self->ssl_ctx, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(self->ssl_ctx, self);
    return 0;
}

enum { HANDSHAKE_TIMEOUT = 60, SHUTDOWN_TIMEOUT = 30 }; /* asyncio's, in seconds */

int tls_settings_take(struct tls_settings *self, struct tls_context *context, const char *hostname,
    double handshake_timeout, double shutdown_timeout)
{
    char *copy = hostname == NULL ? NULL : strdup(hostname);
    if (copy == NULL && hostname != NULL)
        return -ENOMEM;
    self->context = tls_context_retain(context);
    self->hostname = copy;
    self->handshake_timeout = handshake_timeout > 0 ? handshake_timeout : HANDSHAKE_TIMEOUT;
    self->shutdown_timeout = shutdown_timeout > 0 ? shutdown_timeout : SHUTDOWN_TIMEOUT;
    return 0;
}

void tls_settings_clear(struct tls_settings *self)
{
    tls_context_release(self->context);
    free(self->hostname);
    *self = (struct tls_settings){0};
}

bool tls_options_are_wrong(const struct tls_context *context, const char *hostname,
    double handshake_timeout, double shutdown_timeout)
{
    if (context == NULL)
        return hostname != NULL || handshake_timeout != 0 || shutdown_timeout != 0;
    return !(handshake_timeout >= 0) || !(shutdown_timeout >= 0);
}
