/* line_server.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Answers each line. The article's LineBasedProtocol, with a limit and in linear time. */
#include "arguments.h"
#include "error.h"
#include "frame_protocol.h"
#include "loop.h"
#include "serve.h"
#include "text.h"
#include "transport.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct line_server {
    long limit; /* of a line, in bytes */
    bool quiet; /* print nothing */
};

struct line_protocol {
    struct frame_protocol frames;
    const struct line_server *server;
};

static bool talks(struct frame_protocol *frames)
{
    return !((struct line_protocol *)frames)->server->quiet;
}

static void print_line(const char *line, size_t size)
{
    printf("Processing complete message: ");
    text_print(stdout, line, size);
    printf("\n");
}

static void frame_received(struct frame_protocol *frames, const char *line, size_t size)
{
    const struct iovec answer[] = {
        {.iov_base = (char *)"Processed: ", .iov_len = 11},
        {.iov_base = (char *)line, .iov_len = size},
        {.iov_base = (char *)"\n", .iov_len = 1},
    };
    if (talks(frames))
        print_line(line, size);
    transport_writelines(frames->transport, answer, 3);
}

static void frame_refused(struct frame_protocol *frames, const struct error *error)
{
    if (talks(frames))
        printf("Line refused: %s\n", error->text);
    transport_write(frames->transport, "Line too long\n", 14);
}

static void connection_made(struct frame_protocol *frames, struct transport *transport)
{
    (void)transport;
    if (talks(frames))
        printf("Connection established.\n");
}

static void connection_lost(struct frame_protocol *frames, const struct error *exc)
{
    (void)exc;
    if (talks(frames))
        printf("Connection lost.\n");
}

static void released(struct frame_protocol *frames)
{
    free(frames);
}

static const struct frame_callbacks line_callbacks = {
    .connection_made = connection_made,
    .frame_received = frame_received,
    .frame_refused = frame_refused,
    .connection_lost = connection_lost,
    .released = released,
};

static struct protocol *new_line_protocol(void *context)
{
    struct line_protocol *self = malloc(sizeof *self);
    if (self == NULL)
        return NULL;
    self->server = context;
    frame_protocol_init(&self->frames, &line_callbacks);
    framer_init_lines(&self->frames.framer, (size_t)self->server->limit);
    return &self->frames.protocol;
}

int main(int argc, char **argv)
{
    struct line_server server = {.limit = 64 * 1024, .quiet = false};
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--limit", ARGUMENT_NUMBER, &server.limit, "longest line, in bytes (65536)"},
        {"--quiet", ARGUMENT_FLAG, &server.quiet, "print nothing but the address"},
    };
    int status = arguments_parse(argc, argv, "Answers each line with \"Processed: \" and the line.",
        arguments, 4);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("line_server", loop, new_line_protocol, &server, host, port, NULL);
    loop_free(loop);
    return status;
}
