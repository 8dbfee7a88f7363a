/* count_server.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
/* Counts the lines and words that a client sends, and answers when it sends no more. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "serve.h"
#include "transport.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct counter {
    struct protocol protocol;
    struct transport *transport;
    long lines, words;
    bool inside; /* a word, which may go on in the next delivery */
};

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct counter *self = (struct counter *)protocol;
    const unsigned char *text = data;
    for (size_t i = 0; i < size; i++) {
        bool blank = isspace(text[i]) != 0;
        self->lines += text[i] == '\n';
        self->words += !blank && !self->inside;
        self->inside = !blank;
    }
}

static bool eof_received(struct protocol *protocol)
{
    struct counter *self = (struct counter *)protocol;
    char answer[64];
    int size = snprintf(answer, sizeof answer, "%ld lines, %ld words\n", self->lines, self->words);
    transport_write(self->transport, answer, (size_t)size);
    return false;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct counter *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .eof_received = eof_received,
    .released = released,
};

static struct protocol *make_counter(void *context)
{
    struct counter *self = calloc(1, sizeof *self);
    (void)context;
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    return &self->protocol;
}

int main(int argc, char **argv)
{
    int port = 8888;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "the port to listen on; 0: any (8888)"},
    };
    int status = arguments_parse(argc, argv, "Counts lines and words.", arguments, 1);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    status = serve("count_server", loop, make_counter, NULL, "127.0.0.1", port, NULL);
    loop_free(loop);
    return status;
}
