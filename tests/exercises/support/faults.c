/* faults.c: read, write and their like, which kernel.c leaves alone, and the faults that graders plant. */
#include "grader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* One counter for each direction: how many of the next calls fail, with what, and how much a call moves. */
struct direction {
    unsigned long calls;
    unsigned after, times;
    int error;
    size_t most;
};

static struct direction reading, writing;
static unsigned refused_descriptors;

static bool fails(struct direction *direction)
{
    direction->calls++;
    if (direction->times == 0)
        return false;
    if (direction->after > 0) {
        direction->after--;
        return false;
    }
    direction->times--;
    errno = direction->error;
    return true;
}

static size_t granted(const struct direction *direction, size_t size)
{
    return direction->most > 0 && direction->most < size ? direction->most : size;
}

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
    return fails(&reading) ? -1 : __real_read(fd, data, granted(&reading, size));
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return fails(&writing) ? -1 : __real_write(fd, data, granted(&writing, size));
}

/* A part of the first buffer that is not empty is a short count too. */
static const struct iovec *first_full(const struct iovec *buffers, int count)
{
    while (count > 1 && buffers->iov_len == 0) {
        buffers++;
        count--;
    }
    return buffers;
}

ssize_t __real_readv(int fd, const struct iovec *buffers, int count);
ssize_t __wrap_readv(int fd, const struct iovec *buffers, int count);
ssize_t __wrap_readv(int fd, const struct iovec *buffers, int count)
{
    const struct iovec *first = first_full(buffers, count);
    if (fails(&reading))
        return -1;
    if (reading.most == 0 || count < 1)
        return __real_readv(fd, buffers, count);
    return __real_read(fd, first->iov_base, granted(&reading, first->iov_len));
}

ssize_t __real_writev(int fd, const struct iovec *buffers, int count);
ssize_t __wrap_writev(int fd, const struct iovec *buffers, int count);
ssize_t __wrap_writev(int fd, const struct iovec *buffers, int count)
{
    const struct iovec *first = first_full(buffers, count);
    if (fails(&writing))
        return -1;
    if (writing.most == 0 || count < 1)
        return __real_writev(fd, buffers, count);
    return __real_write(fd, first->iov_base, granted(&writing, first->iov_len));
}

static bool no_descriptor(void)
{
    if (refused_descriptors == 0)
        return false;
    refused_descriptors--;
    errno = EMFILE;
    return true;
}

int __real_pipe(int ends[2]);
int __wrap_pipe(int ends[2]);
int __wrap_pipe(int ends[2])
{
    return no_descriptor() ? -1 : __real_pipe(ends);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return no_descriptor() ? -1 : __real_open(path, flags, mode);
}

static void fail_next(struct direction *direction, int error, unsigned after, unsigned times)
{
    direction->error = error;
    direction->after = after;
    direction->times = times;
}

void fault_short_writes(size_t most)
{
    writing.most = most;
    kernel_move_at_most(KERNEL_SEND, most);
}

void fault_short_reads(size_t most)
{
    reading.most = most;
    kernel_move_at_most(KERNEL_RECEIVE, most);
}

void fault_eintr(unsigned times)
{
    static const enum kernel_call interrupted[] = {KERNEL_SEND, KERNEL_RECEIVE, KERNEL_ACCEPT, KERNEL_WAIT};
    for (size_t i = 0; i < sizeof interrupted / sizeof *interrupted; i++)
        kernel_fail(interrupted[i], EINTR, 0, times);
    fail_next(&reading, EINTR, 0, times);
    fail_next(&writing, EINTR, 0, times);
}

void fault_eagain(unsigned times)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, times);
    kernel_fail(KERNEL_RECEIVE, EAGAIN, 0, times);
    fail_next(&reading, EAGAIN, 0, times);
    fail_next(&writing, EAGAIN, 0, times);
}

void fault_emfile(unsigned times)
{
    kernel_fail(KERNEL_SOCKET, EMFILE, 0, times);
    kernel_fail(KERNEL_ACCEPT, EMFILE, 0, times);
    refused_descriptors = times;
}

void fault_reset(unsigned after)
{
    kernel_fail(KERNEL_RECEIVE, ECONNRESET, after, 1);
    fail_next(&reading, ECONNRESET, after, 1);
}

void fault_send_error(int error)
{
    kernel_fail(KERNEL_SEND, error, 0, 1);
    fail_next(&writing, error, 0, 1);
}

void fault_no_memory(unsigned after, unsigned times)
{
    kernel_fail(KERNEL_MEMORY, ENOMEM, after, times);
}

void faults_end(void)
{
    kernel_reset();
    reading = writing = (struct direction){0};
    refused_descriptors = 0;
}

unsigned long calls_of_send(void)
{
    return kernel_count(KERNEL_SEND) + writing.calls;
}

unsigned long calls_of_receive(void)
{
    return kernel_count(KERNEL_RECEIVE) + reading.calls;
}
