/* frame_server's echo without the cork: each answer is a send of its own. */
#include "arguments.h"
#include "framing.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

struct uncorked {
    struct protocol protocol;
    struct transport *transport;
    struct framer framer;
};

static bool answer(void *context, const char *text, size_t size)
{
    struct uncorked *self = context;
    unsigned char prefix[4];
    if (size < 5 || memcmp(text, "echo ", 5) != 0)
        return false;
    const struct iovec buffers[] = {
        {.iov_base = prefix, .iov_len = sizeof prefix},
        {.iov_base = (char *)text + 5, .iov_len = size - 5},
    };
    if (frame_prefix(prefix, sizeof prefix, BYTE_ORDER_BIG, size - 5) == 0)
        transport_writelines(self->transport, buffers, 2);
    return !transport_is_closing(self->transport);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct uncorked *self = (struct uncorked *)protocol;
    if (framer_feed(&self->framer, data, size, answer, self) != 0)
        transport_close(self->transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct uncorked *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    framer_clear(&((struct uncorked *)protocol)->framer);
    free(protocol);
}

static struct protocol *new_uncorked(void *context)
{
    static const struct protocol_callbacks callbacks = {
        .connection_made = connection_made,
        .data_received = data_received,
        .released = released,
    };
    struct uncorked *self = calloc(1, sizeof *self);
    (void)context;
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    framer_init_length_prefix(&self->framer, 4, BYTE_ORDER_BIG, 64 * 1024);
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
    int status = arguments_parse(argc, argv, "Answers frames, each by a send of its own.", arguments, 2);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("uncorked_frames", loop, new_uncorked, NULL, host, port, NULL);
    loop_free(loop);
    return status;
}
