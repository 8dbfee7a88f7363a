#include "door.h"
#include "protocol.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

struct door_keeper {
    struct protocol protocol;
    const struct door *door;
    struct transport *transport;
    char line[DOOR_LONGEST];
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

static void welcome_guest(
    struct transport *transport, struct protocol *guest)
{
    const struct protocol_callbacks *callbacks = guest->callbacks;
    transport_set_protocol(transport, guest); /* the door-keeper is gone */
    if (callbacks->connection_made != NULL)
        callbacks->connection_made(guest, transport);
}

static bool is_the_word(const struct door_keeper *self)
{
    return self->size == strlen(self->door->word)
        && memcmp(self->line, self->door->word, self->size) == 0;
}

static void line_is_whole(struct door_keeper *self)
{
    struct protocol *guest = is_the_word(self) ? self->door->make(self->door->context) : NULL;
    if (guest != NULL)
        welcome_guest(self->transport, guest);
    else
        refuse(self);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct door_keeper *self = keeper_of(protocol);
    const char *newline = memchr(data, '\n', size);
    size_t more = newline == NULL ? size : (size_t)(newline - (const char *)data);
    if (more > DOOR_LONGEST - self->size) {
        refuse(self);
        return;
    }
    memcpy(self->line + self->size, data, more);
    self->size += more;
    if (newline != NULL)
        line_is_whole(self);
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
    self->protocol.callbacks = &callbacks;
    self->door = door;
    return &self->protocol;
}
