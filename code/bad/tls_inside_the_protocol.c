/* tls_inside_the_protocol.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
/* Echoes over TLS, and loses data: chapter 7 tells how. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

struct connection {
    struct protocol protocol;
    struct transport *transport;
    SSL *ssl;
    BIO *in, *out;
};

static void flush(struct connection *self)
{
    char *bytes;
    long size = BIO_get_mem_data(self->out, &bytes);
    transport_write(self->transport, bytes, (size_t)size);
    BIO_reset(self->out);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct connection *self = (struct connection *)protocol;
    char text[1024];
    BIO_write(self->in, data, (int)size);
    if (!SSL_is_init_finished(self->ssl))
        SSL_accept(self->ssl);
    else {
        int length = SSL_read(self->ssl, text, sizeof text);
        if (length > 0)
            SSL_write(self->ssl, text, length);
    }
    flush(self);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct connection *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    SSL_free(((struct connection *)protocol)->ssl);
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .released = released,
};

static struct protocol *protocol_new(void *context)
{
    struct connection *self = calloc(1, sizeof *self);
    self->protocol.callbacks = &callbacks;
    self->ssl = SSL_new(context);
    self->in = BIO_new(BIO_s_mem());
    self->out = BIO_new(BIO_s_mem());
    SSL_set_bio(self->ssl, self->in, self->out);
    SSL_set_accept_state(self->ssl);
    return &self->protocol;
}

int main(int argc, char **argv)
{
    const char *cert = NULL, *key = NULL, *host = "127.0.0.1";
    int port = 8443;
    const struct argument arguments[] = {
        {"--cert", ARGUMENT_TEXT, &cert, "the certificate, PEM"},
        {"--key", ARGUMENT_TEXT, &key, "its key, PEM"},
        {"--host", ARGUMENT_TEXT, &host, "where to listen (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port; 0: any (8443)"},
    };
    int status = arguments_parse(argc, argv, "Echoes over TLS, badly.", arguments, 4);
    if (status >= 0)
        return status;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (cert == NULL || key == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "tls_inside_the_protocol: --cert and --key must name PEM files\n");
        return 2;
    }
    struct loop *loop = loop_create(NULL);
    status = serve("tls_inside_the_protocol", loop, protocol_new, context, host, port, NULL);
    loop_free(loop);
    SSL_CTX_free(context);
    return status;
}
