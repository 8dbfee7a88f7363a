/* resolver.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "error.h"
#include "loop.h"
#include <netdb.h>

struct future;

/* Failures of name resolution; the code is one of getaddrinfo's EAI_*. */
extern const struct error_domain error_resolver;

/* Looks a host and a port up without holding up the loop (loop.getaddrinfo). The result is a list
   of struct addrinfo, NULL when empty, in one block that is the caller's to free(); ai_canonname is
   not kept. A host that is a number, or NULL, is done at once. hints NULL: none.
   0; -EINVAL: port not from 0 to 65535; -EBADF; -ENOMEM. Cancelling done forgets the result. */
int loop_getaddrinfo(struct loop *, struct future *done, const char *host, int port,
    const struct addrinfo *hints);

/* Replaces the functions that look names up from now on; NULL: the C library's. Hosts that are
   numbers never get there. The functions must be safe to call from several threads. */
void loop_set_getaddrinfo(struct loop *,
    int (*getaddrinfo)(void *context, const char *host, const char *service,
        const struct addrinfo *hints, struct addrinfo **result),
    void (*freeaddrinfo)(void *context, struct addrinfo *result), void *context);

#endif
