/* loop.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef LOOP_H
#define LOOP_H
#include <stdbool.h>
#include <stddef.h>

struct loop;
struct selector_methods;
struct error;
struct future;
struct protocol;
struct transport;

/* A call that the loop is to make: function(context). It is embedded in whatever it is about and
   belongs to the caller, who keeps it alive while it is scheduled. Zeroed memory with function
   and context set is a good handle; so is what handle_init leaves. asyncio: Handle. */
struct handle {
    void (*function)(void *context);
    void *context;
    struct handle *next, *previous; /* private */
};

void handle_init(struct handle *, void (*function)(void *context), void *context);

/* Takes the handle back: it will not be called, even when this pass of the loop was about to.
   Always safe, also twice; in the loop's thread only. For a handle that another thread has
   scheduled there is loop_cancel_threadsafe, for a timer's timer_handle_cancel. */
void handle_cancel(struct handle *);

/* True from a cancel until the handle is scheduled again. */
bool handle_cancelled(const struct handle *);

bool handle_is_scheduled(const struct handle *);

/* A handle with a time. It belongs to the caller, as a handle does. asyncio: TimerHandle. */
struct timer_handle {
    struct handle handle;
    double when;             /* private from here on */
    struct timer_heap *heap; /* where it waits; NULL: it is not armed */
    size_t place;            /* its index there */
};

void timer_handle_init(struct timer_handle *, void (*function)(void *context), void *context);

/* Disarms the timer, also when its time has come and its call was about to be made. Idempotent. */
void timer_handle_cancel(struct timer_handle *);

/* The time it was last armed for, in seconds of loop_time. */
double timer_handle_when(const struct timer_handle *);

/* A new loop, which waits with this selector; NULL: the best that works here. The caller frees it.
   NULL and errno on failure. Several loops may live in one process, each in one thread at a time.
   asyncio: new_event_loop. */
struct loop *loop_create(const struct selector_methods *);

/* Drops what is scheduled, lets go of what is open, and gives back every descriptor. Open
   transports are not told connection_lost. Returns 0, also the second time, or -EBUSY while the
   loop runs. asyncio: close. */
int loop_close(struct loop *);

/* Closes the loop if need be and frees it. NULL is fine. */
void loop_free(struct loop *);

const char *loop_selector_name(const struct loop *);

/* Runs passes until loop_stop. Returns 0 after a stop; -EBUSY: this loop is running already; -EBADF:
   it is closed; another negative errno: what the selector failed with (-EBADF, if a watched
   descriptor was closed). It may be run again afterwards. asyncio: run_forever. */
int loop_run_forever(struct loop *);

/* Runs one pass, which waits as any pass does. Returns as loop_run_forever. asyncio: stop, then
   run_forever. */
int loop_run_once(struct loop *);

/* Ends the run at the end of this pass, or the next run after one pass. asyncio: stop. */
void loop_stop(struct loop *);

bool loop_is_running(const struct loop *);
bool loop_is_closed(const struct loop *);

/* Queues the handle; the next pass of the loop calls it, after those queued before it. Returns 0,
   or -EBADF when the loop is closed. Queueing a handle that is scheduled already is an assert.
   asyncio: call_soon. */
int loop_call_soon(struct loop *, struct handle *);

/* Seconds since some fixed moment, never going back. Works on a closed loop. asyncio: time. */
double loop_time(const struct loop *);

/* Lets the loop tell another time than the system's monotonic clock: for tests. NULL: the
   system's again. */
void loop_set_clock(struct loop *, double (*time)(void *context), void *context);

/* Call the timer's handle once, delay seconds from now (0 and less: in the next pass), or as soon
   as loop_time has reached `when`. Timers are called in the order of their times, and those of one
   time in the order in which they were armed. Arming an armed timer moves it. Return 0, -EBADF
   when the loop is closed, -EINVAL when the time is not a number, -ENOMEM. asyncio: call_later,
   call_at. */
int loop_call_later(struct loop *, double delay, struct timer_handle *);
int loop_call_at(struct loop *, double when, struct timer_handle *);

/* Calls the handle in each pass in which the descriptor is readable (writable), until it is
   removed or cancelled. The handle stays the caller's and may be given to nothing else meanwhile;
   an older one of this descriptor is replaced and cancelled. Before the descriptor is closed,
   remove it.
   Return 0; -EBADF: the descriptor is not open, or the loop is closed; -EPERM: it is a regular
   file or a directory, which cannot be waited for; -ERANGE: too high a number for select; -EBUSY:
   it belongs to a transport; -ENOMEM. asyncio: add_reader, add_writer. */
int loop_add_reader(struct loop *, int fd, struct handle *);
int loop_add_writer(struct loop *, int fd, struct handle *);

/* Return 1 when the handle was removed (and cancelled), 0 when there was none, -EBUSY when the
   descriptor belongs to a transport. asyncio: remove_reader, remove_writer. */
int loop_remove_reader(struct loop *, int fd);
int loop_remove_writer(struct loop *, int fd);

/* As loop_call_soon, from any thread; wakes the loop. The loop must not be freed meanwhile.
   asyncio: call_soon_threadsafe. */
int loop_call_soon_threadsafe(struct loop *, struct handle *);

/* In the loop's thread: takes back a handle that was given to loop_call_soon_threadsafe, also
   while it is on its way. Returns true if it had not been called and now will not be. */
bool loop_cancel_threadsafe(struct loop *, struct handle *);

/* Calls function(context) in the loop's thread, once for each time that the signal is delivered,
   in the order of delivery and after what was queued before. A second call replaces the first.
   Return 0; -EINVAL: there is no such signal, or it cannot be caught; -EBUSY: another loop of this
   process has it; -EBADF: the loop is closed; -ENOMEM. asyncio: add_signal_handler. */
int loop_add_signal_handler(struct loop *, int signal, void (*function)(void *context),
    void *context);

/* After this the function is not called again, and the signal does what it does by default.
   Returns 1, 0 when there was no handler, -EINVAL. asyncio: remove_signal_handler. */
int loop_remove_signal_handler(struct loop *, int signal);

/* What went wrong where. Unset members are NULL or 0. Lent for the call. */
struct exception_context {
    const char *message;
    const struct error *exception;
    struct transport *transport;
    struct protocol *protocol;
    struct future *future;
    struct handle *handle;
    int socket; /* a descriptor */
};

/* Lets the handler hear of what nobody else can be told. NULL: the default handler, which logs the
   message and the error's text. asyncio: set_exception_handler. */
void loop_set_exception_handler(struct loop *,
    void (*handler)(struct loop *, const struct exception_context *, void *context), void *context);
void loop_call_exception_handler(struct loop *, const struct exception_context *);
void loop_default_exception_handler(struct loop *, const struct exception_context *);

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Where the loop's messages go. NULL: warnings and errors to standard error. asyncio: the logger
   "asyncio". */
void loop_set_log(struct loop *, void (*log)(void *context, enum log_level, const char *text),
    void *context);

#endif
