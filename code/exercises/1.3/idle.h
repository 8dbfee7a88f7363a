/* idle.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef IDLE_H
#define IDLE_H
#include "loop.h"
#include "selector.h"

/* For loop_create: waits as select_methods does, for a loop that knows idle work. */
extern const struct selector_methods idle_methods;

/* Calls the handle once, in a pass that finds nothing else to do: nothing queued,
   no descriptor ready, no stop asked for. One a pass, in the order in which they
   were queued. handle_cancel takes it back; the end of the loop lets go of it
   uncalled. The handle stays the caller's.
   Returns 0; -EBADF: the loop is closed; -ENOTSUP: it does not wait with
   idle_methods. */
int loop_call_when_idle(struct loop *, struct handle *);

#endif
