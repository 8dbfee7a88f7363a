/* patient_source.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* A source that is paused with patience, but not without end. */
#include "patient_source.h"
#include "loop.h"
#include "protocol.h"
#include "transport.h"
#include <stdbool.h>
#include <stdlib.h>

enum { PIECE = 1024, TURN = 64 * 1024 };

struct source {
    struct protocol protocol;
    struct transport *transport;
    struct patient_sources *shared;
    size_t left; /* bytes */
    bool paused;
};

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct source *source = (struct source *)protocol;
    source->transport = transport;
    source->left = source->shared->total;
    /* Here it begins to write. */
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .released = released,
};

struct protocol *patient_source(void *sources)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &callbacks;
    source->shared = sources;
    return &source->protocol;
}
