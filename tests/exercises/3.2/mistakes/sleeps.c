#include "patient.h"
#include "loop.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct patient_connection {
    struct protocol protocol;
    const struct patient *shared;
    struct transport *transport;
    size_t count; /* bytes that have come */
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

static void sleep_for(double seconds)
{
    const struct timespec time = {
        .tv_sec = (time_t)seconds,
        .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
    };
    nanosleep(&time, NULL);
}

static bool eof_received(struct protocol *protocol)
{
    struct patient_connection *self = patient_of(protocol);
    double left = self->shared->delay;
    char answer[40];
    for (; left > self->shared->beat; left -= self->shared->beat) {
        sleep_for(self->shared->beat);
        transport_write(self->transport, ".", 1);
    }
    sleep_for(left);
    int size = snprintf(answer, sizeof answer, "%zu bytes\n", self->count);
    transport_write(self->transport, answer, (size_t)size);
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
