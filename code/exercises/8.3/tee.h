/* tee.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef TEE_H
#define TEE_H

#include "loop.h"
#include "protocol.h"
#include <stdbool.h>

struct tee;

/* One of the three pipes of a tee. */
struct tee_end {
    struct protocol protocol;
    struct tee *tee;
    struct transport *transport; /* NULL: not begun, or lost */
    bool full;                   /* a reader's: it has been told to pause */
};

/* Copies a pipe to two others. Belongs to the caller, zeroed at first, and stays where it is until
   ended. */
struct tee {
    void (*ended)(struct tee *); /* the caller's; called once, when all three pipes are closed */
    void *context;               /* the caller's */
    struct tee_end source, readers[2]; /* private */
};

/* Begins to copy what comes from one descriptor to two others, all ends of pipes; they are the
   tee's, also when it fails. Each reader gets every byte in order, and after the source's end its
   own. The source is not read while a reader has more waiting for it than the high-water mark of its
   transport. A reader that leaves is forgotten, the other goes on; when both have left, the source
   is closed.
   0 or a negative errno, and then ended is not called. */
int tee_start(struct tee *, struct loop *, int from, const int to[2]);

#endif
