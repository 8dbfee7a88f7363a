/* starved_timer.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Writes to a fast reader without giving the loop back, unless told to. Wrong on purpose: see chapter 5. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1000, CHUNKS = 1000 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    struct timer_handle timer;
    struct handle next_turn;
    long turn, left; /* chunks */
    int ticks;
};

static void tick(void *context)
{
    struct source *source = context;
    source->ticks++;
    loop_call_later(transport_get_loop(source->transport), 0.010, &source->timer);
}

static void work_on(struct source *source)
{
    struct loop *loop = transport_get_loop(source->transport);
    double end = loop_time(loop) + 0.001;
    while (loop_time(loop) < end)
        continue;
}

static void write_more(void *context)
{
    static const char chunk[CHUNK];
    struct source *source = context;
    struct transport *transport = source->transport;
    for (long i = 0; i < source->turn && source->left > 0; i++) {
        if (transport_get_write_buffer_size(transport) > 0)
            return;
        work_on(source);
        transport_write(transport, chunk, sizeof chunk);
        source->left--;
    }
    if (source->left > 0) {
        loop_call_soon(transport_get_loop(transport), &source->next_turn);
        return;
    }
    printf("%d chunks written, and meanwhile %d ticks of the timer\n", CHUNKS, source->ticks);
    transport_close(transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct source *source = (struct source *)protocol;
    source->transport = transport;
    timer_handle_init(&source->timer, tick, source);
    handle_init(&source->next_turn, write_more, source);
    loop_call_later(transport_get_loop(transport), 0.010, &source->timer);
    write_more(source);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct source *source = (struct source *)protocol;
    (void)exc;
    timer_handle_cancel(&source->timer);
    handle_cancel(&source->next_turn);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_slow_source(void *context)
{
    const long *turn = context;
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    source->turn = *turn > 0 ? *turn : CHUNKS;
    source->left = CHUNKS;
    return &source->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    long turn = 0;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--turn", ARGUMENT_NUMBER, &turn, "chunks to write in one go (0: all)"},
    };
    int status = arguments_parse(argc, argv, "Send 1,000 chunks to each client, and count a timer's ticks.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("starved_timer", loop, new_slow_source, &turn, host, port, NULL);
    loop_free(loop);
    return status;
}
