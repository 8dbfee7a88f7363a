/* whole_echo.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
/* Says a message, again and again, and waits for each whole echo. */
#include "arguments.h"
#include "connection.h"
#include "future.h"
#include "loop.h"
#include "transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conversation {
    const char *message;
    long times;         /* to say it, at least once */
    struct future over; /* done when the connection is lost */
    int status;         /* to exit with */
};

struct whole_echo {
    struct protocol protocol;
    struct transport *transport;
    struct conversation *conversation;
    /* And what has come of which echo. */
};

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct whole_echo *self = (struct whole_echo *)protocol;
    self->transport = transport;
    transport_write(transport, self->conversation->message, strlen(self->conversation->message));
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    /* Yours: is this the whole echo? Is it an echo at all? */
    (void)data;
    (void)size;
    transport_close(((struct whole_echo *)protocol)->transport);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct whole_echo *self = (struct whole_echo *)protocol;
    (void)exc;
    /* Yours: was it too early? */
    future_set_result(&self->conversation->over, NULL);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static struct protocol *whole_echo_protocol(void *conversation)
{
    static const struct protocol_callbacks callbacks = {
        .connection_made = connection_made,
        .data_received = data_received,
        .connection_lost = connection_lost,
        .released = released,
    };
    struct whole_echo *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    self->conversation = conversation;
    return &self->protocol;
}

static int talk(
    struct loop *loop, struct conversation *conversation, const char *host, int port)
{
    struct future connected;
    void *transport = NULL;
    future_init(&connected, loop);
    int failed = loop_create_connection(
        loop, &connected, whole_echo_protocol, conversation, host, port, NULL);
    if (failed == 0)
        failed = loop_run_until_complete(loop, &connected);
    if (failed == 0)
        failed = future_result(&connected, &transport);
    if (failed != 0)
        fprintf(stderr, "whole_echo: %s\n", strerror(-failed));
    else
        loop_run_until_complete(loop, &conversation->over);
    transport_release(transport);
    future_destroy(&connected);
    return failed != 0 ? 1 : conversation->status;
}

int main(int argc, char **argv)
{
    struct conversation conversation = {.message = "Hello World!", .times = 1};
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the server (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "its port (8888)"},
        {"--times", ARGUMENT_NUMBER, &conversation.times, "how often to say it (1)"},
        {"MESSAGE", ARGUMENT_OPERAND, &conversation.message, "what to say (Hello World!)"},
    };
    int status = arguments_parse(argc, argv, "Says something, and waits for the whole echo.",
        arguments, 4);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    if (loop == NULL) {
        perror("whole_echo");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    future_init(&conversation.over, loop);
    status = talk(loop, &conversation, host, port);
    future_destroy(&conversation.over);
    loop_free(loop);
    return status;
}
