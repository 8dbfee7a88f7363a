/* one_send_a_reply.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Answers each line by a send of its own. Right, and slow: chapter 4 tells how. */
#include "arguments.h"
#include "framing.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdlib.h>

struct line_protocol {
    struct protocol protocol;
    struct transport *transport;
    struct framer framer;
};

static bool answer_at_once(void *context, const char *line, size_t size)
{
    struct line_protocol *self = context;
    const struct iovec answer[] = {
        {.iov_base = (char *)"Processed: ", .iov_len = 11},
        {.iov_base = (char *)line, .iov_len = size},
        {.iov_base = (char *)"\n", .iov_len = 1},
    };
    transport_writelines(self->transport, answer, 3);
    return !transport_is_closing(self->transport);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct line_protocol *self = (struct line_protocol *)protocol;
    if (framer_feed(&self->framer, data, size, answer_at_once, self) != 0)
        transport_close(self->transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct line_protocol *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    framer_clear(&((struct line_protocol *)protocol)->framer);
    free(protocol);
}

static struct protocol *new_protocol(void *context)
{
    static const struct protocol_callbacks callbacks = {
        .connection_made = connection_made,
        .data_received = data_received,
        .released = released,
    };
    struct line_protocol *self = calloc(1, sizeof *self);
    (void)context;
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    framer_init_lines(&self->framer, 64 * 1024);
    return &self->protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Answers each line by a send of its own.", arguments, 2);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("one_send_a_reply", loop, new_protocol, NULL, host, port, NULL);
    loop_free(loop);
    return status;
}
