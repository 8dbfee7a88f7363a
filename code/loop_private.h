/* loop_private.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef LOOP_PRIVATE_H
#define LOOP_PRIVATE_H
#include "handle_ring.h"
#include "loop.h"
#include "selector.h"
#include "timer_heap.h"
#include <pthread.h>
#include "resolver_private.h"
#include <stdio.h>
#include "child_watch.h"

struct watch {
    struct handle *reader, *writer;
    bool owned; /* by a transport: programs keep their hands off */
};

struct loop {
    struct handle ready; /* a ring: what the next pass calls */
    bool running, stopping, closed;
    struct timer_heap timers;
    double (*clock)(void *context); /* NULL: the system's */
    void *clock_context;
    struct watch *watches; /* by descriptor */
    size_t watch_count;
    struct selector *selector;
    const char *selector_name;
    struct handle arriving; /* a ring: from other threads, guarded by the mutex */
    pthread_mutex_t mutex;  /* also guards changes of running, closed and thread */
    pthread_t thread;       /* the one that runs this loop, while it is running */
    int wakeup[2];          /* the self-pipe: its read end and its write end */
    struct handle wakeup_reader, wakeup_closer;
    struct signals *signals; /* NULL until the first handler is added */
    void (*exception_handler)(struct loop *, const struct exception_context *, void *context);
    void *exception_handler_context;
    void (*log)(void *context, enum log_level, const char *text);
    void *log_context;
    struct handle closers; /* a ring: what loop_close calls, the last one first */
    struct transports *transports;
    struct resolver resolver;
    FILE *trace;        /* NULL: nobody looks */
    double trace_began; /* the loop's time of its first line */
    size_t watched;      /* descriptors that somebody waits for, our self-pipe among them */
    bool passes_follow;  /* nobody stands between this pass and the next */
    bool calls_the_last; /* what is being called is the last of its pass */
    enum child_watcher child_watcher;
    struct child_watch *children; /* those that wait for SIGCHLD */
    bool wants_sigchld;
};

/* As loop_add_reader and its kin, for descriptors that the library itself looks after: nothing is
   checked. Watching returns 0, -ENOMEM or -ERANGE, unwatching whether there was a watch. */
int loop_watch_reader(struct loop *, int fd, struct handle *);
int loop_watch_writer(struct loop *, int fd, struct handle *);
bool loop_unwatch_reader(struct loop *, int fd);
bool loop_unwatch_writer(struct loop *, int fd);

/* Mark a descriptor as a transport's: loop_add_reader and its kin refuse it until it is disowned.
   Owning returns 0 or -ENOMEM. */
int loop_own_fd(struct loop *, int fd);
void loop_disown_fd(struct loop *, int fd);

int wakeup_begin(struct loop *);       /* 0 or a negative errno */
void wakeup_begin_run(struct loop *);  /* this thread runs the loop now */
void wakeup_end_run(struct loop *);    /* and no longer */
void wakeup_refuse_all(struct loop *); /* the loop is closed: nothing can arrive any more */
void wakeup_take_in(struct loop *);    /* queues what has arrived */

/* A closer is a handle that loop_close calls, last in first out. By then the loop counts as closed:
   nothing can be scheduled; watches and timers can be taken away. */
void loop_add_closer(struct loop *, struct handle *closer);
void loop_remove_closer(struct handle *closer);

/* Logs a line, formatted as by printf and cut off after 1,023 bytes. */
void loop_log(struct loop *, enum log_level, const char *format, ...);

/* Is a file being written? */
static inline bool loop_is_traced(const struct loop *loop)
{
    return loop->trace != NULL;
}

/* A line of that file, formatted as by printf. Leaves errno alone. */
void loop_trace(struct loop *, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));
/* Opens the file that the environment names, if it does; a file that cannot be opened is logged. */
void loop_begin_trace(struct loop *);
/* Closes it; lines that could not be written are logged. */
void loop_end_trace(struct loop *);

#endif
