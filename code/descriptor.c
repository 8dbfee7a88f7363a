/* descriptor.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "descriptor.h"
#include <errno.h>
#include <fcntl.h>

int descriptor_make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int descriptor_make_close_on_exec(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}
