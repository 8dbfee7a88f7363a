/* Asks a server as fast as it answers: each connection sends a batch of 64-byte messages by one send, waits for all
   answers, and sends the next. A batch of datagrams is one datagram. Prints how many messages were answered, and in how
   many seconds. */
#include "arguments.h"
#include "descriptor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 256, MOST_BATCH = 256, MESSAGE = 64, MOST_ANSWER = 80 };

static char question[MOST_BATCH * MESSAGE], expected[MOST_BATCH * MOST_ANSWER], got[MOST_BATCH * MOST_ANSWER];
static size_t question_size, expected_size;

struct asker {
    size_t received;
    unsigned long batches;
};

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add(char *to, size_t *size, const void *data, size_t more)
{
    memcpy(to + *size, data, more);
    *size += more;
}

static void add_message(const char *kind)
{
    static const char text[] = "0123456789 the quick brown fox jumps over the lazy dog 0123456789";
    if (strcmp(kind, "lines") == 0) {
        add(question, &question_size, text, MESSAGE - 1);
        add(question, &question_size, "\n", 1);
        add(expected, &expected_size, "Processed: ", 11);
        add(expected, &expected_size, text, MESSAGE - 1);
        add(expected, &expected_size, "\n", 1);
    } else if (strcmp(kind, "frames") == 0) {
        uint32_t asked = htonl(MESSAGE - 4), answered = htonl(MESSAGE - 9);
        add(question, &question_size, &asked, 4);
        add(question, &question_size, "echo ", 5);
        add(question, &question_size, text, MESSAGE - 9);
        add(expected, &expected_size, &answered, 4);
        add(expected, &expected_size, text, MESSAGE - 9);
    } else {
        add(question, &question_size, text, MESSAGE);
        add(expected, &expected_size, text, MESSAGE);
    }
}

static int connect_to(const char *host, int port, bool by_datagrams)
{
    static const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, by_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1
        || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("cannot connect");
    if (!by_datagrams)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    descriptor_make_nonblocking(fd);
    return fd;
}

static void ask(int fd)
{
    if (send(fd, question, question_size, MSG_NOSIGNAL) != (ssize_t)question_size)
        fail("cannot send");
}

/* True when all answers of the batch are there. */
static bool listen_to(struct asker *asker, int fd)
{
    ssize_t size = recv(fd, got, expected_size - asker->received, 0);
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0)
        fail("the server has gone");
    if (asker->batches == 0 && memcmp(got, expected + asker->received, (size_t)size) != 0)
        fail("a wrong answer");
    asker->received += (size_t)size;
    if (asker->received < expected_size)
        return false;
    asker->received = 0;
    asker->batches++;
    return true;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* For so many seconds, or so many batches when that is not 0; every question is answered at the end. */
static unsigned long run(struct pollfd *polled, struct asker *askers, nfds_t count, double seconds, long most)
{
    unsigned long asked = 0, answered = 0;
    double end = now() + seconds;
    for (nfds_t i = 0; i < count; i++, asked++)
        ask(polled[i].fd);
    while (answered < asked) {
        bool more = most > 0 ? asked < (unsigned long)most : now() < end;
        if (poll(polled, count, 20000) <= 0)
            fail("no answer");
        for (nfds_t i = 0; i < count; i++)
            if (polled[i].revents != 0 && listen_to(&askers[i], polled[i].fd)) {
                answered++;
                if (more) {
                    ask(polled[i].fd);
                    asked++;
                }
            }
    }
    return answered;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *kind = "echo";
    int port = 8888;
    long connections = 1, batch = 1, batches = 0;
    double seconds = 1;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the server's address (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the server's port (8888)"},
        {"--kind", ARGUMENT_TEXT, &kind, "echo, lines, frames or datagrams (echo)"},
        {"--connections", ARGUMENT_NUMBER, &connections, "how many ask at once (1)"},
        {"--batch", ARGUMENT_NUMBER, &batch, "messages that are sent together (1)"},
        {"--seconds", ARGUMENT_SECONDS, &seconds, "how long to ask (1)"},
        {"--batches", ARGUMENT_NUMBER, &batches, "how often to ask, whatever the time (0: by time)"},
    };
    int status = arguments_parse(argc, argv, "Asks a server as fast as it answers.", arguments, 7);
    if (status >= 0)
        return status;
    if (connections < 1 || connections > MOST_CONNECTIONS || batch < 1 || batch > MOST_BATCH) {
        fprintf(stderr, "load: 1 to %d connections, batches of 1 to %d\n", MOST_CONNECTIONS, MOST_BATCH);
        return 2;
    }
    for (long i = 0; i < batch; i++)
        add_message(kind);
    bool by_datagrams = strcmp(kind, "datagrams") == 0;
    struct pollfd polled[MOST_CONNECTIONS];
    struct asker askers[MOST_CONNECTIONS] = {{0, 0}};
    for (long i = 0; i < connections; i++)
        polled[i] = (struct pollfd){.fd = connect_to(host, port, by_datagrams), .events = POLLIN};
    double start = now();
    unsigned long answered = run(polled, askers, (nfds_t)connections, seconds, batches);
    printf("%lu %.6f\n", answered * (unsigned long)batch, now() - start);
    return 0;
}
