/* sockets.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "sockets.h"
#include "descriptor.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int socket_open(int family, int type)
{
    int fd = socket(family, type, 0);
    if (fd < 0)
        return -errno;
    int failed = descriptor_make_nonblocking(fd);
    if (failed == 0)
        failed = descriptor_make_close_on_exec(fd);
    if (failed == 0)
        return fd;
    close(fd);
    return failed;
}

int socket_check_type(int fd, int type)
{
    int found = 0;
    socklen_t size = sizeof found;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &size) < 0 || found != type)
        return -EINVAL;
    return 0;
}

struct error *socket_bind(int fd, const struct address *address)
{
    char name[ADDRESS_TEXT_ROOM], reason[80];
    if (bind(fd, &address->of.any, address->size) == 0)
        return NULL;
    int code = errno;
    address_format(address, name, sizeof name);
    snprintf(reason, sizeof reason, "%s", strerror(code));
    for (char *c = reason; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return error_from_errno_with(
        code, "error while attempting to bind on address %s: %s", name, reason);
}
