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
    struct timer_handle sign, answer;
};

static struct patient_connection *patient_of(struct protocol *protocol)
{
    return (struct patient_connection *)protocol;
}

static void give_a_sign(void *context)
{
    struct patient_connection *self = context;
    transport_write(self->transport, ".", 1);
    loop_call_at(transport_get_loop(self->transport),
        timer_handle_when(&self->sign) + self->shared->beat, &self->sign);
}

static void give_the_answer(void *context)
{
    struct patient_connection *self = context;
    char answer[40];
    int size = snprintf(answer, sizeof answer, "%zu bytes\n", self->count);
    timer_handle_cancel(&self->sign);
    transport_write(self->transport, answer, (size_t)size);
    transport_close(self->transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct patient_connection *self = patient_of(protocol);
    self->transport = transport;
    timer_handle_init(&self->sign, give_a_sign, self);
    timer_handle_init(&self->answer, give_the_answer, self);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    (void)data;
    patient_of(protocol)->count += size;
}

static bool eof_received(struct protocol *protocol)
{
    struct patient_connection *self = patient_of(protocol);
    struct loop *loop = transport_get_loop(self->transport);
    loop_call_later(loop, self->shared->beat, &self->sign);
    loop_call_later(loop, self->shared->delay, &self->answer);
    return true;
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
