/* One source, many readers, at the speed of the slowest. */
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
    bool paused; /* and counted */
};

struct source {
    struct protocol protocol;
    struct fan_out *fan_out;
};

static void reader_paused(struct protocol *protocol)
{
    struct reader *reader = (struct reader *)protocol;
    struct fan_out *fan_out = reader->fan_out;
    reader->paused = true;
    if (fan_out->paused++ == 0 && fan_out->source != NULL)
        transport_pause_reading(fan_out->source);
}

static void reader_resumed(struct protocol *protocol)
{
    struct reader *reader = (struct reader *)protocol;
    struct fan_out *fan_out = reader->fan_out;
    reader->paused = false;
    if (--fan_out->paused == 0 && fan_out->source != NULL)
        transport_resume_reading(fan_out->source);
}

static void reader_made(struct protocol *protocol, struct transport *transport)
{
    struct reader *reader = (struct reader *)protocol;
    reader->transport = transport;
    reader->next = reader->fan_out->readers;
    reader->fan_out->readers = reader;
}

static bool reader_ended(struct protocol *protocol)
{
    (void)protocol;
    return true;
}

static void reader_lost(struct protocol *protocol, const struct error *exc)
{
    struct reader *reader = (struct reader *)protocol;
    struct reader **place = &reader->fan_out->readers;
    (void)exc;
    while (*place != reader)
        place = &(*place)->next;
    *place = reader->next;
    if (reader->paused)
        reader_resumed(protocol);
}

static void source_made(struct protocol *protocol, struct transport *transport)
{
    struct fan_out *fan_out = ((struct source *)protocol)->fan_out;
    fan_out->source = transport;
    if (fan_out->paused > 0)
        transport_pause_reading(transport);
}

static void source_received(struct protocol *protocol, const void *data, size_t size)
{
    const struct fan_out *fan_out = ((struct source *)protocol)->fan_out;
    for (struct reader *reader = fan_out->readers; reader != NULL; reader = reader->next)
        transport_write(reader->transport, data, size);
}

static void source_lost(struct protocol *protocol, const struct error *exc)
{
    struct fan_out *fan_out = ((struct source *)protocol)->fan_out;
    (void)exc;
    fan_out->source = NULL;
    for (struct reader *reader = fan_out->readers; reader != NULL; reader = reader->next)
        transport_abort(reader->transport);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks reader_callbacks = {
    .connection_made = reader_made,
    .eof_received = reader_ended,
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
