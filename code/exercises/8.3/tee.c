/* tee.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Copies a pipe to two others, as fast as the slower one reads. */
#include "tee.h"
#include "pipe_transport.h"
#include "transport.h"
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static struct tee_end *end_of(struct protocol *protocol)
{
    return (struct tee_end *)protocol;
}

static void tee_end_lost(struct protocol *protocol, const struct error *exc)
{
    struct tee_end *self = end_of(protocol);
    struct tee *tee = self->tee;
    struct tee_end *readers = tee->readers;
    (void)exc;
    self->transport = NULL;
    for (int i = 0; i < 2 && self == &tee->source; i++)
        if (readers[i].transport != NULL)
            transport_close(readers[i].transport);
    if (tee->source.transport == NULL && readers[0].transport == NULL
        && readers[1].transport == NULL && tee->ended != NULL)
        tee->ended(tee);
}

static void source_brought(struct protocol *protocol, const void *data, size_t size)
{
    struct tee_end *reader = &end_of(protocol)->tee->readers[0];
    if (reader->transport != NULL)
        transport_write(reader->transport, data, size);
}

static const struct protocol_callbacks source_callbacks = {
    .data_received = source_brought,
    .connection_lost = tee_end_lost,
};

static const struct protocol_callbacks reader_callbacks = {
    .connection_lost = tee_end_lost,
};

static int begin_end(struct tee *tee, struct tee_end *end, struct loop *loop, int fd)
{
    bool reads = end == &tee->source;
    end->protocol.callbacks = reads ? &source_callbacks : &reader_callbacks;
    end->tee = tee;
    end->transport = pipe_transport_create(
        loop, fd, reads ? PIPE_READ : PIPE_WRITE, &end->protocol, NULL);
    return end->transport != NULL ? 0 : -errno;
}

int tee_start(struct tee *self, struct loop *loop, int from, const int to[2])
{
    struct tee_end *ends[] = {&self->readers[0], &self->readers[1], &self->source};
    const int fds[] = {to[0], to[1], from};
    int failed = 0;
    for (int i = 0; i < 3; i++) {
        if (failed == 0)
            failed = begin_end(self, ends[i], loop, fds[i]);
        if (ends[i]->transport == NULL)
            close(fds[i]);
    }
    if (failed)
        self->ended = NULL;
    for (int i = 0; failed && i < 3; i++)
        if (ends[i]->transport != NULL)
            transport_abort(ends[i]->transport);
    return failed;
}
