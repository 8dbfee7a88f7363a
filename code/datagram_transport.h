/* datagram_transport.h - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#ifndef DATAGRAM_TRANSPORT_H
#define DATAGRAM_TRANSPORT_H

#include "address.h"
#include "transport.h"

struct handle;

/* A transport over a datagram socket, which becomes non-blocking and is the transport's own from
   success on. remote: where datagrams go, also if the socket is not connected; NULL: to its peer, if
   it has one. Queued for the next pass: connection_made; reading begins; waiter, if not NULL. NULL and
   errno: EBADF (also when the loop is closed), ENOTSOCK, ENOMEM. */
struct transport *datagram_transport_create(struct loop *, int fd, struct protocol *,
    const struct address *remote, struct handle *waiter);

#endif
