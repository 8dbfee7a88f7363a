/* frame_server.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Length-prefixed requests, and messages that nobody asked for. */
#include "arguments.h"
#include "frame_protocol.h"
#include "loop.h"
#include "serve.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct room {
    struct visitor *first;
    unsigned count;
};

struct visitor {
    struct frame_protocol frames;
    struct room *room;
    struct visitor *next, *previous;
};

static struct visitor *visitor_of(struct frame_protocol *frames)
{
    return (struct visitor *)frames;
}

static void send_frame(struct transport *transport, const char *text, size_t size)
{
    unsigned char prefix[4];
    const struct iovec buffers[] = {
        {.iov_base = prefix, .iov_len = sizeof prefix},
        {.iov_base = (char *)text, .iov_len = size},
    };
    if (frame_prefix(prefix, sizeof prefix, BYTE_ORDER_BIG, size) == 0)
        transport_writelines(transport, buffers, 2);
}

static bool begins_with(const char *text, size_t size, const char *word)
{
    return size >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

static void shout(struct visitor *from, const char *text, size_t size)
{
    for (struct visitor *to = from->room->first; to != NULL; to = to->next)
        if (to != from)
            send_frame(to->frames.transport, text, size);
}

static void tell_count(struct visitor *visitor)
{
    char number[32];
    int size = snprintf(number, sizeof number, "%u", visitor->room->count);
    send_frame(visitor->frames.transport, number, (size_t)size);
}

static void frame_received(struct frame_protocol *frames, const char *text, size_t size)
{
    if (begins_with(text, size, "echo "))
        send_frame(frames->transport, text + 5, size - 5);
    else if (begins_with(text, size, "shout "))
        shout(visitor_of(frames), text + 6, size - 6);
    else if (size == 5 && begins_with(text, size, "count"))
        tell_count(visitor_of(frames));
    else
        send_frame(frames->transport, "what?", 5);
}

static void connection_made(struct frame_protocol *frames, struct transport *transport)
{
    struct visitor *visitor = visitor_of(frames);
    struct room *room = visitor->room;
    (void)transport;
    visitor->previous = NULL;
    visitor->next = room->first;
    if (room->first != NULL)
        room->first->previous = visitor;
    room->first = visitor;
    room->count++;
}

static void connection_lost(struct frame_protocol *frames, const struct error *exc)
{
    struct visitor *visitor = visitor_of(frames);
    (void)exc;
    if (visitor->previous != NULL)
        visitor->previous->next = visitor->next;
    else
        visitor->room->first = visitor->next;
    if (visitor->next != NULL)
        visitor->next->previous = visitor->previous;
    visitor->room->count--;
}

static void released(struct frame_protocol *frames)
{
    free(visitor_of(frames));
}

static const struct frame_callbacks visitor_callbacks = {
    .connection_made = connection_made,
    .frame_received = frame_received,
    .connection_lost = connection_lost,
    .released = released,
};

enum { FRAME_LIMIT = 64 * 1024 };

static struct protocol *new_visitor(void *context)
{
    struct visitor *visitor = malloc(sizeof *visitor);
    if (visitor == NULL)
        return NULL;
    visitor->room = context;
    frame_protocol_init(&visitor->frames, &visitor_callbacks);
    framer_init_length_prefix(&visitor->frames.framer, 4, BYTE_ORDER_BIG, FRAME_LIMIT);
    return &visitor->frames.protocol;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Answers length-prefixed requests: echo, count, shout.",
        arguments, 2);
    if (status >= 0)
        return status;
    struct room room = {NULL, 0};
    struct loop *loop = loop_create(NULL);
    status = serve("frame_server", loop, new_visitor, &room, host, port, NULL);
    loop_free(loop);
    return status;
}
