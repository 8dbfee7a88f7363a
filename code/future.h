/* future.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef FUTURE_H
#define FUTURE_H

#include "error.h"
#include "loop.h"
#include <stdbool.h>
#include <stddef.h>

/* A result that is not there yet (asyncio.Future), embedded by whoever waits for it. It may not be
   moved once it is initialised. All functions: only in the loop's thread. */
struct future {
    struct loop *loop;
    struct handle callbacks; /* a ring: who waits */
    void *result;
    struct error *exception;
    void (*give_up)(struct future *, void *worker); /* NULL: nobody works for it, or it is done */
    void *worker;
    struct future *next;
    enum { FUTURE_PENDING, FUTURE_FINISHED, FUTURE_CANCELLED } state;
    bool retrieved; /* somebody has asked for the exception */
};

/* The domain of the one error that a cancelled future has. */
extern const struct error_domain error_cancelled;

/* Begins: pending, nobody waits (loop.create_future). */
void future_init(struct future *, struct loop *);

/* Ends. A pending future first makes whoever works for it give up. An exception that nobody ever
   asked for goes to the exception handler: "Future exception was never retrieved". */
void future_destroy(struct future *);

/* For whoever works for a future: what to call when nobody wants the result any more, because it
   was cancelled, or destroyed while pending. One a future; forgotten once it is done. */
void future_on_give_up(
    struct future *, void (*give_up)(struct future *, void *worker), void *worker);

/* The result stays its owner's; the exception is retained. Callbacks are queued, never called here.
   0; -EALREADY: it was done; -EBADF: the loop is closed and somebody waited. It is done then too. */
int future_set_result(struct future *, void *result);
int future_set_exception(struct future *, const struct error *exception);

/* The same, but takes over the caller's reference to the error. */
int future_fail(struct future *, struct error *exception);

/* Makes whoever works for it give up, at once. False if it was done already. */
bool future_cancel(struct future *);

bool future_done(const struct future *);
bool future_cancelled(const struct future *);

/* 0 and the result (`result` may be NULL); -EAGAIN: not done ("Result is not set."); -ECANCELED; or
   its exception as a number: -code for an errno, -EPROTO for anything else. */
int future_result(struct future *, void **result);

/* Its exception, borrowed; NULL if there is none or it is not done. Cancelled: an error_cancelled. */
const struct error *future_exception(struct future *);

/* Queues the caller's handle when the future is done, at once if it is: 0, or -EBADF if that is too
   late. handle_cancel() takes it back at any time. */
int future_add_done_callback(struct future *, struct handle *);

/* Takes back all that would call this function with this context; returns how many there were. */
size_t future_remove_done_callback(struct future *, void (*function)(void *), void *context);

/* Runs the loop until the future is done (loop.run_until_complete): 0, whatever came of it; -EINTR:
   stopped before; -EINVAL: another loop's future; -EBUSY and -EBADF as loop_run_forever. */
int loop_run_until_complete(struct loop *, struct future *);

#endif
