/* write_buffer.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef WRITE_BUFFER_H
#define WRITE_BUFFER_H

#include <stddef.h>

/* Bytes on their way out, first in, first out. An empty buffer is NULL: append makes it, and the
   drop that empties it frees it. */
struct write_buffer;

size_t write_buffer_size(const struct write_buffer *);
const char *write_buffer_bytes(const struct write_buffer *); /* all of them in a row; not of NULL */

/* Copies the bytes behind the others. 0, or -ENOMEM, and then nothing has changed. */
int write_buffer_append(struct write_buffer **, const void *data, size_t size);

void write_buffer_drop(struct write_buffer **, size_t size); /* the first bytes: they are sent */
void write_buffer_clear(struct write_buffer **);

#endif
