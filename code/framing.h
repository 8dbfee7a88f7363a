/* framing.h - tangled from chapters/04-framing.nw; edit that file, not this one. */
#ifndef FRAMING_H
#define FRAMING_H

#include <stdbool.h>
#include <stddef.h>

/* Takes a whole frame: without its delimiter, without its length prefix. The bytes are the framer's
   and gone when the function returns. False: hand out no more, ever. It must not feed the framer,
   nor clear it. */
typedef bool frame_taker(void *context, const char *frame, size_t size);

enum byte_order { BYTE_ORDER_BIG, BYTE_ORDER_LITTLE };

/* Cuts a stream of bytes into frames. Embedded by its owner; the members are private. */
struct framer {
    const struct framing *framing;
    size_t limit;    /* of a frame as it is handed out, in bytes */
    size_t overhead; /* the most that delimiter or prefix add to it */
    char *begun;     /* a frame that is not whole yet, or NULL */
    size_t begun_size, begun_room;
    bool stopped;    /* the taker wants no more, or a frame was refused */
    const char *delimiter;
    size_t width;    /* of the delimiter, of the length prefix, or of a fixed frame */
    enum byte_order order;
};

/* Lines end in "\n" or "\r\n", of which neither is handed out. */
void framer_init_lines(struct framer *, size_t limit);

/* Frames end in these size > 0 bytes, which are not copied: they must stay. */
void framer_init_delimiter(struct framer *, const char *delimiter, size_t size, size_t limit);

/* Each frame follows its own length, an unsigned number of 1, 2 or 4 bytes. */
void framer_init_length_prefix(struct framer *, size_t width, enum byte_order, size_t limit);

/* Each frame has size > 0 bytes. */
void framer_init_fixed(struct framer *, size_t size);

/* Hands out, in order, every frame that is whole now, and keeps what is left over. The same frames
   come out however the stream is cut. Returns 0; -EMSGSIZE when a frame is over the limit, after all
   the frames before it; -ENOMEM. After a failure nothing is kept and further input is ignored. */
int framer_feed(struct framer *, const void *data, size_t size, frame_taker *, void *context);

/* What has come of a frame that is not whole, its prefix included; size 0 if nothing. Ask for it
   when the stream has ended: whether an unterminated last line counts is the owner's choice. The
   bytes are the framer's. */
const char *framer_tail(const struct framer *, size_t *size);

void framer_clear(struct framer *); /* frees what is kept; the framer stays usable */

/* For those who send: writes size as a prefix of width bytes (1, 2 or 4). 0; -EMSGSIZE: it does not
   fit, and nothing was written. */
int frame_prefix(void *prefix, size_t width, enum byte_order, size_t size);

#endif
