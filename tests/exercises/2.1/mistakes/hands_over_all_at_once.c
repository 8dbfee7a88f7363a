#include "write_pieces.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int wait_for_room(int socket, double deadline)
{
    const double longest = 24 * 60 * 60;
    struct pollfd room = {.fd = socket, .events = POLLOUT};
    double left = deadline - now();
    if (left <= 0)
        return -ETIMEDOUT;
    if (left > longest)
        left = longest;
    return poll(&room, 1, (int)(left * 1e3) + 1) < 0 ? -errno : 0;
}

static ssize_t offer(int socket, const struct iovec *pieces, size_t count, size_t skip)
{
    struct iovec some[4096];
    struct msghdr message = {.msg_iov = some};
    for (; message.msg_iovlen < count && message.msg_iovlen < sizeof some / sizeof *some;
        message.msg_iovlen++)
        some[message.msg_iovlen] = pieces[message.msg_iovlen];
    some[0].iov_base = (char *)some[0].iov_base + skip;
    some[0].iov_len -= skip;
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int write_pieces(
    int socket, const struct iovec *pieces, size_t count, double seconds, size_t *sent)
{
    double deadline = now() + seconds;
    size_t skip = 0;
    for (*sent = 0;;) {
        for (; count > 0 && skip >= pieces->iov_len; pieces++, count--)
            skip -= pieces->iov_len;
        if (count == 0)
            return 0;
        ssize_t taken = offer(socket, pieces, count, skip);
        int error = taken < 0 ? -errno : 0;
        if (taken > 0) {
            skip += (size_t)taken;
            *sent += (size_t)taken;
        }
        if (error == -EAGAIN || error == -EWOULDBLOCK)
            error = wait_for_room(socket, deadline);
        if (error != 0 && error != -EINTR)
            return error;
    }
}
