/* quiet_write.h - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#ifndef QUIET_WRITE_H
#define QUIET_WRITE_H
#include <sys/types.h>
#include <sys/uio.h>

/* As writev, but a pipe without a reader is EPIPE and never a signal, in this process or thread,
   whatever is to become of SIGPIPE otherwise. */
ssize_t quiet_writev(int fd, const struct iovec *buffers, int count);

#endif
