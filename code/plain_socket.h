/* plain_socket.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef PLAIN_SOCKET_H
#define PLAIN_SOCKET_H

/* Listens on an IPv4 address (numbers only) and a port; port 0 takes any that is free, and
   *port says which. Returns a blocking, close-on-exec descriptor that the caller closes, or a
   negative errno: -EINVAL when host is not an address. */
int plain_listen(const char *host, int *port);

#endif
