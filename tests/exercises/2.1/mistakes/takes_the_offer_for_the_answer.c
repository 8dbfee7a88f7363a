#include "write_pieces.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int wait_until(int fd, double end)
{
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    double left = end - now();
    if (left <= 0)
        return -ETIMEDOUT;
    return poll(&entry, 1, (int)(left * 1000) + 1) < 0 && errno != EINTR ? -errno : 0;
}

int write_pieces(
    int socket, const struct iovec *pieces, size_t count, double seconds, size_t *sent)
{
    double end = now() + seconds;
    *sent = 0;
    for (size_t i = 0; i < count;) {
        ssize_t size = send(socket, pieces[i].iov_base, pieces[i].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) {
            int error = wait_until(socket, end);
            if (error)
                return error;
        } else if (size < 0 && errno != EINTR) {
            return -errno;
        }
        if (size < 0)
            continue;
        *sent += (size_t)size;
        i++;
    }
    return 0;
}
