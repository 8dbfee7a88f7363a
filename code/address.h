/* address.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket's address. Only the first `size` bytes of `of` count, and an address that a transport
   hands out ends there: copy it with address_copy, not by assignment. */
struct address {
    socklen_t size; /* 0: unknown */
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } of;
};

void address_set(struct address *, const struct sockaddr *, socklen_t size); /* cut to what fits */
void address_copy(struct address *to, const struct address *from);

/* Where a socket is bound, and to whom it is connected. 0, or -errno and an address of size 0. */
int address_of_socket(int fd, struct address *);
int address_of_peer(int fd, struct address *);

/* Writes the address as Python shows it: ('127.0.0.1', 8888), ('::1', 8888, 0, 0), '/a/path', ''
   for a nameless socket, b'\\x00abstract', None for NULL. Returns the length as snprintf does. */
int address_format(const struct address *, char *text, size_t room);

enum { ADDRESS_TEXT_ROOM = 512 }; /* enough for any address as text */

#endif
