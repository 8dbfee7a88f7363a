/* answer.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef ANSWER_H
#define ANSWER_H

#include "future.h"
#include "loop.h"
#include "protocol.h"
#include <stdbool.h>
#include <stddef.h>

/* What a command answers. Belongs to the caller, zeroed at first, and stays where it is until told. */
struct answer {
    void (*told)(struct answer *); /* the caller's; called once */
    void *context;                 /* the caller's */
    char *output;                  /* what came from the command's standard output, */
    size_t size;                   /* from the command itself or from anybody that it started */
    int returncode;                /* the command's own, as transport_get_returncode has it */
    bool cut;                      /* somebody held the output still when the grace was over */
    struct protocol protocol; /* private from here on */
    struct loop *loop;
    struct transport *transport;
    struct future started;
    double grace;
    struct timer_handle limit;
};

/* Has the shell run a command, whose output is collected. told is called when the command has ended
   and its output is closed; or grace seconds after the command's end if the output is open still.
   Return 0 or a negative errno, and then told is not called. */
int answer_ask(struct answer *, struct loop *, const char *command, double grace);

void answer_clear(struct answer *); /* after told, not in it: gives everything back */

#endif
