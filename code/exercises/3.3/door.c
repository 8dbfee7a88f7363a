/* door.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "door.h"
#include "protocol.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

struct door_keeper {
    struct protocol protocol;
    const struct door *door;
    struct transport *transport;
    char *line; /* of DOOR_LONGEST bytes */
    size_t size;
};

static struct door_keeper *keeper_of(struct protocol *protocol)
{
    return (struct door_keeper *)protocol;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    keeper_of(protocol)->transport = transport;
}

static void refuse(struct door_keeper *self)
{
    transport_write(self->transport, "No.\n", 4);
    transport_close(self->transport);
}

static void hand_over(struct door_keeper *self)
{
    struct protocol *guest = self->door->make(self->door->context);
    transport_set_protocol(self->transport, guest);
    guest->callbacks->connection_made(guest, self->transport);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct door_keeper *self = keeper_of(protocol);
    const char *newline = memchr(data, '\n', size);
    self->size = newline == NULL ? size : (size_t)(newline - (const char *)data);
    if (self->size > DOOR_LONGEST) {
        refuse(self);
        return;
    }
    memcpy(self->line, data, self->size);
    if (self->size == strlen(self->door->word)
        && memcmp(self->line, self->door->word, self->size) == 0)
        hand_over(self);
    else
        refuse(self);
}

static void released(struct protocol *protocol)
{
    free(protocol);
}

struct protocol *door_protocol(void *door)
{
    static const struct protocol_callbacks callbacks = {
        .connection_made = connection_made,
        .data_received = data_received,
        .released = released,
    };
    struct door_keeper *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->line = malloc(DOOR_LONGEST);
    self->protocol.callbacks = &callbacks;
    self->door = door;
    return &self->protocol;
}
