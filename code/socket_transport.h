/* socket_transport.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef SOCKET_TRANSPORT_H
#define SOCKET_TRANSPORT_H

#include "transport.h"

struct handle;

/* A transport over a connected stream socket, TCP or unix. The descriptor becomes non-blocking, and
   a TCP socket sends small writes without delay (TCP_NODELAY). Queued for the next pass, in order:
   connection_made; reading begins; waiter, if not NULL (the caller's node, which it may cancel).
   Returns the transport, whose one reference is the loop's, or NULL and sets errno: EBADF (also
   when the loop is closed), ENOTSOCK, ENOMEM. From success on, descriptor and protocol are the
   transport's; after a failure they are still the caller's. */
struct transport *socket_transport_create(
    struct loop *, int fd, struct protocol *, struct handle *waiter);

#endif
