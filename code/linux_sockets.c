/* linux_sockets.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#define _GNU_SOURCE
#include "sockets.h"
#include <errno.h>

int socket_reuse_port(int fd)
{
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ? -errno : 0;
}
