/* unbounded.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Writes without asking whether anybody reads. Wrong on purpose: chapter 5 tells how. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { PIECE = 64 * 1024, MIB = 1024 * 1024 };

struct writer {
    struct protocol protocol;
    struct transport *transport;
    struct handle next_piece;
    size_t left, written; /* bytes */
};

static long memory_in_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static void write_piece(void *context)
{
    static const char piece[PIECE];
    struct writer *writer = context;
    size_t size = writer->left < PIECE ? writer->left : PIECE;
    transport_write(writer->transport, piece, size);
    writer->written += size;
    writer->left -= size;
    if (writer->written % (8 * MIB) == 0)
        printf("%3zu MiB written, %3ld MiB of memory\n", writer->written / MIB, memory_in_mib());
    if (writer->left == 0 && memory_in_mib() > (long)(writer->written / MIB) / 4 * 3)
        printf("More than three quarters of it are in memory.\n");
    if (writer->left > 0)
        loop_call_soon(transport_get_loop(writer->transport), &writer->next_piece);
    else
        transport_close(writer->transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct writer *writer = (struct writer *)protocol;
    writer->transport = transport;
    handle_init(&writer->next_piece, write_piece, writer);
    loop_call_soon(transport_get_loop(transport), &writer->next_piece);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    handle_cancel(&((struct writer *)protocol)->next_piece);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks writer_callbacks = {
    .connection_made = connection_made,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_writer(void *context)
{
    const long *total = context;
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->protocol.callbacks = &writer_callbacks;
    writer->left = (size_t)*total * MIB;
    return &writer->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    long total = 64;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--total", ARGUMENT_NUMBER, &total, "MiB to write to each client (64)"},
    };
    int status = arguments_parse(argc, argv, "Write to each client as fast as the loop turns.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("unbounded", loop, new_writer, &total, host, port, NULL);
    loop_free(loop);
    return status;
}
