/* piece_buffer.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "piece_buffer.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    struct piece *next;
    size_t start, end, room; /* bytes[start] … bytes[end - 1] wait */
    char bytes[];
};

struct piece_buffer {
    size_t size;
    struct piece *first, *last;
};

size_t piece_buffer_size(const struct piece_buffer *buffer)
{
    return buffer != NULL ? buffer->size : 0;
}

size_t piece_buffer_list(
    const struct piece_buffer *buffer, struct iovec *entries, size_t most)
{
    (void)buffer;
    (void)entries;
    (void)most;
    return 0;
}

int piece_buffer_append(struct piece_buffer **where, const void *data, size_t size)
{
    (void)where;
    (void)data;
    (void)size;
    return -ENOMEM;
}

void piece_buffer_drop(struct piece_buffer **where, size_t size)
{
    assert(size <= piece_buffer_size(*where));
}

void piece_buffer_clear(struct piece_buffer **where)
{
    piece_buffer_drop(where, piece_buffer_size(*where));
}
