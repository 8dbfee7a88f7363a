/* piece_buffer.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef PIECE_BUFFER_H
#define PIECE_BUFFER_H

#include <stddef.h>
#include <sys/uio.h>

/* Bytes on their way out, first in, first out, in pieces that do not move. An
   empty buffer is NULL: append makes it, and the drop that empties it frees it. */
struct piece_buffer;

size_t piece_buffer_size(const struct piece_buffer *);

/* Lists the first bytes in at most `most` entries, none of them empty, and returns
   how many were filled in. Fewer than `most` list all of the buffer. */
size_t piece_buffer_list(
    const struct piece_buffer *, struct iovec *entries, size_t most);

/* Copies the bytes behind the others. 0, or -ENOMEM, and then nothing has changed. */
int piece_buffer_append(struct piece_buffer **, const void *data, size_t size);

/* Drops the first bytes: they are sent. */
void piece_buffer_drop(struct piece_buffer **, size_t size);
void piece_buffer_clear(struct piece_buffer **);

#endif
