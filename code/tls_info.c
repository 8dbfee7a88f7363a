/* tls_info.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
#include "tls_transport.h"
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void write_certificate(BIO *text, X509 *cert)
{
    int place = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
    X509_NAME_print_ex(text, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
    BIO_write(text, "", 1);
    X509_NAME_print_ex(text, X509_get_issuer_name(cert), 0, XN_FLAG_RFC2253);
    BIO_write(text, "", 1);
    i2a_ASN1_INTEGER(text, X509_get_serialNumber(cert));
    BIO_write(text, "", 1);
    ASN1_TIME_print(text, X509_get0_notBefore(cert));
    BIO_write(text, "", 1);
    ASN1_TIME_print(text, X509_get0_notAfter(cert));
    BIO_write(text, "", 1);
    if (place >= 0)
        X509V3_EXT_print(text, X509_get_ext(cert, place), 0, 0);
    BIO_write(text, "", 1);
}

static struct tls_peercert *copy_certificate(BIO *text)
{
    char *bytes;
    long size = BIO_get_mem_data(text, &bytes);
    struct tls_peercert *cert = calloc(1, sizeof *cert + (size_t)size);
    if (cert == NULL || size == 0)
        return cert;
    const char **members[] = {&cert->subject, &cert->issuer, &cert->serial_number,
        &cert->not_before, &cert->not_after, &cert->subject_alt_name};
    char *next = memcpy(cert + 1, bytes, (size_t)size);
    for (size_t i = 0; i < 6; i++) {
        *members[i] = next;
        next += strlen(next) + 1;
    }
    return cert;
}

static const struct tls_peercert *tell_certificate(struct tls_layer *self)
{
    X509 *cert = SSL_get0_peer_certificate(self->ssl);
    if (cert == NULL || self->peercert != NULL)
        return self->peercert;
    BIO *text = BIO_new(BIO_s_mem());
    if (text == NULL)
        return NULL;
    if (SSL_get_verify_mode(self->ssl) != SSL_VERIFY_NONE)
        write_certificate(text, cert);
    self->peercert = copy_certificate(text);
    BIO_free(text);
    return self->peercert;
}

static const char *tell_protocol(struct tls_layer *self)
{
    const unsigned char *name;
    unsigned size;
    SSL_get0_alpn_selected(self->ssl, &name, &size);
    if (size > 0 && self->alpn == NULL && (self->alpn = calloc(1, size + 1)) != NULL)
        memcpy(self->alpn, name, size);
    return self->alpn;
}

static const struct tls_cipher *tell_cipher(struct tls_layer *self)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(self->ssl);
    if (cipher == NULL)
        return NULL;
    self->cipher.name = SSL_CIPHER_get_name(cipher);
    self->cipher.version = SSL_CIPHER_get_version(cipher);
    self->cipher.bits = SSL_CIPHER_get_bits(cipher, NULL);
    return &self->cipher;
}

const void *tls_layer_tell(struct tls_layer *self, const char *name)
{
    if (strcmp(name, "sslcontext") == 0)
        return self->settings.context;
    if (!SSL_is_init_finished(self->ssl))
        return NULL;
    if (strcmp(name, "ssl_object") == 0)
        return self->ssl;
    if (strcmp(name, "version") == 0)
        return SSL_get_version(self->ssl);
    if (strcmp(name, "cipher") == 0)
        return tell_cipher(self);
    if (strcmp(name, "alpn") == 0)
        return tell_protocol(self);
    return strcmp(name, "peercert") == 0 ? tell_certificate(self) : NULL;
}

void tls_layer_forget_told(struct tls_layer *self)
{
    free(self->peercert);
    free(self->alpn);
}
