/* The kernel: what is still on its way between two sockets of this process. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SOCKETS = 128,
    MOST_FDS = 1024,
    SMALL_BUFFER = 8192,
    BIG_BUFFER = 4 * 1024 * 1024 };

static double real_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool tcp_info(int fd, struct tcp_info *info)
{
    socklen_t size = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

static bool in_flight(void)
{
    for (int fd = 3; fd < MOST_SOCKETS; fd++) {
        struct tcp_info info;
        if (!tcp_info(fd, &info))
            continue;
        if (info.tcpi_state == TCP_SYN_SENT && !run.filled)
            return true;
        if (info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_LISTEN && info.tcpi_unacked > 0)
            return true;
    }
    return false;
}

/* Waits until the kernel has carried over what was sent; true if that took a while. */
bool carry(void)
{
    bool waited = false;
    for (double end = real_time() + 1; real_time() < end; waited = true) {
        for (int fd = 3, on = 1; fd < MOST_SOCKETS; fd++)
            setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        if (!in_flight())
            break;
        poll(NULL, 0, 1);
    }
    return waited;
}

static int unsent_bytes(int fd)
{
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

bool holds_unsent(int fd)
{
    struct tcp_info info;
    return fd >= 0 && tcp_info(fd, &info) && unsent_bytes(fd) > 0;
}

static bool same_address(const struct address *one, const struct address *other)
{
    char texts[2][128];
    address_format(one, texts[0], sizeof texts[0]);
    address_format(other, texts[1], sizeof texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

/* The state of the TCP socket at the other end of fd, when it lives in this process and will notice what fd does
   next. */
struct far_end far_end_of(int fd)
{
    struct far_end none = {.fd = -1};
    struct tcp_info info;
    struct address name, peer;
    if (!tcp_info(fd, &info) || (info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_CLOSE_WAIT))
        return none;
    if (unsent_bytes(fd) > 0 || address_of_socket(fd, &name) != 0 || address_of_peer(fd, &peer) != 0)
        return none;
    for (int other = 3; other < MOST_SOCKETS; other++) {
        struct address other_name, other_peer;
        if (other == fd || !tcp_info(other, &info) || info.tcpi_state == TCP_LISTEN)
            continue;
        if (address_of_socket(other, &other_name) == 0 && address_of_peer(other, &other_peer) == 0 &&
            same_address(&other_name, &peer) && same_address(&other_peer, &name))
            return (struct far_end){.fd = other, .state = info.tcpi_state};
    }
    return none;
}

void far_end_wait(struct far_end far)
{
    struct tcp_info info;
    double end = real_time() + 1;
    while (far.fd >= 0 && tcp_info(far.fd, &info) && info.tcpi_state == far.state && real_time() < end)
        poll(NULL, 0, 1);
}

/* How many connections wait in a TCP listener's queue; -1: it is none. */
int waiting_at(int listener)
{
    struct tcp_info info;
    return tcp_info(listener, &info) && info.tcpi_state == TCP_LISTEN ? (int)info.tcpi_unacked : -1;
}

static void check(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "conformance: %s: %s\n", what, strerror(errno));
    _exit(2);
}

static void set_buffers(int fd, const char *buffers)
{
    if (buffers == NULL)
        return;
    int size = strcmp(buffers, "small") == 0 ? SMALL_BUFFER : BIG_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (size == BIG_BUFFER)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Two connected sockets; the first is for a transport. A small receive buffer would make the kernel drop segments, and
   wait for its timers; so only the sending side is small. */
void quick_pair(const char *family, const char *buffers, int pair[2])
{
    if (strcmp(family, "unix") == 0) {
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
        set_buffers(pair[0], buffers);
        set_buffers(pair[1], buffers);
        return;
    }
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    check(listener, "socket");
    set_buffers(listener, buffers);
    check(bind(listener, (struct sockaddr *)&name, size), "bind");
    check(listen(listener, 1), "listen");
    check(getsockname(listener, (struct sockaddr *)&name, &size), "getsockname");
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(pair[0], "socket");
    set_buffers(pair[0], buffers);
    check(connect(pair[0], (struct sockaddr *)&name, size), "connect");
    pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    check(pair[1], "accept");
    close(listener);
    setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int count_fds(int *highest)
{
    int count = 0;
    for (int fd = 0; fd < MOST_FDS; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        count++;
        if (highest != NULL)
            *highest = fd;
    }
    return count;
}
