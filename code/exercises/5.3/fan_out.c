/* fan_out.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* One source, many readers. Four faults are in here. */
#include "fan_out.h"
#include "protocol.h"
#include "transport.h"
#include <stdbool.h>
#include <stdlib.h>

struct reader {
    struct protocol protocol;
    struct fan_out *fan_out;
    struct transport *transport;
    struct reader *next;
};

struct source {
    struct protocol protocol;
    struct fan_out *fan_out;
};

static void reader_made(struct protocol *protocol, struct transport *transport)
{
    struct reader *reader = (struct reader *)protocol;
    reader->transport = transport;
    reader->next = reader->fan_out->readers;
    reader->fan_out->readers = reader;
}

static void reader_lost(struct protocol *protocol, const struct error *exc)
{
    struct reader *reader = (struct reader *)protocol;
    struct reader **place = &reader->fan_out->readers;
    (void)exc;
    while (*place != reader)
        place = &(*place)->next;
    *place = reader->next;
}

static void reader_paused(struct protocol *protocol)
{
    struct reader *reader = (struct reader *)protocol;
    reader->fan_out->paused = 1;
    transport_pause_reading(reader->transport);
}

static void reader_resumed(struct protocol *protocol)
{
    struct reader *reader = (struct reader *)protocol;
    reader->fan_out->paused = 0;
    transport_resume_reading(reader->transport);
}

static void source_made(struct protocol *protocol, struct transport *transport)
{
    ((struct source *)protocol)->fan_out->source = transport;
}

static void source_received(struct protocol *protocol, const void *data, size_t size)
{
    const struct fan_out *fan_out = ((struct source *)protocol)->fan_out;
    for (struct reader *reader = fan_out->readers; reader != NULL; reader = reader->next)
        transport_write(reader->transport, data, size);
}

static void source_lost(struct protocol *protocol, const struct error *exc)
{
    const struct fan_out *fan_out = ((struct source *)protocol)->fan_out;
    (void)exc;
    for (struct reader *reader = fan_out->readers; reader != NULL; reader = reader->next)
        transport_abort(reader->transport);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks reader_callbacks = {
    .connection_made = reader_made,
    .pause_writing = reader_paused,
    .resume_writing = reader_resumed,
    .connection_lost = reader_lost,
    .released = released,
};

static const struct protocol_callbacks source_callbacks = {
    .connection_made = source_made,
    .data_received = source_received,
    .connection_lost = source_lost,
    .released = released,
};

struct protocol *fan_out_source(void *fan_out)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->protocol.callbacks = &source_callbacks;
    source->fan_out = fan_out;
    return &source->protocol;
}

struct protocol *fan_out_reader(void *fan_out)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->protocol.callbacks = &reader_callbacks;
    reader->fan_out = fan_out;
    return &reader->protocol;
}
