/* accept() as the kernel has it: without a free descriptor no connection leaves the queue. Valgrind lets the kernel
   accept and closes the connection afterwards; so we look for a descriptor first. */
#define _DEFAULT_SOURCE /* syscall */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags);

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    int spare = dup(fd);
    if (spare < 0)
        return -1;
    close(spare);
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return accept4(fd, address, size, 0);
}
