/* write_pieces.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef WRITE_PIECES_H
#define WRITE_PIECES_H

#include <stddef.h>
#include <sys/uio.h>

/* Sends the pieces, in order and each byte once, over a connected stream socket,
   whether it is non-blocking or not. Sleeps while the socket has no room, but not
   longer than `seconds` after the call, all waits together; with 0 it sends what
   the socket takes at once. Pieces may be empty, and there may be any number of
   them; they stay as they are.
   Returns 0 when the system has taken everything; -ETIMEDOUT; or what sending
   failed with, such as -EPIPE, and raises no SIGPIPE. In each case *sent is the
   number of bytes that were taken. */
int write_pieces(
    int socket, const struct iovec *pieces, size_t count, double seconds, size_t *sent);

#endif
