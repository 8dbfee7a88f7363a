/* trace.h - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* trace.h: lines of the trace about a transport. To be called only when loop_is_traced. */
#ifndef TRACE_H
#define TRACE_H
#include "loop_private.h"
#include <sys/types.h>

struct protocol_call;
struct transport;

void transport_trace(struct transport *, const char *what, const char *more) __attribute__((cold));
void transport_trace_bytes(struct transport *, const char *what, ssize_t size, size_t asked)
    __attribute__((cold));
void transport_trace_call(struct transport *, const char *what, const struct protocol_call *)
    __attribute__((cold));

#endif
