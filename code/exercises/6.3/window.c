/* window.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Sends a file in pieces, and hopes. */
#include "window.h"
#include <string.h>

void window_sender_init(struct window_sender *self, struct loop *loop, const struct link *link,
    const char *file, size_t size)
{
    *self = (struct window_sender){.loop = loop, .link = *link, .file = file, .size = size};
    while (self->sent * PIECE < size) {
        char piece[1 + PIECE] = {(char)self->sent};
        size_t at = self->sent++ * PIECE, part = size - at < PIECE ? size - at : PIECE;
        memcpy(piece + 1, file + at, part);
        link->send(link->context, piece, 1 + part);
    }
    self->finished = true;
}

void window_sender_take(struct window_sender *self, const void *data, size_t size)
{
    (void)self;
    (void)data;
    (void)size;
}

void window_sender_end(struct window_sender *self)
{
    (void)self;
}

void window_receiver_take(struct window_receiver *self, const void *data, size_t size)
{
    if (size > 1)
        self->hand_over(self->context, (const char *)data + 1, size - 1);
}
