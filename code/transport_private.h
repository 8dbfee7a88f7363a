/* transport_private.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef TRANSPORT_PRIVATE_H
#define TRANSPORT_PRIVATE_H

#include "error.h"
#include "loop.h"
#include "transport.h"
#include "trace.h"

struct transport {
    const struct transport_methods *methods;
    struct loop *loop;                   /* NULL once the loop is closed */
    struct protocol *protocol;           /* NULL once connection_lost has returned */
    const struct protocol_call *calling; /* the callback that runs now, or NULL */
    struct error *exc;                   /* what connection_lost will be told */
    struct transport_owner *owner;       /* NULL: nobody asks */
    struct transport *next, *previous;   /* in the loop's list */
    struct handle soon;                  /* for connection_made, later for connection_lost */
    unsigned references;
    unsigned made : 1;           /* connection_made has been called */
    unsigned started : 1;        /* reading may begin */
    unsigned eof_written : 1;    /* write_eof was called */
    unsigned closing : 1;        /* close was called, or the connection is lost */
    unsigned lost : 1;           /* connection_lost is on its way, or was called */
    unsigned ended : 1;          /* connection_lost has returned */
    unsigned dropped_writes : 3; /* after the loss; stops counting at 5 */
    unsigned corks : 8; /* how many times transport_cork was called and not undone */
    unsigned held : 1;  /* the write buffer holds bytes only because of a cork */
    unsigned writing_paused : 1; /* pause_writing was due, resume_writing has not been since */
    unsigned reading_paused : 1; /* by the protocol */
    uint32_t high, low; /* the marks of the write buffer */
};

struct transport_methods {
    const char *dropped_write; /* logged when writes go on after the loss */

    /* write is called only before write_eof and before the loss, with size, the sum of the buffers,
       above 0; a table without write_eof says that there is none; close comes once. */
    int (*write)(struct transport *, const struct iovec *buffers, size_t count, size_t size);
    int (*write_eof)(struct transport *);
    void (*close)(struct transport *);
    void (*abort)(struct transport *, const struct error *exc);
    size_t (*get_write_buffer_size)(const struct transport *);
    const void *(*get_extra_info)(const struct transport *, const char *name);

    void (*stop)(struct transport *);   /* watch nothing any more, forget what is unsent */
    void (*finish)(struct transport *); /* the same, and give the descriptor back */
    void (*free)(struct transport *);   /* the last reference is gone */
    void (*uncork)(struct transport *); /* the last cork is out: send what is held; may be NULL */

    /* What follows a change of reading_paused; never called when closing. NULL: there is nothing to read. */
    void (*pause_reading)(struct transport *);
    void (*resume_reading)(struct transport *);

    /* NULL: not for datagrams. Called after the loss, too. */
    int (*sendto)(struct transport *, const void *data, size_t size, const struct address *to);
};

struct protocol_call {
    const char *failed; /* what the exception handler hears */
    bool fatal;         /* is the connection lost by it? */
};

static inline const struct protocol_call *transport_enter(
    struct transport *transport, const struct protocol_call *call)
{
    const struct protocol_call *outer = transport->calling;
    if (loop_is_traced(transport->loop))
        transport_trace_call(transport, "enter", call);
    transport->calling = call;
    return outer;
}

static inline void transport_leave(struct transport *transport, const struct protocol_call *outer)
{
    if (loop_is_traced(transport->loop))
        transport_trace_call(transport, "leave", transport->calling);
    transport->calling = outer;
}

struct transport_owner {
    void (*ended)(struct transport_owner *, struct transport *); /* once, and the very last call */
};

enum { RECEIVE_SIZE = 256 * 1024 }; /* the most that one read takes, as in asyncio */

struct transports {
    struct handle closer;
    struct transport *first;
    char plaintext[RECEIVE_SIZE]; /* what a TLS layer has decrypted */
    char receive_buffer[RECEIVE_SIZE];
};

/* For those who make one: 0, -EBADF (the loop is closed) or -ENOMEM. After a failure nothing is
   kept. From success on the transport has one reference, the loop's. */
int transport_init(struct transport *, const struct transport_methods *, struct loop *,
    struct protocol *);

/* Queues connection_made, then start (the transport's own), then waiter, unless it is NULL. */
void transport_start(struct transport *, struct handle *start, struct handle *waiter);

/* The connection is over, and connection_lost(exc) is queued. Only the first call counts. */
void transport_lose(struct transport *, const struct error *exc);
void transport_lose_by_errno(struct transport *, int code);

/* The same, with connection_lost(NULL) called now: from the loop only, never under a callback of
   this protocol. The transport may be gone afterwards. */
void transport_end(struct transport *);

/* True if the connection is lost: the write was counted, perhaps logged, and is to be dropped. */
bool transport_drop_write(struct transport *);

/* Tells the exception handler. */
void transport_report(struct transport *, const char *message, const struct error *);

/* Calls released, if there is one. */
void protocol_release(struct protocol *);

enum { DEFAULT_HIGH_WATER = 64 * 1024 }; /* as in asyncio */

/* After the write buffer has grown, or shrunk: the protocol hears of it if a mark was passed. */
void transport_maybe_pause_writing(struct transport *);
void transport_maybe_resume_writing(struct transport *);
/* Lets go of a transport whose protocol never saw connection_made, and never will. */
void transport_discard(struct transport *);

#endif
