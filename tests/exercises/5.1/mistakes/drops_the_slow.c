/* An echo that reads no more than its client does. */
#include "polite_echo.h"
#include "protocol.h"
#include "transport.h"
#include <stdlib.h>

struct echo {
    struct protocol protocol;
    struct transport *transport;
};

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct echo *)protocol)->transport = transport;
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    transport_write(((struct echo *)protocol)->transport, data, size);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static void pause_writing(struct protocol *protocol)
{
    transport_close(((struct echo *)protocol)->transport);
}

static void resume_writing(struct protocol *protocol)
{
    transport_resume_reading(((struct echo *)protocol)->transport);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .released = released,
};

struct protocol *polite_echo(void *context)
{
    struct echo *echo = calloc(1, sizeof *echo);
    (void)context;
    if (echo == NULL)
        return NULL;
    echo->protocol.callbacks = &callbacks;
    return &echo->protocol;
}
