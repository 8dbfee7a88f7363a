/* seats.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Books seats for whoever asks, as often as he asks. */
#include "seats.h"
#include "address.h"
#include "loop.h"
#include "protocol.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seat_server {
    struct protocol protocol;
    struct hall *hall;
    struct transport *transport;
};

static bool read_question(const void *data, size_t size, int *number, int *seat)
{
    char text[20];
    if (size >= sizeof text)
        return false;
    memcpy(text, data, size);
    text[size] = '\0';
    size_t first = strspn(text, "0123456789");
    size_t second = text[first] == ' ' ? strspn(text + first + 1, "0123456789") : 0;
    if (first < 1 || first > 9 || second < 1 || second > 9 || first + 1 + second != size)
        return false;
    return sscanf(text, "%d %d", number, seat) == 2;
}

static bool book(struct hall *hall, int seat)
{
    if (seat < 1 || seat > SEATS || hall->taken[seat])
        return false;
    hall->taken[seat] = true;
    return true;
}

static void answer(const struct seat_server *self, int number, bool yes, const struct address *to)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%d %s", number, yes ? "yes" : "no");
    transport_sendto(self->transport, text, (size_t)size, to);
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    const struct seat_server *self = (struct seat_server *)protocol;
    int number, seat;
    if (!read_question(data, size, &number, &seat))
        return;
    answer(self, number, book(self->hall, seat), from);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct seat_server *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .datagram_received = datagram_received,
    .released = released,
};

struct protocol *seat_server(void *hall)
{
    struct seat_server *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->protocol.callbacks = &callbacks;
    self->hall = hall;
    return &self->protocol;
}
