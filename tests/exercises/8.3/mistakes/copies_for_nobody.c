/* Reads on when both readers have gone. */
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

static void set_pace(struct tee *tee)
{
    struct transport *source = tee->source.transport;
    if (source == NULL)
        return;
    if (tee->readers[0].full || tee->readers[1].full)
        transport_pause_reading(source);
    else
        transport_resume_reading(source);
}

static void reader_is_full(struct protocol *protocol)
{
    end_of(protocol)->full = true;
    set_pace(end_of(protocol)->tee);
}

static void reader_has_room(struct protocol *protocol)
{
    end_of(protocol)->full = false;
    set_pace(end_of(protocol)->tee);
}

static void tee_end_lost(struct protocol *protocol, const struct error *exc)
{
    struct tee_end *self = end_of(protocol);
    struct tee *tee = self->tee;
    bool readers = false;
    (void)exc;
    self->transport = NULL;
    self->full = false;
    for (int i = 0; i < 2; i++) {
        struct transport *reader = tee->readers[i].transport;
        readers = readers || reader != NULL;
        if (self == &tee->source && reader != NULL)
            transport_close(reader);
    }
    set_pace(tee);
    if (tee->source.transport == NULL && !readers && tee->ended != NULL)
        tee->ended(tee);
}

static void source_brought(struct protocol *protocol, const void *data, size_t size)
{
    struct tee *tee = end_of(protocol)->tee;
    for (int i = 0; i < 2; i++)
        if (tee->readers[i].transport != NULL)
            transport_write(tee->readers[i].transport, data, size);
}

static const struct protocol_callbacks source_callbacks = {
    .data_received = source_brought,
    .connection_lost = tee_end_lost,
};

static const struct protocol_callbacks reader_callbacks = {
    .pause_writing = reader_is_full,
    .resume_writing = reader_has_room,
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

static void stop_all(struct tee *self, struct tee_end *ends[3])
{
    self->ended = NULL;
    for (int i = 0; i < 3; i++)
        if (ends[i]->transport != NULL)
            transport_abort(ends[i]->transport);
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
        stop_all(self, ends);
    return failed;
}
