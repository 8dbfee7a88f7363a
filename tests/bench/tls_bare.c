/* What tls_echo_server is measured against: OpenSSL on epoll, written by hand for nothing else. */
#include "arguments.h"
#include "descriptor.h"
#include "plain_socket.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static int listener, poller;

static void fail(const char *what)
{
    fprintf(stderr, "tls_bare: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void accept_one(void)
{
    static const int on = 1;
    int fd = accept(listener, NULL, NULL);
    SSL *ssl = SSL_new(context);
    if (fd < 0 || ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        fail("cannot accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    descriptor_make_nonblocking(fd);
    SSL_set_accept_state(ssl);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ssl};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("cannot wait");
}

static void drop(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* SSL_read goes on with the handshake too. */
static void serve_one(SSL *ssl)
{
    static char data[16384];
    int size;
    ERR_clear_error();
    while ((size = SSL_read(ssl, data, sizeof data)) > 0) {
        if (SSL_write(ssl, data, size) != size) {
            drop(ssl);
            return;
        }
        if (SSL_has_pending(ssl) == 0)
            return;
    }
    if (SSL_get_error(ssl, size) != SSL_ERROR_WANT_READ)
        drop(ssl);
}

static void set_up(const char *cert, const char *key, bool read_ahead)
{
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || cert == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1
        || SSL_CTX_use_PrivateKey_file(context, key != NULL ? key : cert, SSL_FILETYPE_PEM) != 1)
        fail("no certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, read_ahead);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *cert = NULL, *key = NULL;
    int port = 8443;
    bool read_ahead = false;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8443; 0: any)"},
        {"--cert", ARGUMENT_TEXT, &cert, "the certificate and its chain, PEM"},
        {"--key", ARGUMENT_TEXT, &key, "its private key, PEM (in the certificate's file)"},
        {"--read-ahead", ARGUMENT_FLAG, &read_ahead, "one recv for a record, in place of two"},
    };
    int status = arguments_parse(argc, argv, "Echoes over TLS by a loop written by hand.", arguments, 4);
    if (status >= 0)
        return status;
    set_up(cert, key, read_ahead);
    listener = plain_listen(host, &port);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (listener < 0 || poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("cannot listen");
    printf("Serving on ('%s', %d)\n", host, port);
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[64];
        int count = epoll_wait(poller, ready, 64, -1);
        for (int i = 0; i < count; i++)
            if (ready[i].data.ptr == NULL)
                accept_one();
            else
                serve_one(ready[i].data.ptr);
    }
}
