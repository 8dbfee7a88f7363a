/* write_buffer.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "write_buffer.h"
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct write_buffer {
    size_t start, end, room; /* bytes[start] … bytes[end - 1] wait */
    char bytes[];
};

enum { LEAST_ROOM = 4096 };

size_t write_buffer_size(const struct write_buffer *buffer)
{
    return buffer != NULL ? buffer->end - buffer->start : 0;
}

const char *write_buffer_bytes(const struct write_buffer *buffer)
{
    return buffer->bytes + buffer->start;
}

static void move_to_front(struct write_buffer *buffer)
{
    size_t held = write_buffer_size(buffer);
    memmove(buffer->bytes, write_buffer_bytes(buffer), held);
    buffer->start = 0;
    buffer->end = held;
}

int write_buffer_append(struct write_buffer **where, const void *data, size_t size)
{
    struct write_buffer *buffer = *where;
    size_t held = write_buffer_size(buffer);
    if (size > SIZE_MAX / 4 - held)
        return -ENOMEM;
    if (buffer != NULL && buffer->end + size > buffer->room && buffer->start >= held)
        move_to_front(buffer);
    if (buffer == NULL || buffer->end + size > buffer->room) {
        size_t needed = (buffer != NULL ? buffer->end : 0) + size;
        size_t room = buffer != NULL ? 2 * buffer->room : LEAST_ROOM;
        room = room < needed ? needed : room;
        buffer = realloc(buffer, sizeof *buffer + room);
        if (buffer == NULL)
            return -ENOMEM;
        if (*where == NULL)
            buffer->start = buffer->end = 0;
        buffer->room = room;
        *where = buffer;
    }
    memcpy(buffer->bytes + buffer->end, data, size);
    buffer->end += size;
    return 0;
}

void write_buffer_drop(struct write_buffer **where, size_t size)
{
    assert(size <= write_buffer_size(*where));
    if (size == write_buffer_size(*where))
        write_buffer_clear(where);
    else
        (*where)->start += size;
}

void write_buffer_clear(struct write_buffer **where)
{
    free(*where);
    *where = NULL;
}
