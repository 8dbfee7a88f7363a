/* linux_spawn.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#define _GNU_SOURCE
#include "spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t spawn_split(void (*child)(void *context), void *context)
{
    pid_t pid = vfork();
    if (pid == 0) {
        child(context);
        _exit(127);
    }
    return pid;
}

int spawn_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

int spawn_close_on_exec_from(int first)
{
#ifdef SYS_close_range
    const unsigned close_on_exec = 4;
    unsigned from = first < 0 ? ~0U : (unsigned)first; /* -1: nothing, only to see whether it works */
    return syscall(SYS_close_range, from, ~0U, close_on_exec) < 0 ? -errno : 0;
#else
    (void)first;
    return -ENOSYS;
#endif
}
