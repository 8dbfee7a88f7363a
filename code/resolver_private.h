/* resolver_private.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef RESOLVER_PRIVATE_H
#define RESOLVER_PRIVATE_H

#include "resolver.h"
#include <stddef.h>

/* Replaced together or not at all. */
struct name_service {
    int (*getaddrinfo)(void *context, const char *host, const char *service,
        const struct addrinfo *hints, struct addrinfo **result);
    void (*freeaddrinfo)(void *context, struct addrinfo *result);
    void *context;
};

/* What a loop remembers of its lookups. */
struct resolver {
    struct name_service names;
    struct lookup *lookups; /* oldest first: those with a thread, and those that wait for one */
    size_t running;
};

/* For loop_close: waits for the threads, and forgets what they bring. */
void resolver_end(struct loop *);

/* Ends a future that was given to loop_getaddrinfo, whatever its state, and a handle that waits. */
void resolver_forget(struct future *lookup, struct handle *found);

#endif
