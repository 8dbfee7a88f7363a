/* frame_protocol.h - tangled from chapters/04-framing.nw; edit that file, not this one. */
#ifndef FRAME_PROTOCOL_H
#define FRAME_PROTOCOL_H

#include "framing.h"
#include "protocol.h"

struct frame_protocol;

/* All may be NULL. Mirrors a protocol's callbacks, with frames for data. */
struct frame_callbacks {
    void (*connection_made)(struct frame_protocol *, struct transport *);

    /* One whole frame. It is gone when the callback returns. */
    void (*frame_received)(struct frame_protocol *, const char *frame, size_t size);

    /* The other side has ended in the middle of a frame; size > 0. Default: it is dropped. */
    void (*tail_received)(struct frame_protocol *, const char *tail, size_t size);

    /* The other side has ended, the tail was handed over. True: stay open. Default: false. */
    bool (*eof_received)(struct frame_protocol *);
    /* A frame was over the limit. The transport is closed right after, when everything written, also
       by this callback, has been sent. Default: the exception handler hears of it. */
    void (*frame_refused)(struct frame_protocol *, const struct error *);

    void (*connection_lost)(struct frame_protocol *, const struct error *exc);
    void (*released)(struct frame_protocol *); /* the last call; free it here */
    /* As a protocol's: stop writing, go on. */
    void (*pause_writing)(struct frame_protocol *);
    void (*resume_writing)(struct frame_protocol *);
};

/* Embedded, as first member, in whatever the application keeps for a connection. An application
   may replace it by transport_set_protocol even in frame_received: it hears of no further frame,
   what came behind that frame is dropped, and released is called when the delivery is over. Without
   memory for a frame that was cut, the connection is lost with ENOMEM. */
struct frame_protocol {
    struct protocol protocol;
    const struct frame_callbacks *callbacks;
    struct framer framer;
    struct transport *transport; /* between connection_made and connection_lost, else NULL */
    bool delivering, let_go;     /* private */
};

/* Begins one; the caller begins the framer. */
void frame_protocol_init(struct frame_protocol *, const struct frame_callbacks *);

#endif
