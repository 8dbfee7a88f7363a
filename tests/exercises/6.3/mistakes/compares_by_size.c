/* A file crosses a network that loses, swaps and doubles. */
#include "window.h"
#include <string.h>

static size_t pieces_of(const struct window_sender *self)
{
    return (self->size + PIECE - 1) / PIECE + 1;
}

static void send_piece(const struct window_sender *self, size_t number)
{
    char piece[1 + PIECE] = {(char)(number % 256)};
    size_t at = number * PIECE, part = at < self->size ? self->size - at : 0;
    if (part > PIECE)
        part = PIECE;
    if (part > 0)
        memcpy(piece + 1, self->file + at, part);
    self->link.send(self->link.context, piece, 1 + part);
}

static void restart_timer(struct window_sender *self)
{
    if (self->finished)
        timer_handle_cancel(&self->again);
    else
        loop_call_later(self->loop, 0.2, &self->again);
}

static void send_more(struct window_sender *self)
{
    while (self->sent < pieces_of(self) && self->sent < self->acknowledged + WINDOW)
        send_piece(self, self->sent++);
}

static void no_news(void *context)
{
    struct window_sender *self = context;
    restart_timer(self);
    send_piece(self, self->acknowledged);
}

void window_sender_init(struct window_sender *self, struct loop *loop, const struct link *link,
    const char *file, size_t size)
{
    *self = (struct window_sender){.loop = loop, .link = *link, .file = file, .size = size};
    timer_handle_init(&self->again, no_news, self);
    restart_timer(self);
    send_more(self);
}

void window_sender_take(struct window_sender *self, const void *data, size_t size)
{
    if (size != 1 || self->finished)
        return;
    size_t number = *(const unsigned char *)data, known = self->acknowledged % 256;
    if (number <= known || number > known + self->sent - self->acknowledged)
        return;
    size_t ahead = number - known;
    self->acknowledged += ahead;
    self->finished = self->acknowledged == pieces_of(self);
    restart_timer(self);
    send_more(self);
}

void window_sender_end(struct window_sender *self)
{
    timer_handle_cancel(&self->again);
}

static void keep_piece(struct window_receiver *self, size_t number, const char *data, size_t size)
{
    self->early[number % WINDOW].here = true;
    self->early[number % WINDOW].size = size;
    memcpy(self->early[number % WINDOW].data, data, size);
}

static void hand_over_what_is_due(struct window_receiver *self)
{
    while (!self->ended && self->early[self->wanted % WINDOW].here) {
        size_t place = self->wanted++ % WINDOW;
        self->early[place].here = false;
        if (self->early[place].size > 0)
            self->hand_over(self->context, self->early[place].data, self->early[place].size);
        else
            self->ended = true;
    }
}

void window_receiver_take(struct window_receiver *self, const void *data, size_t size)
{
    const unsigned char *piece = data;
    if (size < 1 || size > 1 + PIECE)
        return;
    size_t ahead = (unsigned char)(piece[0] - self->wanted);
    if (!self->ended && ahead < WINDOW) {
        keep_piece(self, self->wanted + ahead, (const char *)piece + 1, size - 1);
        hand_over_what_is_due(self);
    }
    unsigned char number = (unsigned char)self->wanted;
    self->link.send(self->link.context, &number, 1);
}
