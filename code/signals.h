/* signals.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef SIGNALS_H
#define SIGNALS_H
#include <stddef.h>

struct loop;

enum { SIGNALS_A_PASS = 256 };

/* Have the signal written to the loop's self-pipe, and no longer. Listening returns 0, -EINVAL, or
   -EBUSY when another loop listens; ignoring what another listens to does nothing. */
int signals_listen(struct loop *, int signal);
void signals_ignore(struct loop *, int signal);

/* What was read from the self-pipe: a signal's number or 0, count bytes, SIGNALS_A_PASS at most. */
void signals_note(struct loop *, const unsigned char *bytes, size_t count);

/* For the library itself, which hears of the signal without a handler. As signals_listen. */
int signals_listen_quietly(struct loop *, int signal);

#endif
