/* sockets.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "address.h"
#include "error.h"

/* A socket of the family (AF_…) and type (SOCK_…), non-blocking and close-on-exec: its descriptor,
   or -errno. */
int socket_open(int family, int type);

/* 0 if the descriptor is a socket of the type, else -EINVAL. */
int socket_check_type(int fd, int type);

/* Binds: NULL, or an error in asyncio's words, the caller's to release. */
struct error *socket_bind(int fd, const struct address *);

/* Lets several sockets share one port: 0, or -errno. */
int socket_reuse_port(int fd);

#endif
