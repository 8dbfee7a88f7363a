/* protocol.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct protocol;
struct transport;

/* What a protocol wants to hear. A member that is NULL does nothing. All but `released` are called
   from the loop, connection_lost never from inside a call that the protocol made.
   asyncio: Protocol. */
struct protocol_callbacks {
    /* First, and once: here is your transport. It is valid until connection_lost returns;
       transport_retain keeps it longer. */
    void (*connection_made)(struct protocol *, struct transport *);

    /* size > 0 bytes came. They are lent for the call: copy what you want to keep. Where one call
       ends and the next begins means nothing. */
    void (*data_received)(struct protocol *, const void *data, size_t size);

    /* The other side sends no more. Return true to keep the connection open for writing; false, or
       no callback, closes it once everything written has been sent. */
    bool (*eof_received)(struct protocol *);

    /* A protocol that sets get_buffer is read into memory of its own and hears buffer_updated in place
       of data_received. get_buffer returns where to and sets *size > 0 (NULL, or 0 left in *size, fails
       the connection); the memory must stay until the read is over, which is before the next callback.
       It is asked again before every read, also before one that brings nothing. sizehint is -1: no
       idea. asyncio: BufferedProtocol. */
    void *(*get_buffer)(struct protocol *, ptrdiff_t sizehint, size_t *size);
    void (*buffer_updated)(struct protocol *, size_t size);

    /* The write buffer is above its high-water mark: stop writing, please. What is written is taken all
       the same. Called once until resume_writing, under transport_write, transport_writelines or
       transport_set_write_buffer_limits. */
    void (*pause_writing)(struct protocol *);

    /* The write buffer is down to its low-water mark: go on. Called from the loop, or under
       transport_uncork. Does not come if the connection is lost first: connection_lost does. */
    void (*resume_writing)(struct protocol *);

    _Static_assert(sizeof(struct address *) > 0, "names the struct for the next parameter list");

    /* A datagram came, whole; size may be 0. Data and address are lent for the call. from->size is 0
       if the sender has no name, as a Unix socket may. asyncio: DatagramProtocol. */
    void (*datagram_received)(
        struct protocol *, const void *data, size_t size, const struct address *from);

    /* One datagram could not be sent, or word came that an earlier one was refused. The transport stays
       open. May be called under transport_sendto. exc is lent. */
    void (*error_received)(struct protocol *, const struct error *exc);
    /* For a subprocess, whose transport is not written to or read from itself. The child sent this on
       its descriptor fd, 1 or 2; lent for the call. */
    void (*pipe_data_received)(struct protocol *, int fd, const void *data, size_t size);

    /* The pipe at the child's descriptor fd (0, 1 or 2) is closed, once for each pipe there was; nothing
       more comes from it. exc as for connection_lost. */
    void (*pipe_connection_lost)(struct protocol *, int fd, const struct error *exc);

    /* The child has ended; transport_get_returncode says how. What it wrote may be still to come.
       connection_lost follows when all pipes are closed too. asyncio: SubprocessProtocol. */
    void (*process_exited)(struct protocol *);

    /* Once, after connection_made: nothing more will come. exc is NULL when the connection was
       closed or aborted here, or ended by the other side; else it says what broke it. Lent. */
    void (*connection_lost)(struct protocol *, const struct error *exc);

    /* Last: the library has let go of the protocol and will not touch it again. Free it here. Comes
       once for each time that the protocol was handed over, even if it never saw a connection. In
       asyncio the garbage collector does this. */
    void (*released)(struct protocol *);
};

struct protocol {
    const struct protocol_callbacks *callbacks;
};

#endif
