/* block_sink.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Receives blocks of 1 MiB, with a copy or without, and tells what it cost. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK_SIZE = 1024 * 1024 };

struct sink {
    struct protocol protocol;
    size_t filled, blocks, copied;
    char block[BLOCK_SIZE];
};

static void fill(struct sink *sink, size_t size)
{
    sink->filled += size;
    if (sink->filled == BLOCK_SIZE) {
        sink->blocks++;
        sink->filled = 0;
    }
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct sink *sink = (struct sink *)protocol;
    const char *from = data;
    while (size > 0) {
        size_t fits = BLOCK_SIZE - sink->filled;
        size_t part = size < fits ? size : fits;
        memcpy(sink->block + sink->filled, from, part);
        sink->copied += part;
        fill(sink, part);
        from += part;
        size -= part;
    }
}

static void *get_buffer(struct protocol *protocol, ptrdiff_t sizehint, size_t *size)
{
    struct sink *sink = (struct sink *)protocol;
    (void)sizehint;
    *size = BLOCK_SIZE - sink->filled;
    return sink->block + sink->filled;
}

static void buffer_updated(struct protocol *protocol, size_t size)
{
    fill((struct sink *)protocol, size);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    const struct sink *sink = (struct sink *)protocol;
    struct timespec used;
    (void)exc;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    printf("%zu blocks, %zu bytes copied, %.2f s of processor time\n",
        sink->blocks, sink->copied, (double)used.tv_sec + (double)used.tv_nsec * 1e-9);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks copying = {
    .data_received = data_received,
    .connection_lost = connection_lost,
    .released = released,
};

static const struct protocol_callbacks buffered = {
    .get_buffer = get_buffer,
    .buffer_updated = buffer_updated,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_sink(void *context)
{
    const bool *into_the_block = context;
    struct sink *sink = malloc(sizeof *sink);
    if (sink == NULL)
        return NULL;
    sink->protocol.callbacks = *into_the_block ? &buffered : &copying;
    sink->filled = sink->blocks = sink->copied = 0;
    return &sink->protocol;
}

int main(int argc, char **argv)
{
    bool into_the_block = false;
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--buffered", ARGUMENT_FLAG, &into_the_block, "read into the block itself"},
    };
    int status = arguments_parse(argc, argv, "Receives blocks of 1 MiB and throws them away.",
        arguments, 3);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("block_sink", loop, new_sink, &into_the_block, host, port, NULL);
    loop_free(loop);
    return status;
}
