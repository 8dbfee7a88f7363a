/* document.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
/* Collects a document and tells whether it is whole. */
#include "document.h"
#include "tls.h"
#include "transport.h"
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static struct document *document_of(struct protocol *protocol)
{
    return (struct document *)protocol;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    document_of(protocol)->transport = transport;
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct document *self = document_of(protocol);
    char *more = realloc(self->bytes, self->size + size);
    if (more == NULL) {
        transport_abort(self->transport);
        return;
    }
    memcpy(more + self->size, data, size);
    self->bytes = more;
    self->size += size;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct document *self = document_of(protocol);
    (void)exc;
    self->finished(self, DOCUMENT_UNKNOWN);
}

static const struct protocol_callbacks document_callbacks = {
    .connection_made = connection_made,
    .data_received = data_received,
    .connection_lost = connection_lost,
};

struct protocol *document_protocol(void *document)
{
    struct document *self = document;
    self->protocol.callbacks = &document_callbacks;
    return &self->protocol;
}
