/* netstring.h - tangled from chapters/04-framing.nw; edit that file, not this one. */
#ifndef NETSTRING_H
#define NETSTRING_H

#include "framing.h"

/* Cuts a stream into netstrings. Embedded by its owner; all members but limit are private. */
struct netstring {
    size_t limit;                /* of a string, in bytes */
    size_t announced;            /* the number in front, as far as its digits have come */
    size_t digits;               /* how many of them */
    bool counted;                /* the colon has come */
    char *kept;                  /* of a string that is not whole yet, or NULL */
    size_t kept_size, kept_room; /* in bytes */
    int refused;                 /* what netstring_feed returned when it refused, or 0 */
};

void netstring_init(struct netstring *, size_t limit);

/* Hands out, in order, every string that is whole now, and keeps what is left over; the taker's
   answer is not looked at. Returns 0; -EMSGSIZE when a number is over the limit, as soon as its
   digits say so; -EPROTO when this is no netstring: something else than a digit before the colon,
   no digit at all, a zero in front of other digits, something else than a comma behind; -ENOMEM.
   The strings before it are handed out all the same. After a failure nothing is kept, and further
   input gets the same answer. */
int netstring_feed(struct netstring *, const void *data, size_t size, frame_taker *, void *context);

void netstring_clear(struct netstring *); /* frees what is kept */

#endif
