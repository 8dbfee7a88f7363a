/* drain_after_loss.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Writes on after the connection is lost, all in one callback. Wrong on purpose: see chapter 5. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1000, CHUNKS = 2000000 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    struct timer_handle opened;
};

static void write_all(void *context)
{
    static const char chunk[CHUNK];
    struct source *source = context;
    struct transport *transport = source->transport;
    int written = 0, lost = 0;
    while (written < CHUNKS && transport_get_write_buffer_size(transport) == 0) {
        lost += transport_is_closing(transport);
        transport_write(transport, chunk, sizeof chunk);
        written++;
    }
    printf("%d chunks written in one callback, %d of them to nobody\n", written, lost);
    transport_release(transport);
    free(source);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct source *source = (struct source *)protocol;
    source->transport = transport_retain(transport);
    timer_handle_init(&source->opened, write_all, source);
    loop_call_later(transport_get_loop(transport), 0.5, &source->opened);
}

static struct protocol *new_opening(void *context)
{
    static const struct protocol_callbacks callbacks = {.connection_made = connection_made};
    struct source *source = calloc(1, sizeof *source);
    (void)context;
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    return &source->protocol;
}

static void say_nothing(void *context, enum log_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Send 2 GB to each client, also to those who have left.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    if (loop != NULL)
        loop_set_log(loop, say_nothing, NULL);
    status = serve("drain_after_loss", loop, new_opening, NULL, host, port, NULL);
    loop_free(loop);
    return status;
}
