/* plain_socket.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "plain_socket.h"
#include "descriptor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_and_listen(int listener, struct sockaddr_in *address)
{
    const int yes = 1;
    socklen_t size = sizeof *address;
    int error = descriptor_make_close_on_exec(listener);
    if (error)
        return error;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(listener, (struct sockaddr *)address, size) < 0
        || listen(listener, 100) < 0
        || getsockname(listener, (struct sockaddr *)address, &size) < 0)
        return -errno;
    return 0;
}

int plain_listen(const char *host, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -EINVAL;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return -errno;
    int error = bind_and_listen(listener, &address);
    if (error) {
        close(listener);
        return error;
    }
    *port = ntohs(address.sin_port);
    return listener;
}
