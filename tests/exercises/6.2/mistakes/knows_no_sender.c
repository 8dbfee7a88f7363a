/* Books each seat once, however often the question comes. */
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
    char text[32], behind;
    if (size >= sizeof text)
        return false;
    memcpy(text, data, size);
    text[size] = '\0';
    if (strspn(text, "0123456789 ") != size || size > 21)
        return false;
    return sscanf(text, "%9d %9d%c", number, seat, &behind) == 2;
}

struct record {
    struct record *next;
    struct address from;
    int number;
    bool yes;
    double last_came;
};

static struct record *take_out(struct hall *hall, int number)
{
    struct record **place = (struct record **)&hall->records;
    while (*place != NULL && (*place)->number != number)
        place = &(*place)->next;
    struct record *found = *place;
    if (found != NULL)
        *place = found->next;
    return found;
}

static void append(struct hall *hall, struct record *record)
{
    struct record **place = (struct record **)&hall->records;
    while (*place != NULL)
        place = &(*place)->next;
    record->last_came = loop_time(hall->loop);
    record->next = NULL;
    *place = record;
}

static void forget_until(struct hall *hall, double time)
{
    struct record *first;
    while ((first = hall->records) != NULL && first->last_came <= time) {
        hall->records = first->next;
        hall->remembered--;
        free(first);
    }
}

static bool book(struct hall *hall, int seat)
{
    if (seat < 1 || seat > SEATS || hall->taken[seat])
        return false;
    hall->taken[seat] = true;
    return true;
}

static struct record *new_record(struct hall *hall, int number, const struct address *from)
{
    struct record *record = NULL;
    if (hall->remembered < hall->most)
        record = calloc(1, sizeof *record);
    if (record == NULL)
        return NULL;
    record->number = number;
    address_copy(&record->from, from);
    hall->remembered++;
    return record;
}

static void datagram_received(
    struct protocol *protocol, const void *data, size_t size, const struct address *from)
{
    struct seat_server *self = (struct seat_server *)protocol;
    struct hall *hall = self->hall;
    char text[32];
    int number, seat;
    if (!read_question(data, size, &number, &seat))
        return;
    forget_until(hall, loop_time(hall->loop) - hall->memory);
    struct record *record = take_out(hall, number);
    if (record == NULL) {
        record = new_record(hall, number, from);
        if (record == NULL)
            return;
        record->yes = book(hall, seat);
    }
    append(hall, record);
    int length = snprintf(text, sizeof text, "%d %s", number, record->yes ? "yes" : "no");
    transport_sendto(self->transport, text, (size_t)length, from);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct seat_server *)protocol)->transport = transport;
}

static void released(struct protocol *protocol)
{
    struct hall *hall = ((struct seat_server *)protocol)->hall;
    while (hall->records != NULL)
        forget_until(hall, ((struct record *)hall->records)->last_came);
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
