/* connection.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "future.h"
#include "loop.h"
#include "protocol_factory.h"
#include <stdbool.h>
#include "tls.h"

/* How to connect. Zero everywhere, or no struct at all: the defaults. None of it is needed once the
   call has returned. */
struct connection_options {
    int family;      /* AF_INET or AF_INET6; 0: both */
    const int *sock; /* a connected stream socket in place of host and port: the library's own once the
                        call has succeeded */
    const char *local_host; /* bind here before connecting */
    int local_port;
    double happy_eyeballs_delay; /* seconds before the next address is tried beside the latest; 0: one
                                    after the other */
    int interleave; /* how many of the first family before the families take turns; 0: 1 if there is a
                       delay, else the resolver's order */
    bool abstract;  /* Unix: the path is a name in Linux's abstract namespace */
    struct tls_context *tls;     /* NULL: no TLS. A client's; a server's for an accepted socket */
    const char *server_hostname; /* whom the certificate must name; NULL: the host */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */
};

/* Connects to a host, makes a protocol, gives it a transport (loop.create_connection). done's result:
   struct transport *, with one reference for the caller; its protocol has seen connection_made.
   Cancelled: everything is closed. 0; -EINVAL: bad port or option, host and sock both or neither;
   -EBADF: closed loop; -ENOMEM. */
int loop_create_connection(struct loop *, struct future *done, protocol_factory *, void *context,
    const char *host, int port, const struct connection_options *);

/* The same to a path (loop.create_unix_connection). path NULL: with options->sock. */
int loop_create_unix_connection(struct loop *, struct future *done, protocol_factory *,
    void *context, const char *path, const struct connection_options *);

/* The same for a connection that was accepted elsewhere (loop.connect_accepted_socket). The
   descriptor is the library's own once the call has succeeded. */
int loop_connect_accepted_socket(struct loop *, struct future *done, protocol_factory *,
    void *context, int fd, const struct connection_options *);

#endif
