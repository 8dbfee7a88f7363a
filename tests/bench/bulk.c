/* Sends a lot: to a server that throws it away, or through a relay back to itself. Prints the bytes that arrived (or
   were sent, when nobody listens here) and the seconds. */
#include "arguments.h"
#include "plain_socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char block[256 * 1024];

static void fail(const char *what)
{
    fprintf(stderr, "bulk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int connect_to(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1
        || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("cannot connect");
    return fd;
}

static void send_all(int fd, size_t total)
{
    while (total > 0) {
        ssize_t sent = send(fd, block, total < sizeof block ? total : sizeof block, MSG_NOSIGNAL);
        if (sent < 0)
            fail("cannot send");
        total -= (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
}

static size_t drain(int fd)
{
    size_t total = 0;
    ssize_t size;
    while ((size = recv(fd, block, sizeof block, 0)) > 0)
        total += (size_t)size;
    if (size < 0)
        fail("cannot receive");
    return total;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888, target = 0;
    long mebibytes = 64;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the address (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "where to send (8888)"},
        {"--listen", ARGUMENT_PORT, &target, "where what was sent comes back (0: nowhere)"},
        {"--mebibytes", ARGUMENT_NUMBER, &mebibytes, "how much (64)"},
    };
    int status = arguments_parse(argc, argv, "Sends a lot and tells how long it took.", arguments, 4);
    if (status >= 0)
        return status;
    size_t total = (size_t)mebibytes * 1024 * 1024, arrived = total;
    int listener = target != 0 ? plain_listen(host, &target) : -1;
    if (target != 0 && listener < 0)
        fail("cannot listen");
    int sender = connect_to(host, port);
    double start = now();
    pid_t child = listener >= 0 ? fork() : 0;
    if (child < 0)
        fail("cannot fork");
    if (child == 0)
        send_all(sender, total);
    if (listener >= 0 && child == 0)
        _exit(0);
    if (listener >= 0) {
        int receiver = accept(listener, NULL, NULL);
        if (receiver < 0)
            fail("cannot accept");
        arrived = drain(receiver);
        waitpid(child, NULL, 0);
    } else
        drain(sender);
    printf("%zu %.6f\n", arrived, now() - start);
    return arrived == total ? 0 : 1;
}
