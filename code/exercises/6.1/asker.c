/* asker.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Asks questions over UDP, once. */
#include "asker.h"
#include "protocol.h"
#include "transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asker_protocol {
    struct protocol protocol;
    struct asker *asker;
};

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct asker_protocol *)protocol)->asker->transport = transport;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    ((struct asker_protocol *)protocol)->asker->transport = NULL;
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

struct protocol *asker_protocol(void *asker)
{
    struct asker_protocol *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    self->asker = asker;
    return &self->protocol;
}

int asker_ask(struct asker *asker, struct question *question)
{
    if (asker->transport == NULL)
        return -ENOTCONN;
    transport_sendto(asker->transport, question->text, strlen(question->text), NULL);
    return 0;
}
