/* asker.h - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#ifndef ASKER_H
#define ASKER_H
#include "loop.h"
#include <stddef.h>

struct asker;
struct protocol;

/* A question. It belongs to the caller, and stays where it is until done is called. */
struct question {
    const char *text; /* no more than 400 bytes */
    /* Once for each asking: the answer, lent for the call, or NULL if there is none. May ask again,
       this question too. */
    void (*done)(struct question *, const char *answer, size_t size);
    struct asker *asker; /* private from here on */
    unsigned long number;
    double wait;
    int sent;
    struct timer_handle again;
    struct question *next;
};

/* Zeroed memory with wait and tries set is a good asker. */
struct asker {
    double wait; /* seconds before the second try */
    int tries;   /* how often a question is sent, 1 or more */
    struct transport *transport; /* private from here on; NULL before and after the connection */
    unsigned long last_number;
    struct question *first;
};

/* A protocol_factory for an endpoint with a remote address. The context is the struct asker, which
   outlives the endpoint. An answer is "NUMBER ANSWER" (one blank; the answer may be empty) with the
   number of a question that is open. Whatever else comes is ignored, and so are errors. When the
   connection is lost, all open questions are done, with NULL. */
struct protocol *asker_protocol(void *asker);

/* Sends "NUMBER TEXT" now, again after `wait`, then after twice that, and so on, `tries` times in all; when
   the wait after the last is over too, done gets NULL. Numbers are decimal, no two questions of an asker
   have the same, and a question that is asked anew has a new one; a retry carries the number of the first
   try. 0; -ENOTCONN: there is no endpoint, or it is closing; done is not called then. */
int asker_ask(struct asker *, struct question *);

#endif
