/* flowing.h: recording protocols that hear pause_writing and resume_writing too, over a socket that takes what the test
   lets it take. */
#ifndef FLOWING_H
#define FLOWING_H
#include "ch02/recording.h"
#include "kernel.h"
#include "peers.h"

/* Writes PW and RW (a.PW with a name) besides what a recording writes. `recording` is the first member, so that the
   recording's hooks may be used, with flowing_of. */
struct flowing {
    struct recording recording;
    int paused, resumed;
    size_t size_at_resume;
    void (*on_pause)(struct flowing *);
    void (*on_resume)(struct flowing *);
};

extern const struct protocol_callbacks flowing_callbacks; /* also EOF */
void flowing_init(struct flowing *flowing, const char *name);
struct flowing *flowing_of(struct recording *recording);

/* A loop, a flowing protocol over a transport, a socket at the other end. */
struct flow {
    struct loop *loop;
    struct flowing protocol;
    struct transport *transport; /* retained */
    int ours, theirs;
};

void flow_begin(struct flow *flow, void (*pair)(int ends[2])); /* CM has come; the trace is empty */
void flow_start(struct flow *flow);                            /* after flow_prepare: made, no pass has run */
void flow_prepare(struct flow *flow, void (*pair)(int ends[2]));
void flow_end(struct flow *flow);

/* From now on the socket takes nothing, or `most` bytes at a time. */
void socket_takes_nothing(void);
void socket_takes(size_t most);

/* Writes so many bytes. */
void put(struct transport *transport, size_t size);
/* One pass in which the socket takes `size` bytes, then nothing again. */
void drain(struct flow *flow, size_t size);
#define CHECK_SIZE(flow, size) CHECK_INT(transport_get_write_buffer_size((flow)->transport), (size))
#define CHECK_LIMITS(flow, low, high) check_limits((flow)->transport, (low), (high), __FILE__, __LINE__)
void check_limits(struct transport *transport, size_t low, size_t high, const char *file, int line);
#endif
