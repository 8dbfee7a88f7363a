/* echo_client.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
/* The article's echo client. */
#include "arguments.h"
#include "connection.h"
#include "echo.h"
#include "future.h"
#include "loop.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct client {
    struct future connected, on_con_lost;
};

static void interrupt(void *context)
{
    struct client *self = context;
    future_cancel(&self->connected);
    future_cancel(&self->on_con_lost);
}

static int explain(int failed, const struct error *error)
{
    if (failed == -ECANCELED)
        return 0;
    if (failed == -ECONNREFUSED)
        printf("Connection refused. Is the server running?\n");
    else
        fprintf(stderr, "echo_client: %s\n", error == NULL ? strerror(-failed) : error->text);
    return 1;
}

static int run(
    struct loop *loop, struct client *client, const char *message, const char *host, int port)
{
    struct echo_client echo = {.message = message, .on_con_lost = &client->on_con_lost};
    void *transport = NULL;
    int failed = loop_create_connection(
        loop, &client->connected, echo_client_protocol, &echo, host, port, NULL);
    if (failed != 0)
        return explain(failed, NULL);
    loop_run_until_complete(loop, &client->connected);
    failed = future_result(&client->connected, &transport);
    if (failed != 0)
        return explain(failed, future_exception(&client->connected));
    loop_run_until_complete(loop, &client->on_con_lost);
    transport_close(transport);
    transport_release(transport);
    return 0;
}

int main(int argc, char **argv)
{
    const char *message = "Hello World!", *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the server (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "its port (8888)"},
        {"MESSAGE", ARGUMENT_OPERAND, &message, "what to say (Hello World!)"},
    };
    int status = arguments_parse(argc, argv, "Says something and prints the echo.", arguments, 3);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    if (loop == NULL) {
        perror("echo_client");
        return 1;
    }
    struct client client;
    setvbuf(stdout, NULL, _IOLBF, 0);
    future_init(&client.connected, loop);
    future_init(&client.on_con_lost, loop);
    loop_add_signal_handler(loop, SIGINT, interrupt, &client);
    status = run(loop, &client, message, host, port);
    future_destroy(&client.connected);
    future_destroy(&client.on_con_lost);
    loop_free(loop);
    return status;
}
