/* self_pause.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Pauses itself when anything is buffered, and waits for a call that never comes.
   Wrong on purpose: see chapter 5. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1000, CHUNKS = 20000 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    bool paused;
    int left; /* chunks */
};

static void pause_writing(struct protocol *protocol)
{
    printf("Pausing writing.\n");
    ((struct source *)protocol)->paused = true;
}

static void write_more(struct source *source)
{
    static const char chunk[CHUNK];
    while (!source->paused) {
        if (source->left-- == 0) {
            transport_close(source->transport);
            return;
        }
        transport_write(source->transport, chunk, sizeof chunk);
        if (transport_get_write_buffer_size(source->transport) > 0)
            pause_writing(&source->protocol);
    }
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
    ((struct source *)protocol)->transport = transport;
    resume_writing(protocol);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .released = released,
};

static struct protocol *new_source(void *context)
{
    struct source *source = calloc(1, sizeof *source);
    (void)context;
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    source->left = CHUNKS;
    return &source->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Send 20 MB to each client, as the article would.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("self_pause", loop, new_source, NULL, host, port, NULL);
    loop_free(loop);
    return status;
}
