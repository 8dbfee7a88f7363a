/* window.h - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#ifndef WINDOW_H
#define WINDOW_H
#include "loop.h"
#include <stdbool.h>
#include <stddef.h>

enum { PIECE = 100, WINDOW = 16 };

/* How a datagram is sent. It may be lost, doubled, or overtaken by up to WINDOW later ones. */
struct link {
    void (*send)(void *context, const void *data, size_t size);
    void *context;
};

struct window_sender {
    struct loop *loop;
    struct link link;
    const char *file;
    size_t size;
    size_t acknowledged; /* pieces that the receiver is known to have */
    size_t sent;         /* pieces that were sent at least once */
    struct timer_handle again;
    bool finished; /* the receiver has all, the empty piece too */
};

/* Sends the file in pieces of PIECE bytes and a last one that may be shorter, and behind it an empty piece
   as the end. A piece is one byte, its number modulo 256, beginning with 0, and the bytes. Never more than
   WINDOW pieces are sent and not acknowledged. After 0.2 s of loop_time without an acknowledgement that is
   news, the first piece that is not acknowledged is sent again; whether others are too is your choice. */
void window_sender_init(
    struct window_sender *, struct loop *, const struct link *, const char *file, size_t size);

/* A datagram came back. One byte is an acknowledgement; anything else is ignored. */
void window_sender_take(struct window_sender *, const void *data, size_t size);

/* Cancels the timer. */
void window_sender_end(struct window_sender *);

struct window_receiver {
    struct link link; /* back to the sender */
    void (*hand_over)(void *context, const char *data, size_t size);
    void *context;
    size_t wanted; /* the first piece that has not come */
    struct {
        bool here;
        size_t size;
        char data[PIECE];
    } early[WINDOW]; /* for pieces that came before their turn */
    bool ended;
};

/* link, hand_over and its context are set by the caller, all else is zero. */

/* A datagram came. Each piece is answered by one acknowledgement: the number, modulo 256, of the first piece
   that has not come. Pieces are handed over in order and once, as soon as it is their turn; `ended` is set
   when the empty one has its turn. What is no piece (empty, or more than PIECE bytes behind the number) is
   ignored; so is, but for the answer, what is not among the next WINDOW. */
void window_receiver_take(struct window_receiver *, const void *data, size_t size);

#endif
