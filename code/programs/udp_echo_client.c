/* udp_echo_client.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Says something over UDP, again if need be, and prints the echo. */
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

struct client {
    struct protocol protocol;
    struct transport *transport; /* NULL before it is made */
    struct future opened, ended;
    struct timer_handle again;
    const char *message;
    double wait; /* seconds until the next try */
    long tries, sent;
    bool answered;
};

static void ask(struct client *self)
{
    self->sent++;
    loop_call_later(transport_get_loop(self->transport), self->wait, &self->again);
    transport_sendto(self->transport, self->message, strlen(self->message), NULL);
}

static void no_answer(void *context)
{
    struct client *self = context;
    if (self->sent >= self->tries) {
        printf("No answer after %ld %s.\n", self->sent, self->sent == 1 ? "try" : "tries");
        transport_close(self->transport);
        return;
    }
    printf("No answer for %.2f s: sending again.\n", self->wait);
    if (self->wait < 4)
        self->wait *= 2;
    ask(self);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct client *self = (struct client *)protocol;
    self->transport = transport;
    timer_handle_init(&self->again, no_answer, self);
    printf("Send: ");
    text_print(stdout, self->message, strlen(self->message));
    printf("\n");
    ask(self);
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    struct client *self = (struct client *)protocol;
    (void)from;
    if (size != strlen(self->message) || memcmp(data, self->message, size) != 0) {
        printf("Received %zu bytes that are no echo.\n", size);
        return;
    }
    printf("Received: ");
    text_print(stdout, data, size);
    printf("\n");
    self->answered = true;
    transport_close(self->transport);
}

static void error_received(struct protocol *protocol, const struct error *exc)
{
    (void)protocol;
    printf("Error received: %s\n", exc->text);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct client *self = (struct client *)protocol;
    (void)exc;
    timer_handle_cancel(&self->again);
    self->transport = NULL;
    future_set_result(&self->ended, NULL);
}

static const struct protocol_callbacks client_callbacks = {
    .connection_made = connection_made,
    .datagram_received = datagram_received,
    .error_received = error_received,
    .connection_lost = connection_lost,
};

static struct protocol *the_protocol(void *context)
{
    struct client *self = context;
    self->protocol.callbacks = &client_callbacks;
    return &self->protocol;
}

static void interrupt(void *context)
{
    struct client *self = context;
    future_cancel(&self->opened);
    if (self->transport != NULL)
        transport_close(self->transport);
}

static int open_and_wait(struct loop *loop, struct client *self, const char *host, int port)
{
    const struct datagram_options options = {.remote_host = host, .remote_port = port};
    void *transport = NULL;
    int failed = loop_create_datagram_endpoint(
        loop, &self->opened, the_protocol, self, &options);
    if (failed == 0)
        failed = loop_run_until_complete(loop, &self->opened);
    if (failed == 0)
        failed = future_result(&self->opened, &transport);
    if (failed == 0)
        loop_run_until_complete(loop, &self->ended);
    transport_release(transport);
    return failed;
}

static int run(struct loop *loop, struct client *self, const char *host, int port)
{
    future_init(&self->opened, loop);
    future_init(&self->ended, loop);
    loop_add_signal_handler(loop, SIGINT, interrupt, self);
    int failed = open_and_wait(loop, self, host, port);
    if (failed != 0 && failed != -ECANCELED) {
        const struct error *error = future_exception(&self->opened);
        fprintf(stderr, "udp_echo_client: %s\n", error ? error->text : strerror(-failed));
    }
    future_destroy(&self->opened);
    future_destroy(&self->ended);
    return self->answered ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct client client = {.message = "Hello World!", .wait = 0.2, .tries = 5};
    const char *host = "127.0.0.1";
    int port = 9999;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the server (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "its port (9999)"},
        {"--wait", ARGUMENT_SECONDS, &client.wait, "seconds before the second try (0.2)"},
        {"--tries", ARGUMENT_NUMBER, &client.tries, "how often to send (5)"},
        {"MESSAGE", ARGUMENT_OPERAND, &client.message, "what to say (Hello World!)"},
    };
    int status = arguments_parse(argc, argv, "Says something over UDP and prints the echo.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    if (loop == NULL) {
        perror("udp_echo_client");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    status = run(loop, &client, host, port);
    loop_free(loop);
    return status;
}
