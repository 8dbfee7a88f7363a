/* linux_pidfd.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#define _GNU_SOURCE
#include "child_watch.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int pidfd_of(pid_t pid)
{
#ifdef SYS_pidfd_open
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
#else
    (void)pid;
    return -ENOSYS;
#endif
}
