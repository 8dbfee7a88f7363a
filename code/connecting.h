/* connecting.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef CONNECTING_H
#define CONNECTING_H

#include "error.h"
#include "loop.h"
#include <netdb.h>
#include <stddef.h>

/* A race for one connected socket among several addresses; private to the library, embedded in
   whoever wants to be connected. Zeroed memory is one that has not begun. */
struct connecting {
    struct loop *loop;
    double delay; /* seconds before the next address is tried beside the latest; 0: never */
    int interleave; /* how many of the first family before the families take turns; 0: they do not */
    const struct addrinfo *local; /* bind to one of these; NULL: to none. Borrowed until the end */
    void (*connected)(void *context, int fd);              /* the descriptor is its from now on */
    void (*failed)(void *context, struct error *error); /* and so is this reference */
    void *context;
    /* Private: */
    struct attempt *attempts;
    size_t count, begun, waiting;
    struct timer_handle next_turn;
};

/* Takes the addresses down, in the order in which they will be tried: 0 or -ENOMEM. */
int connecting_prepare(struct connecting *, const struct addrinfo *remote);

/* Ends with one call of connected or failed, perhaps inside this one. */
void connecting_start(struct connecting *);

/* Ends it early, or tidies up after it; always safe. */
void connecting_stop(struct connecting *);

#endif
