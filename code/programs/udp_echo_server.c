/* udp_echo_server.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Sends every datagram back to where it came from. */
#include "address.h"
#include "arguments.h"
#include "datagram.h"
#include "error.h"
#include "loop.h"
#include "protocol.h"
#include "text.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct echo {
    struct protocol protocol;
    struct transport *transport;
    struct future ended; /* connection_lost has come */
    bool quiet;
    long drop, received;
};

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct echo *)protocol)->transport = transport;
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    struct echo *self = (struct echo *)protocol;
    bool lose = self->drop > 0 && ++self->received % self->drop == 0;
    if (!self->quiet) {
        char name[ADDRESS_TEXT_ROOM];
        address_format(from, name, sizeof name);
        printf("Received '");
        text_print(stdout, data, size);
        printf("' from %s%s\n", name, lose ? ", and lost it" : "");
    }
    if (!lose)
        transport_sendto(self->transport, data, size, from);
}

static void error_received(struct protocol *protocol, const struct error *exc)
{
    (void)protocol;
    fprintf(stderr, "udp_echo_server: %s\n", exc->text);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    future_set_result(&((struct echo *)protocol)->ended, NULL);
}

static const struct protocol_callbacks echo_callbacks = {
    .connection_made = connection_made,
    .datagram_received = datagram_received,
    .error_received = error_received,
    .connection_lost = connection_lost,
};

static struct protocol *the_protocol(void *context)
{
    struct echo *self = context;
    self->protocol.callbacks = &echo_callbacks;
    return &self->protocol;
}

static void interrupt(void *transport)
{
    transport_close(transport);
}

static int complain(int failed, struct future *opened)
{
    const struct error *error = future_exception(opened);
    fprintf(stderr, "udp_echo_server: %s\n", error != NULL ? error->text : strerror(-failed));
    return 1;
}

static void serve_until_interrupted(
    struct loop *loop, struct echo *self, struct transport *transport)
{
    const struct address *sockname = transport_get_extra_info(transport, "sockname");
    char name[ADDRESS_TEXT_ROOM];
    future_init(&self->ended, loop);
    loop_add_signal_handler(loop, SIGINT, interrupt, transport);
    address_format(sockname, name, sizeof name);
    printf("Serving on %s\n", name);
    loop_run_until_complete(loop, &self->ended);
    loop_remove_signal_handler(loop, SIGINT);
    future_destroy(&self->ended);
}

static int serve(struct loop *loop, struct echo *self, const char *host, int port)
{
    const struct datagram_options options = {.local_host = host, .local_port = port};
    struct future opened;
    void *transport = NULL;
    int status = 0;
    future_init(&opened, loop);
    int failed = loop_create_datagram_endpoint(loop, &opened, the_protocol, self, &options);
    if (failed == 0)
        failed = loop_run_until_complete(loop, &opened);
    if (failed == 0)
        failed = future_result(&opened, &transport);
    if (failed == 0)
        serve_until_interrupted(loop, self, transport);
    else
        status = complain(failed, &opened);
    transport_release(transport);
    future_destroy(&opened);
    return status;
}

int main(int argc, char **argv)
{
    struct echo server = {.drop = 0};
    const char *host = "127.0.0.1";
    int port = 9999;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "where to receive; '': everywhere (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port; 0: any (9999)"},
        {"--drop", ARGUMENT_NUMBER, &server.drop, "lose one in so many datagrams; 0: none (0)"},
        {"--quiet", ARGUMENT_FLAG, &server.quiet, "print nothing but the address"},
    };
    int status = arguments_parse(argc, argv, "Sends every datagram back.", arguments, 4);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    if (loop == NULL) {
        perror("udp_echo_server");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    status = serve(loop, &server, host, port);
    loop_free(loop);
    return status;
}
