/* tls_echo_server.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
/* The echo server of chapter 3, behind TLS. */
#include "arguments.h"
#include "echo.h"
#include "error.h"
#include "loop.h"
#include "serve.h"
#include "server.h"
#include <stdio.h>

static struct tls_context *make_context(const char *cert, const char *key, const char *ca)
{
    struct error *error;
    struct tls_context *context = tls_server_context(
        &(struct tls_context_options){
            .cert_file = cert,
            .key_file = key,
            .ca_file = ca,
            .verify_mode = ca == NULL ? TLS_CERT_NONE : TLS_CERT_REQUIRED,
        },
        &error);
    if (context == NULL)
        fprintf(stderr, "tls_echo_server: %s\n", error->text);
    error_release(error);
    return context;
}

int main(int argc, char **argv)
{
    struct echo_server echo = {.quiet = false};
    const char *host = "127.0.0.1", *cert = NULL, *key = NULL, *ca = NULL;
    int port = 8443;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "where to listen; '': everywhere (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port; 0: any (8443)"},
        {"--cert", ARGUMENT_TEXT, &cert, "the certificate and its chain, PEM"},
        {"--key", ARGUMENT_TEXT, &key, "its private key, PEM (in the certificate's file)"},
        {"--ca", ARGUMENT_TEXT, &ca, "demand certificates signed by these, PEM (demand none)"},
        {"--quiet", ARGUMENT_FLAG, &echo.quiet, "print nothing but the address"},
    };
    int status = arguments_parse(
        argc, argv, "Sends back, over TLS, whatever it is sent.", arguments, 6);
    if (status >= 0)
        return status;
    struct tls_context *context = make_context(cert, key, ca);
    if (context == NULL)
        return 2;
    struct loop *loop = loop_create(NULL);
    status = serve("tls_echo_server", loop, echo_server_protocol, &echo, host, port,
        &(struct server_options){.tls = context});
    loop_free(loop);
    tls_context_release(context);
    if (status == 0 && !echo.quiet)
        printf("Server shut down.\n");
    return status;
}
