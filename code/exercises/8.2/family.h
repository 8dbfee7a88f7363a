/* family.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef FAMILY_H
#define FAMILY_H

#include "future.h"
#include "loop.h"
#include "protocol.h"
#include <stdbool.h>
#include <sys/types.h>

/* A command of the shell, and all that it starts. Belongs to the caller, zeroed at first, and stays where it
   is until ended. */
struct family {
    void (*ended)(struct family *); /* the caller's; called once */
    void *context;                  /* the caller's */
    int returncode;                 /* of the head, as transport_get_returncode has it */
    struct protocol protocol; /* private from here on */
    struct loop *loop;
    struct transport *transport;
    struct future started;
    pid_t group; /* 0: not known yet */
    double grace;
    struct timer_handle limit;
    bool ending; /* it has been asked */
    bool killed; /* there was no more asking */
    bool gone;   /* the head has ended */
};

/* Starts the command with our standard output and error and nothing to read, in a group of its own.
   ended is called when it has ended: if it did so by itself, at once, and what it has started may live
   on. 0 or a negative errno, and then ended is not called. */
int family_start(struct family *, struct loop *, const char *command, double grace);

/* Asks all members to end (SIGTERM), and grace seconds later ends all that are left (SIGKILL). In this
   case ended is called when the head has ended and nobody is left who could still be asked. May be called at
   any time after family_start; the second call does nothing, nor does one after ended. */
void family_end(struct family *);

void family_clear(struct family *); /* after ended, not in it: gives everything back */

#endif
