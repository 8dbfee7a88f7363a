/* peers.c: the other end, a plain socket in the test's own hands. It uses sendto and recvfrom, which
   kernel.c leaves alone. */
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

enum { MOST_PEERS = 64 };
static int known[MOST_PEERS];
static size_t known_count;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void remember(int fd)
{
    known[known_count++ % MOST_PEERS] = fd;
}

bool bytes_are_under_way(void)
{
    size_t count = known_count < MOST_PEERS ? known_count : MOST_PEERS;
    for (size_t i = 0; i < count; i++) {
        int unsent = 0;
        if (ioctl(known[i], SIOCOUTQ, &unsent) == 0 && unsent > 0)
            return true;
    }
    return false;
}

static void set_number(int fd, int level, int option, int value)
{
    REQUIRE(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int listen_with(int *port, int backlog, int buffer)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    if (buffer > 0)
        set_number(fd, SOL_SOCKET, SO_RCVBUF, buffer);
    REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(listen(fd, backlog) == 0);
    *port = port_of(fd);
    return fd;
}

int listen_on_loopback(int *port, int backlog)
{
    return listen_with(port, backlog, 0);
}

int refused_port(void)
{
    int port, fd = listen_on_loopback(&port, 1);
    close(fd);
    return port;
}

int connect_to(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    remember(fd);
    return fd;
}

int connect_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    remember(fd);
    return fd;
}

bool have_ipv6_loopback(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool have = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return have;
}

static void set_nonblocking(int fd)
{
    REQUIRE(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

/* Theirs listens, so that both receiving buffers can be small from the first segment on. */
void small_tcp_pair(int ends[2], int buffer)
{
    int port, listener = listen_with(&port, 1, buffer);
    struct sockaddr_in address = loopback(port);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(ends[0] >= 0);
    if (buffer > 0) {
        set_number(ends[0], SOL_SOCKET, SO_SNDBUF, buffer);
        set_number(ends[0], SOL_SOCKET, SO_RCVBUF, buffer);
    }
    REQUIRE(connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0);
    ends[1] = accept(listener, NULL, NULL);
    REQUIRE(ends[1] >= 0);
    set_number(ends[1], IPPROTO_TCP, TCP_NODELAY, 1);
    close(listener);
    set_nonblocking(ends[0]);
    remember(ends[0]);
    remember(ends[1]);
}

void tcp_pair(int ends[2])
{
    small_tcp_pair(ends, 0);
}

void unix_pair(int ends[2])
{
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    set_nonblocking(ends[0]);
}

/* Sending and ending. */

void peer_send_bytes(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t sent = sendto(fd, next, size, MSG_NOSIGNAL, NULL, 0);
        if (sent < 0 && errno == EINTR)
            continue;
        REQUIRE(sent > 0);
        next += sent;
        size -= (size_t)sent;
    }
}

void peer_send(int fd, const char *text)
{
    peer_send_bytes(fd, text, strlen(text));
}

void peer_end(int fd)
{
    REQUIRE(shutdown(fd, SHUT_WR) == 0);
}

void peer_close(int fd)
{
    close(fd);
}

void peer_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

/* Receiving. */

/* A moment in which either side may get something; then a pass. */
static void turn(struct loop *loop, int fd)
{
    const struct timespec moment = {.tv_nsec = 1000000}, none = {0};
    fd_set reading;
    pass(loop);
    FD_ZERO(&reading);
    FD_SET(fd, &reading);
    pselect(fd + 1, &reading, NULL, NULL, kernel_found() > 0 ? &none : &moment, NULL);
}

size_t peer_receive(struct loop *loop, int fd, void *data, size_t size, int *error)
{
    double end = now() + patience() / 2;
    size_t length = 0;
    *error = 0;
    while (length < size) {
        ssize_t got = recvfrom(fd, (char *)data + length, size - length, MSG_DONTWAIT, NULL, NULL);
        if (got > 0) {
            length += (size_t)got;
        } else if (got == 0) {
            break;
        } else if (errno == EAGAIN) {
            if (now() > end) {
                *error = EAGAIN;
                break;
            }
            turn(loop, fd);
        } else if (errno != EINTR) {
            *error = errno;
            break;
        }
    }
    return length;
}

void check_receives(struct loop *loop, int fd, const char *text, const char *file, int line)
{
    char data[4000];
    int error;
    size_t got = peer_receive(loop, fd, data, strlen(text), &error);
    data[got] = '\0';
    check_text(data, text, "what the peer received", file, line);
}

void check_end_of_stream(struct loop *loop, int fd, int expected, const char *file, int line)
{
    char byte;
    int error;
    if (peer_receive(loop, fd, &byte, 1, &error) != 0)
        check_failed(file, line, "the peer expected the end of the stream, but received byte %d", byte);
    else
        check_text(error == 0 ? "the end" : strerror(error), expected == 0 ? "the end" : strerror(expected),
            "what the peer received", file, line);
}

void check_silence(int fd, const char *file, int line)
{
    char data[100];
    ssize_t got = recvfrom(fd, data, sizeof data - 1, MSG_DONTWAIT, NULL, NULL);
    if (got == 0)
        check_failed(file, line, "the peer expected nothing yet, but the stream has ended");
    else if (got > 0)
        check_failed(file, line, "the peer expected nothing yet, but received %zd bytes", got);
    else
        check_text(strerror(errno), strerror(EAGAIN), "what the peer received", file, line);
}

size_t peer_drain(struct loop *loop, int fd, int *error)
{
    char data[16384];
    size_t total = 0;
    for (;;) {
        size_t got = peer_receive(loop, fd, data, sizeof data, error);
        total += got;
        if (got < sizeof data)
            return total;
    }
}

/* Descriptors. */

unsigned long limit_descriptors(unsigned long most)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    unsigned long before = limit.rlim_cur;
    limit.rlim_cur = most;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return before;
}

int next_descriptor(void)
{
    int fd = fcntl(2, F_DUPFD_CLOEXEC, 0);
    close(fd);
    return fd;
}

void hoard_descriptors(struct hoard *hoard, size_t spare)
{
    hoard->count = 0;
    while (hoard->count < sizeof hoard->fds / sizeof *hoard->fds) {
        int fd = fcntl(2, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            break;
        hoard->fds[hoard->count++] = fd;
    }
    while (spare-- > 0 && hoard->count > 0)
        close(hoard->fds[--hoard->count]);
}

void hoard_end(struct hoard *hoard)
{
    while (hoard->count > 0)
        close(hoard->fds[--hoard->count]);
}
