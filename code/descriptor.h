/* descriptor.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

/* Return 0 or a negative errno. */
int descriptor_make_nonblocking(int fd);
int descriptor_make_close_on_exec(int fd);

#endif
