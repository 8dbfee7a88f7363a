/* flow_server.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Sends much to each client, as fast as that client reads. The article's FlowControlledProtocol, mended. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1000, TURN = 64 * 1024 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    struct handle next_turn;
    bool paused;
    long left; /* chunks */
};

static void write_more(void *context)
{
    static const char chunk[CHUNK];
    struct source *source = context;
    struct transport *transport = source->transport;
    for (int turn = 0; turn < TURN && source->left > 0 && !source->paused; turn += CHUNK) {
        if (transport_is_closing(transport))
            return;
        source->left--;
        transport_write(transport, chunk, sizeof chunk);
    }
    if (source->left == 0)
        transport_close(transport);
    else if (!source->paused)
        loop_call_soon(transport_get_loop(transport), &source->next_turn);
}

static void pause_writing(struct protocol *protocol)
{
    printf("Pausing writing.\n");
    ((struct source *)protocol)->paused = true;
}

static void resume_writing(struct protocol *protocol)
{
    struct source *source = (struct source *)protocol;
    printf("Resuming writing.\n");
    source->paused = false;
    write_more(source);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct source *source = (struct source *)protocol;
    source->transport = transport;
    handle_init(&source->next_turn, write_more, source);
    resume_writing(protocol);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    handle_cancel(&((struct source *)protocol)->next_turn);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_source(void *context)
{
    const long *chunks = context;
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    source->left = *chunks;
    return &source->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    long chunks = 20000;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--chunks", ARGUMENT_NUMBER, &chunks, "chunks of 1,000 bytes for each client (20000)"},
    };
    int status = arguments_parse(argc, argv, "Send chunks to each client, as fast as it reads.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("flow_server", loop, new_source, &chunks, host, port, NULL);
    loop_free(loop);
    return status;
}
