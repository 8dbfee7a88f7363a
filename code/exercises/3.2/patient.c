/* patient.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "patient.h"
#include "loop.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>

struct patient_connection {
    struct protocol protocol;
    const struct patient *shared;
    struct transport *transport;
    size_t count; /* bytes that have come */
    /* And what has to happen later. */
};

static struct patient_connection *patient_of(struct protocol *protocol)
{
    return (struct patient_connection *)protocol;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    patient_of(protocol)->transport = transport;
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    (void)data;
    patient_of(protocol)->count += size;
}

static bool eof_received(struct protocol *protocol)
{
    /* Yours: what has to happen now, what later, and who closes. */
    (void)protocol;
    return false;
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

struct protocol *patient_protocol(void *patient)
{
    static const struct protocol_callbacks callbacks = {
        .connection_made = connection_made,
        .data_received = data_received,
        .eof_received = eof_received,
        .released = released,
    };
    struct patient_connection *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    self->shared = patient;
    return &self->protocol;
}
