/* sockets.c: the other end, in the test's own hands. sendto and recvfrom without an address, and pselect, are not among
   the calls in which faults are planted. */
#include "grader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __real_accept(int fd, struct sockaddr *address, socklen_t *size);
int __real_listen(int fd, int backlog);

static void must(bool holds, const char *call)
{
    expect(holds, "the grader's own socket to work", "%s: %s", call, strerror(errno));
}

/* Waits until fd can be read (or written); false when the seconds are over. */
static bool ready_within(int fd, bool to_write, double seconds)
{
    double end = seconds_now() + seconds;
    for (;;) {
        double left = end - seconds_now();
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        struct timespec time = {.tv_sec = left > 0 ? (time_t)left : 0};
        time.tv_nsec = left > 0 ? (long)((left - (double)time.tv_sec) * 1e9) : 0;
        int found = pselect(fd + 1, to_write ? NULL : &set, to_write ? &set : NULL, NULL, &time, NULL);
        if (found > 0)
            return true;
        if (found == 0 || errno != EINTR)
            return false;
    }
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int port_of_socket(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    must(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
    return ntohs(address.sin_port);
}

static int socket_of(int type)
{
    int fd = __real_socket(AF_INET, type | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    return fd;
}

static int connected(int port, int buffer)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket_of(SOCK_STREAM), on = 1;
    if (buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (__real_connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int try_to_connect(int port)
{
    return connected(port, 0);
}

int connect_to(int port)
{
    return connect_with_buffers(port, 0);
}

int connect_with_buffers(int port, int bytes)
{
    int fd = connected(port, bytes);
    expect(fd >= 0, "the connection to be accepted", "%s", strerror(errno));
    return fd;
}

int listen_on(int *port)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket_of(SOCK_STREAM);
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(__real_listen(fd, 64) == 0, "listen");
    *port = port_of_socket(fd);
    return fd;
}

int accept_from(int fd)
{
    int on = 1;
    if (!ready_within(fd, false, patience()))
        return -1;
    int taken = __real_accept(fd, NULL, NULL);
    if (taken >= 0) {
        fcntl(taken, F_SETFD, FD_CLOEXEC);
        setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return taken;
}

int unused_port(void)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket_of(SOCK_STREAM);
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    int port = port_of_socket(fd);
    close(fd);
    return port;
}

static void unblock(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void tcp_pair(int ends[2])
{
    int port, listener = listen_on(&port);
    ends[0] = connect_to(port);
    ends[1] = accept_from(listener);
    must(ends[1] >= 0, "accept");
    close(listener);
    unblock(ends[0]);
}

void unix_pair(int ends[2])
{
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    unblock(ends[0]);
}

void send_to(int fd, const void *data, size_t size)
{
    const char *rest = data;
    double end = seconds_now() + patience();
    while (size > 0) {
        ssize_t sent = sendto(fd, rest, size, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
        if (sent > 0) {
            rest += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            expect(ready_within(fd, true, end - seconds_now()), "what the client sends to be read",
                "%zu bytes could not be sent within %.0f seconds", size, patience());
        } else if (errno != EINTR) {
            expect(false, "the connection to stay open while the client sends", "%s", strerror(errno));
        }
    }
}

void send_text(int fd, const char *text)
{
    send_to(fd, text, strlen(text));
}

size_t send_what_fits(int fd, const void *data, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        ssize_t count = sendto(fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
        if (count < 0)
            break;
        sent += (size_t)count;
    }
    return sent;
}

void end_sending(int fd)
{
    shutdown(fd, SHUT_WR);
}

void close_with_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

void close_socket(int fd)
{
    close(fd);
}

/* One receive, once something is there: bytes, 0 at the end, -1 with errno (EAGAIN: the time is over). */
static ssize_t take(int fd, void *data, size_t size, double end)
{
    double left = end - seconds_now();
    if (!ready_within(fd, false, left > 0 ? left : 0)) {
        errno = EAGAIN;
        return -1;
    }
    return recvfrom(fd, data, size, MSG_DONTWAIT, NULL, NULL);
}

size_t receive(int fd, void *data, size_t size, double seconds)
{
    double end = seconds_now() + seconds;
    size_t received = 0;
    while (received < size) {
        ssize_t count = take(fd, (char *)data + received, size - received, end);
        if (count > 0)
            received += (size_t)count;
        else if (count == 0 || errno != EINTR)
            break;
    }
    return received;
}

const char *receive_line(int fd, double seconds)
{
    static char line[70000];
    double end = seconds_now() + seconds;
    size_t length = 0;
    while (length + 1 < sizeof line) {
        ssize_t count = take(fd, line + length, 1, end);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        if (line[length++] == '\n')
            break;
    }
    line[length] = '\0';
    return length > 0 ? line : NULL;
}

bool receives_end(int fd, double seconds)
{
    char byte;
    return take(fd, &byte, 1, seconds_now() + seconds) == 0;
}

bool receives_reset(int fd, double seconds)
{
    char data[4096];
    double end = seconds_now() + seconds;
    ssize_t count;
    do
        count = take(fd, data, sizeof data, end);
    while (count > 0);
    return count < 0 && errno == ECONNRESET;
}

bool stays_silent(int fd, double seconds)
{
    return !ready_within(fd, false, seconds);
}

int udp_socket(int *port)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket_of(SOCK_DGRAM);
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    *port = port_of_socket(fd);
    return fd;
}

int udp_socket_to(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket_of(SOCK_DGRAM);
    must(__real_connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}
