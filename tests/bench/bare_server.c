/* What the library's servers are measured against: the same answers from a loop written by hand for nothing else.
   Whatever came together is answered by one send. */
#include "arguments.h"
#include "descriptor.h"
#include "plain_socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 512, KEPT = 8192, OUT_SIZE = 256 * 1024 };

struct connection {
    int fd;
    size_t used;
    char kept[KEPT];
};

/* Puts the answers to all that is whole into out; returns how much of the input they used up. */
typedef size_t answerer(const char *data, size_t size);

static struct connection *connections[MOST_CONNECTIONS]; /* by descriptor */
static char out[OUT_SIZE];
static size_t out_size;
static answerer *answer;
static int listener, poller = -1;
static fd_set watched;
static int highest;

static void put(const void *data, size_t size)
{
    if (size > sizeof out - out_size)
        exit(1);
    memcpy(out + out_size, data, size);
    out_size += size;
}

static size_t answer_echo(const char *data, size_t size)
{
    put(data, size);
    return size;
}

static size_t answer_lines(const char *data, size_t size)
{
    const char *at = data, *end = data + size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        size_t length = (size_t)(newline - at);
        put("Processed: ", 11);
        put(at, length > 0 && at[length - 1] == '\r' ? length - 1 : length);
        put("\n", 1);
        at = newline + 1;
    }
    return (size_t)(at - data);
}

static size_t answer_frames(const char *data, size_t size)
{
    const char *at = data;
    uint32_t prefix;
    while (size - (size_t)(at - data) >= sizeof prefix) {
        memcpy(&prefix, at, sizeof prefix);
        uint32_t length = ntohl(prefix);
        if (size - (size_t)(at - data) - sizeof prefix < length)
            break;
        if (length < 5 || memcmp(at + sizeof prefix, "echo ", 5) != 0)
            exit(1);
        prefix = htonl(length - 5);
        put(&prefix, sizeof prefix);
        put(at + sizeof prefix + 5, length - 5);
        at += sizeof prefix + length;
    }
    return (size_t)(at - data);
}

static void watch(int fd)
{
    if (poller < 0)
        FD_SET(fd, &watched);
    else if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd}) < 0)
        exit(1);
    highest = fd > highest ? fd : highest;
}

static void accept_one(void)
{
    static const int on = 1;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || fd >= MOST_CONNECTIONS || (connections[fd] = malloc(sizeof *connections[fd])) == NULL)
        exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    descriptor_make_nonblocking(fd);
    connections[fd]->fd = fd;
    connections[fd]->used = 0;
    watch(fd);
}

static void drop(struct connection *connection)
{
    if (poller < 0)
        FD_CLR(connection->fd, &watched);
    close(connection->fd);
    connections[connection->fd] = NULL;
    free(connection);
}

static void serve_one(struct connection *connection)
{
    ssize_t size = recv(connection->fd, connection->kept + connection->used, KEPT - connection->used, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN)
            drop(connection);
        return;
    }
    connection->used += (size_t)size;
    out_size = 0;
    size_t used = answer(connection->kept, connection->used);
    connection->used -= used;
    memmove(connection->kept, connection->kept + used, connection->used);
    if (out_size > 0 && send(connection->fd, out, out_size, MSG_NOSIGNAL) != (ssize_t)out_size)
        drop(connection);
}

static void serve_fd(int fd)
{
    if (fd == listener)
        accept_one();
    else
        serve_one(connections[fd]);
}

static void pass_of_select(void)
{
    fd_set ready = watched;
    int count = select(highest + 1, &ready, NULL, NULL, NULL);
    for (int fd = 0; fd <= highest && count > 0; fd++)
        if (FD_ISSET(fd, &ready)) {
            count--;
            serve_fd(fd);
        }
}

static void pass_of_epoll(void)
{
    struct epoll_event ready[64];
    int count = epoll_wait(poller, ready, 64, -1);
    for (int i = 0; i < count; i++)
        serve_fd(ready[i].data.fd);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *kind = "echo";
    int port = 8888;
    bool by_epoll = false;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
        {"--kind", ARGUMENT_TEXT, &kind, "echo, lines or frames (echo)"},
        {"--epoll", ARGUMENT_FLAG, &by_epoll, "wait by epoll, not select"},
    };
    int status = arguments_parse(argc, argv, "Answers by a loop written by hand.", arguments, 4);
    if (status >= 0)
        return status;
    answer = strcmp(kind, "lines") == 0 ? answer_lines : strcmp(kind, "frames") == 0 ? answer_frames : answer_echo;
    listener = plain_listen(host, &port);
    if (listener < 0 || (by_epoll && (poller = epoll_create1(EPOLL_CLOEXEC)) < 0)) {
        fprintf(stderr, "bare_server: cannot listen on ('%s', %d)\n", host, port);
        return 1;
    }
    watch(listener);
    printf("Serving on ('%s', %d)\n", host, port);
    fflush(stdout);
    for (;;)
        if (by_epoll)
            pass_of_epoll();
        else
            pass_of_select();
}
