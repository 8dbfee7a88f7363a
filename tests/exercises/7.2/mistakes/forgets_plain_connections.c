/* Every connection has an SSL. */
#include "document.h"
#include "error.h"
#include "tls.h"
#include "transport.h"
#include <errno.h>
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
        struct error *error = error_from_errno(ENOMEM);
        transport_fail(self->transport, error);
        error_release(error);
        return;
    }
    memcpy(more + self->size, data, size);
    self->bytes = more;
    self->size += size;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct document *self = document_of(protocol);
    const SSL *ssl = transport_get_extra_info(self->transport, "ssl_object");
    enum document_end end = DOCUMENT_WHOLE;
    if (exc != NULL)
        end = DOCUMENT_CUT;
    else if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) == 0)
        end = DOCUMENT_CUT;
    self->finished(self, end);
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
