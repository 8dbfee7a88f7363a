/* transport.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "protocol.h"
#include <sys/uio.h>
#include <stdint.h>

struct loop;

/* A transport moves bytes for a protocol. It is counted, in the loop's thread only: the loop holds
   one reference until connection_lost has returned. Whoever retains it longer may go on calling
   everything below, and nothing will happen. asyncio: Transport. */
struct transport *transport_retain(struct transport *); /* returns its argument; NULL stays NULL */
void transport_release(struct transport *);             /* NULL is fine */

/* Sends the bytes. What the system does not take at once is copied and sent later, in order.
   Returns 0, or -EPIPE after transport_write_eof. A failure arrives by connection_lost, not here:
   what is written after the loss is dropped, and from the fifth time on that is logged. */
int transport_write(struct transport *, const void *data, size_t size);

/* The same for several buffers, in one system call. */
int transport_writelines(struct transport *, const struct iovec *buffers, size_t count);

/* Tells the other side, behind everything written, that nothing more will come; reading goes on.
   0, also when closing or repeated; -ENOTSUP where impossible; -ENOTCONN if already reset. */
int transport_write_eof(struct transport *);
bool transport_can_write_eof(const struct transport *);

/* Stops reading at once, sends what is still unsent, then has connection_lost(NULL) called. Waits
   for ever if the other side never reads. A second time: nothing happens. */
void transport_close(struct transport *);

/* Stops reading and drops what is unsent at once; connection_lost(NULL) comes in the next pass. */
void transport_abort(struct transport *);

/* For a callback that cannot go on, where Python would raise. The exception handler hears of it,
   unless it is the system's error; what is unsent is dropped; connection_lost(error) comes next.
   In connection_made and connection_lost only the exception handler hears. error is not NULL. */
void transport_fail(struct transport *, const struct error *error);

/* True as soon as the connection is being closed, was aborted, or is lost. */
bool transport_is_closing(const struct transport *);

/* How many bytes wait in this process. Those that the kernel has taken do not count. */
size_t transport_get_write_buffer_size(const struct transport *);

/* "peername", "sockname": const struct address *, no longer than its size says (address_copy);
   "socket": const int *, the descriptor, -1 once closed. NULL: unknown. Valid while the transport
   is. */
const void *transport_get_extra_info(const struct transport *, const char *name);

/* From the next event on this protocol is called. It is the library's now; the one before it hears
   `released`, at once and nothing else. */
void transport_set_protocol(struct transport *, struct protocol *);
struct protocol *transport_get_protocol(const struct transport *); /* NULL after connection_lost */

struct loop *transport_get_loop(const struct transport *); /* NULL once the loop is closed */

/* Between the two, what is written is held back; it leaves together at the last uncork. Held bytes
   count in the size of the write buffer. Corks nest, up to 255. write_eof and close send what is
   held without waiting for the uncork; abort drops it. Must be paired within one callback: the other
   side is waiting. Harmless after the loss. asyncio has neither. */
void transport_cork(struct transport *);
void transport_uncork(struct transport *);

/* The marks of the write buffer, in bytes: pause_writing is called when it holds more than high,
   resume_writing when it holds low or less. LIMIT_DEFAULT: high is 65,536, or four times low if low
   is given; low is a quarter of high. -EINVAL, and nothing changed, unless high >= low >= 0. A mark
   over 4 GiB - 1 counts as that. A lower mark takes effect at once, a higher one when bytes are next
   sent. */
#define LIMIT_DEFAULT PTRDIFF_MIN
int transport_set_write_buffer_limits(struct transport *, ptrdiff_t high, ptrdiff_t low);
void transport_get_write_buffer_limits(const struct transport *, size_t *low, size_t *high);

/* No data_received and eof_received until resumed; pausing before the first works too. What arrives
   waits in the kernel, and at last in the other side. After resuming it comes in a later pass. Both
   may be repeated, and do nothing when closing or where a transport has nothing to read. */
void transport_pause_reading(struct transport *);
void transport_resume_reading(struct transport *);
bool transport_is_reading(const struct transport *); /* neither paused nor closing */

struct address;

/* Datagram transports: sends one datagram, or keeps it until the socket has room. `to` may be NULL if
   the endpoint was given a remote address, and must be equal to it if not. 0; -EINVAL: another
   address than the remote one; -ENOTSUP: no datagram transport. What else goes wrong is told to
   error_received, now or later: EDESTADDRREQ is an address that is missing. After the loss nothing
   happens. asyncio: DatagramTransport.sendto. */
int transport_sendto(
    struct transport *, const void *data, size_t size, const struct address *to);

#endif
