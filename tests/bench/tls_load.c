/* Asks a server over TLS as fast as it answers: each connection sends a message, waits until it is all back, and sends
   the next. Prints how many messages were answered, and in how many seconds; handshakes do not count. */
#include "arguments.h"
#include "descriptor.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST_CONNECTIONS = 256, MOST_SIZE = 16384 };

static char question[MOST_SIZE];

struct asker {
    SSL *ssl;
    int received;
};

static void fail(const char *what)
{
    fprintf(stderr, "tls_load: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int connect_to(struct asker *asker, SSL_CTX *context, int port)
{
    static const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    asker->received = 0;
    asker->ssl = SSL_new(context);
    if (asker->ssl == NULL || SSL_set_fd(asker->ssl, fd) != 1 || SSL_connect(asker->ssl) != 1)
        fail("no handshake");
    descriptor_make_nonblocking(fd);
    return fd;
}

static void ask(struct asker *asker, int size)
{
    if (SSL_write(asker->ssl, question, size) != size)
        fail("cannot send");
}

/* True when the whole answer is there. */
static bool listen_to(struct asker *asker, int size)
{
    static char got[MOST_SIZE];
    int part = 1;
    ERR_clear_error();
    while (asker->received < size && (part = SSL_read(asker->ssl, got, size - asker->received)) > 0) {
        if (memcmp(got, question + asker->received, (size_t)part) != 0)
            fail("a wrong answer");
        asker->received += part;
    }
    if (part <= 0 && SSL_get_error(asker->ssl, part) != SSL_ERROR_WANT_READ)
        fail("the server has gone");
    if (asker->received < size)
        return false;
    asker->received = 0;
    return true;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static unsigned long run(struct pollfd *polled, struct asker *askers, nfds_t count, double seconds, int size)
{
    unsigned long asked = 0, answered = 0;
    double end = now() + seconds;
    for (nfds_t i = 0; i < count; i++, asked++)
        ask(&askers[i], size);
    while (answered < asked) {
        bool more = now() < end;
        if (poll(polled, count, 20000) <= 0)
            fail("no answer");
        for (nfds_t i = 0; i < count; i++)
            if (polled[i].revents != 0 && listen_to(&askers[i], size)) {
                answered++;
                if (more) {
                    ask(&askers[i], size);
                    asked++;
                }
            }
    }
    return answered;
}

int main(int argc, char **argv)
{
    int port = 8443;
    long connections = 64, size = 1024;
    double seconds = 1;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "the server's port (8443)"},
        {"--connections", ARGUMENT_NUMBER, &connections, "how many ask at once (64)"},
        {"--size", ARGUMENT_NUMBER, &size, "bytes of a message (1024)"},
        {"--seconds", ARGUMENT_SECONDS, &seconds, "how long to ask (1)"},
    };
    int status = arguments_parse(argc, argv, "Asks a server over TLS as fast as it answers.", arguments, 4);
    if (status >= 0)
        return status;
    if (connections < 1 || connections > MOST_CONNECTIONS || size < 1 || size > MOST_SIZE) {
        fprintf(stderr, "tls_load: 1 to %d connections, messages of 1 to %d bytes\n", MOST_CONNECTIONS, MOST_SIZE);
        return 2;
    }
    for (int i = 0; i < MOST_SIZE; i++)
        question[i] = (char)('a' + i % 26);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        fail("no context");
    SSL_CTX_set_read_ahead(context, 1);
    struct pollfd polled[MOST_CONNECTIONS];
    struct asker askers[MOST_CONNECTIONS];
    for (long i = 0; i < connections; i++)
        polled[i] = (struct pollfd){.fd = connect_to(&askers[i], context, port), .events = POLLIN};
    double start = now();
    unsigned long answered = run(polled, askers, (nfds_t)connections, seconds, (int)size);
    printf("%lu %.6f\n", answered, now() - start);
    for (long i = 0; i < connections; i++)
        SSL_free(askers[i].ssl);
    SSL_CTX_free(context);
    return 0;
}
