/* escaped.h - tangled from chapters/04-framing.nw; edit that file, not this one. */
#ifndef ESCAPED_H
#define ESCAPED_H

#include "framing.h"

/* Cuts a stream into lines with escapes. Embedded by its owner; all members are private. */
struct escaped {
    size_t limit;                  /* of a line as it is handed out, in bytes */
    char *begun;                   /* of a line that is not whole yet, without its escapes; or NULL */
    size_t begun_size, begun_room; /* in bytes */
    bool escape;                   /* the last byte was a backslash, and the next is ordinary */
    bool stopped;                  /* the taker wants no more */
    int refused;                   /* what escaped_feed returned when it failed, or 0 */
};

void escaped_init(struct escaped *, size_t limit);

/* Hands out, in order, each line that is whole now: what stands before a "\n" that is no ordinary byte,
   without the backslashes that made others ordinary. Any byte may follow a backslash. The same lines
   come out however the stream is cut. A line without a backslash, whole in this piece, is
   handed out where it lies and nothing is allocated for it. Returns 0; -EMSGSIZE as soon as a line
   is over the limit, after the lines before it; -ENOMEM. After a failure nothing is kept, and
   further input gets the same answer. When the taker says false, what follows is ignored. */
int escaped_feed(struct escaped *, const void *data, size_t size, frame_taker *, void *context);

/* The stream may not end here: a line has begun, if only with a backslash. */
bool escaped_is_open(const struct escaped *);

void escaped_clear(struct escaped *); /* frees what is kept */

/* Writes a line as escaped_feed wants it, with its "\n": at most 2 * size + 1 bytes. Escapes only
   what needs it. Returns how many bytes. */
size_t escape_line(char *into, const char *line, size_t size);

#endif
