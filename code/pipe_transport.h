/* pipe_transport.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef PIPE_TRANSPORT_H
#define PIPE_TRANSPORT_H

#include "protocol_factory.h"
#include "transport.h"

struct future;
struct handle;
struct loop;

/* Make transports of descriptors that are open already: pipes, sockets, terminals and other
   character devices. What a read pipe brings goes to data_received; at its end come eof_received,
   whose answer does not matter, and connection_lost. A write pipe can only be written to, and what is
   written after a close or write_eof is dropped, even while the rest is still being sent; its
   resume_writing comes when the buffer is empty, whatever the low-water mark.
   The descriptor becomes non-blocking, for everyone who shares it, and is the transport's from
   success on. Return 0, -EBADF (closed loop) or -ENOMEM; the rest completes `done`, with a transport
   of which the caller holds a reference, or with an error. For a regular file that is EINVAL, "Pipe
   transport is for pipes/sockets only." (to read) or "Pipe transport is only for pipes, sockets and
   character devices" (to write). asyncio: connect_read_pipe, connect_write_pipe. */
int loop_connect_read_pipe(
    struct loop *, struct future *done, protocol_factory *, void *context, int fd);
int loop_connect_write_pipe(
    struct loop *, struct future *done, protocol_factory *, void *context, int fd);

enum pipe_direction { PIPE_READ, PIPE_WRITE };

/* The same without a future, as socket_transport_create. NULL and errno on failure: EINVAL for what
   is no pipe, EBADF, ENOMEM, ERANGE. */
struct transport *pipe_transport_create(struct loop *, int fd, enum pipe_direction,
    struct protocol *, struct handle *waiter);

#endif
