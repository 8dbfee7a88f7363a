/* datagram.h - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include "future.h"
#include "loop.h"
#include "protocol_factory.h"
#include <stdbool.h>

/* What kind of endpoint. None of it is needed once the call has returned. */
struct datagram_options {
    const char *local_host; /* where to be; "": at every address of this machine */
    int local_port;         /* 0: any */
    const char *remote_host; /* who is spoken to; NULL with a port: this machine */
    int remote_port;
    const char *local_path, *remote_path; /* Unix sockets, in place of hosts and ports */
    bool abstract;  /* the paths are names in Linux's abstract namespace */
    int family;     /* AF_INET, AF_INET6, AF_UNIX; 0: as the addresses say */
    const int *sock; /* a datagram socket in place of all others: the library's own once the call has
                        succeeded */
    bool reuse_port;      /* others may be at the same local address */
    bool allow_broadcast; /* datagrams to broadcast addresses; the socket is then not connected */
};

/* Makes a socket, a protocol and a transport for datagrams (loop.create_datagram_endpoint). done's
   result: struct transport *, with one reference for the caller; its protocol has seen
   connection_made. With a remote address only datagrams from there are received, unless
   allow_broadcast. Cancelled: everything is closed. 0; -EINVAL: no address and no family, a bad
   port, sock that is no datagram socket or comes with other options, hosts and paths mixed;
   -EBADF: closed loop; -ENOMEM. */
int loop_create_datagram_endpoint(struct loop *, struct future *done, protocol_factory *,
    void *context, const struct datagram_options *);

#endif
