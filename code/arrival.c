/* arrival.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "arrival.h"
#include "loop_private.h"
#include "transport_private.h"
#include <stdlib.h>

static void arrival_free(struct arrival *self)
{
    handle_cancel(&self->waiter);
    loop_remove_closer(&self->closer);
    transport_release(self->transport);
    free(self);
}

static void arrived(void *context)
{
    struct arrival *self = context;
    struct transport *transport = self->transport;
    struct future *done = self->done;
    self->transport = NULL;
    arrival_free(self);
    future_set_result(done, transport);
}

static void nobody_waits(struct future *done, void *context)
{
    struct arrival *self = context;
    (void)done;
    transport_close(self->transport);
    arrival_free(self);
}

static void loop_is_closing(void *context)
{
    struct arrival *self = context;
    future_on_give_up(self->done, NULL, NULL);
    arrival_free(self);
}

struct arrival *arrival_create(struct loop *loop, struct future *done)
{
    struct arrival *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->done = done;
    handle_init(&self->waiter, arrived, self);
    handle_init(&self->closer, loop_is_closing, self);
    loop_add_closer(loop, &self->closer);
    return self;
}

void arrival_await(struct arrival *self, struct transport *transport)
{
    self->transport = transport_retain(transport);
    future_on_give_up(self->done, nobody_waits, self);
}

void arrival_fail(struct arrival *self, struct error *error)
{
    struct future *done = self->done;
    arrival_free(self);
    future_fail(done, error);
}

struct protocol *arrival_ask(struct arrival *self, protocol_factory *factory, void *context)
{
    struct protocol *protocol = factory(context);
    if (future_done(self->done)) {
        if (protocol != NULL)
            protocol_release(protocol);
        arrival_free(self);
        return NULL;
    }
    if (protocol == NULL)
        arrival_fail(self, error_new(&error_application, 0, "protocol factory failed"));
    return protocol;
}
