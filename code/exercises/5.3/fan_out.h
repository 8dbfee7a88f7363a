/* fan_out.h - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
#ifndef FAN_OUT_H
#define FAN_OUT_H

struct protocol;
struct reader;
struct transport;

/* One source and its readers. Zeroed memory is a good one, with nobody connected. */
struct fan_out {
    struct transport *source;
    struct reader *readers; /* a list */
    int paused;
};

/* Two factories; the context is a struct fan_out that outlives all connections. What the source sends
   goes to all who read at that moment. The source is read only while no reader is over its high mark.
   Readers come and go as they like, and no reader that has gone holds anybody up. What a reader sends is
   ignored, and if it ends its sending side, it goes on reading. When the source ends or is lost, each
   reader gets all that came, and then the end. */
struct protocol *fan_out_source(void *fan_out);
struct protocol *fan_out_reader(void *fan_out);

#endif
