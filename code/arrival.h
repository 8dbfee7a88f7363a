/* arrival.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef ARRIVAL_H
#define ARRIVAL_H

#include "future.h"
#include "protocol_factory.h"

/* A transport on its way to whoever awaits it. */
struct arrival {
    struct loop *loop;
    struct future *done;
    struct transport *transport;
    struct handle waiter; /* the third step of the transport's beginning */
    struct handle closer;
};

struct arrival *arrival_create(struct loop *, struct future *done); /* NULL: no memory */

/* Asks the factory. NULL: it failed, or it cancelled `done`; all is settled then, the arrival gone. */
struct protocol *arrival_ask(struct arrival *, protocol_factory *, void *context);

/* Either the transport was made, with waiter; or it was not: `done` fails. Takes over the error. */
void arrival_await(struct arrival *, struct transport *);
void arrival_fail(struct arrival *, struct error *);

#endif
