#include "piece_buffer.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct piece_buffer {
    size_t start, end, room;
    char bytes[];
};

size_t piece_buffer_size(const struct piece_buffer *buffer)
{
    return buffer != NULL ? buffer->end - buffer->start : 0;
}

size_t piece_buffer_list(const struct piece_buffer *buffer, struct iovec *entries, size_t most)
{
    if (buffer == NULL || most == 0)
        return 0;
    entries[0].iov_base = (char *)buffer->bytes + buffer->start;
    entries[0].iov_len = piece_buffer_size(buffer);
    return 1;
}

int piece_buffer_append(struct piece_buffer **where, const void *data, size_t size)
{
    struct piece_buffer *buffer = *where;
    size_t needed = size + (buffer != NULL ? buffer->end : 0);
    if (size == 0)
        return 0;
    if (buffer == NULL || needed > buffer->room) {
        size_t room = needed + needed / 8;
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

void piece_buffer_drop(struct piece_buffer **where, size_t size)
{
    if (size == piece_buffer_size(*where))
        piece_buffer_clear(where);
    else
        (*where)->start += size;
}

void piece_buffer_clear(struct piece_buffer **where)
{
    free(*where);
    *where = NULL;
}
