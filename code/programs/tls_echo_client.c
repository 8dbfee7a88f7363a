/* tls_echo_client.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
/* The echo client of chapter 3, behind TLS. */
#include "arguments.h"
#include "connection.h"
#include "echo.h"
#include "error.h"
#include "loop.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *message, *host, *name, *ca, *cert, *key;
    int port;
    bool verbose;
    struct future connected, on_con_lost;
};

static void interrupt(void *context)
{
    struct request *self = context;
    future_cancel(&self->connected);
    future_cancel(&self->on_con_lost);
}

static void describe(struct transport *transport)
{
    const struct tls_cipher *cipher = transport_get_extra_info(transport, "cipher");
    const struct tls_peercert *cert = transport_get_extra_info(transport, "peercert");
    const char *version = transport_get_extra_info(transport, "version");
    if (version == NULL || cipher == NULL)
        printf("TLS has failed, and tells nothing of the connection any more.\n");
    else
        printf("%s, %s, %d bits\n", version, cipher->name, cipher->bits);
    if (cert != NULL && cert->subject != NULL)
        printf("%s, signed by %s\n", cert->subject, cert->issuer);
}

static int connect_and_wait(struct loop *loop, struct request *self, struct tls_context *context)
{
    struct echo_client echo = {.message = self->message, .on_con_lost = &self->on_con_lost};
    const struct connection_options options = {.tls = context, .server_hostname = self->name};
    void *transport = NULL;
    int failed = loop_create_connection(loop, &self->connected, echo_client_protocol, &echo,
        self->host, self->port, &options);
    if (failed == 0) {
        loop_run_until_complete(loop, &self->connected);
        failed = future_result(&self->connected, &transport);
    }
    if (failed != 0) {
        const struct error *error = future_exception(&self->connected);
        if (failed == -ECANCELED)
            return 0;
        fprintf(stderr, "tls_echo_client: %s\n", error == NULL ? strerror(-failed) : error->text);
        return 1;
    }
    loop_run_until_complete(loop, &self->on_con_lost);
    if (self->verbose)
        describe(transport);
    transport_close(transport);
    transport_release(transport);
    return 0;
}

static struct tls_context *make_context(const struct request *self)
{
    struct error *error;
    struct tls_context *context = tls_client_context(
        &(struct tls_context_options){
            .cert_file = self->cert, .key_file = self->key, .ca_file = self->ca},
        &error);
    if (context == NULL)
        fprintf(stderr, "tls_echo_client: %s\n", error->text);
    error_release(error);
    return context;
}

static int run(struct loop *loop, struct request *self, struct tls_context *context)
{
    if (loop == NULL) {
        perror("tls_echo_client");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    future_init(&self->connected, loop);
    future_init(&self->on_con_lost, loop);
    loop_add_signal_handler(loop, SIGINT, interrupt, self);
    int status = connect_and_wait(loop, self, context);
    future_destroy(&self->connected);
    future_destroy(&self->on_con_lost);
    return status;
}

int main(int argc, char **argv)
{
    struct request self = {.message = "Hello World!", .host = "127.0.0.1", .port = 8443};
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &self.host, "the server (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &self.port, "its port (8443)"},
        {"--name", ARGUMENT_TEXT, &self.name, "whom its certificate must name (the host)"},
        {"--ca", ARGUMENT_TEXT, &self.ca, "trust these, PEM (those of the system)"},
        {"--cert", ARGUMENT_TEXT, &self.cert, "our own certificate, PEM (none)"},
        {"--key", ARGUMENT_TEXT, &self.key, "its private key, PEM"},
        {"--verbose", ARGUMENT_FLAG, &self.verbose, "tell what was agreed"},
        {"MESSAGE", ARGUMENT_OPERAND, &self.message, "what to say (Hello World!)"},
    };
    int status = arguments_parse(
        argc, argv, "Says something over TLS and prints the echo.", arguments, 8);
    if (status >= 0)
        return status;
    struct tls_context *context = make_context(&self);
    if (context == NULL)
        return 2;
    struct loop *loop = loop_create(NULL);
    status = run(loop, &self, context);
    loop_free(loop);
    tls_context_release(context);
    return status;
}
