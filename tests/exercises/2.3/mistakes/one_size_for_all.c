#include "piece_buffer.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROOM = 16384, MOST_ROOM = 65536 - 64 };

struct piece {
    struct piece *next;
    size_t start, end, room; /* bytes[start] … bytes[end - 1] wait */
    char bytes[];
};

struct piece_buffer {
    size_t size;
    struct piece *first, *last; /* none of them is empty */
};

size_t piece_buffer_size(const struct piece_buffer *buffer)
{
    return buffer != NULL ? buffer->size : 0;
}

size_t piece_buffer_list(const struct piece_buffer *buffer, struct iovec *entries, size_t most)
{
    const struct piece *piece = buffer != NULL ? buffer->first : NULL;
    size_t count = 0;
    for (; piece != NULL && count < most; piece = piece->next)
        entries[count++] = (struct iovec){
            .iov_base = (char *)piece->bytes + piece->start,
            .iov_len = piece->end - piece->start,
        };
    return count;
}

static void free_pieces(struct piece *piece)
{
    while (piece != NULL) {
        struct piece *next = piece->next;
        free(piece);
        piece = next;
    }
}

static struct piece *new_pieces(size_t size, size_t held)
{
    struct piece *first = NULL, **end = &first;
    while (size > 0) {
        size_t room = size > held ? size : held;
        room = room < LEAST_ROOM ? LEAST_ROOM : room > MOST_ROOM ? MOST_ROOM : room;
        *end = malloc(sizeof **end + room);
        if (*end == NULL) {
            free_pieces(first);
            return NULL;
        }
        **end = (struct piece){.room = room};
        end = &(*end)->next;
        size -= room < size ? room : size;
    }
    return first;
}

static void fill(struct piece_buffer *buffer, const char *data, size_t size)
{
    struct piece *piece = buffer->last != NULL ? buffer->last : buffer->first;
    buffer->size += size;
    for (;;) {
        size_t left = piece->room - piece->end, part = size < left ? size : left;
        memcpy(piece->bytes + piece->end, data, part);
        piece->end += part;
        data += part;
        size -= part;
        if (size == 0)
            break;
        piece = piece->next;
    }
    buffer->last = piece;
}

int piece_buffer_append(struct piece_buffer **where, const void *data, size_t size)
{
    struct piece_buffer *buffer = *where;
    struct piece *last = buffer != NULL ? buffer->last : NULL, *more = NULL;
    size_t left = last != NULL ? last->room - last->end : 0;
    if (size == 0)
        return 0;
    if (size > left && (more = new_pieces(size - left, piece_buffer_size(buffer))) == NULL)
        return -ENOMEM;
    if (buffer == NULL && (buffer = calloc(1, sizeof *buffer)) == NULL) {
        free_pieces(more);
        return -ENOMEM;
    }
    if (last != NULL)
        last->next = more;
    else
        buffer->first = more;
    fill(buffer, data, size);
    *where = buffer;
    return 0;
}

void piece_buffer_drop(struct piece_buffer **where, size_t size)
{
    struct piece_buffer *buffer = *where;
    assert(size <= piece_buffer_size(buffer));
    if (size == piece_buffer_size(buffer)) {
        piece_buffer_clear(where);
        return;
    }
    buffer->size -= size;
    while (size >= buffer->first->end - buffer->first->start) {
        struct piece *sent = buffer->first;
        size -= sent->end - sent->start;
        buffer->first = sent->next;
        free(sent);
    }
    buffer->first->start += size;
}

void piece_buffer_clear(struct piece_buffer **where)
{
    if (*where != NULL)
        free_pieces((*where)->first);
    free(*where);
    *where = NULL;
}
