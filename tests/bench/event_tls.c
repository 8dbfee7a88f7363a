/* The echo over TLS on libevent, when its header (Debian package libevent-dev) was there to compile with. */
#include <stdio.h>

#if defined __has_include
#if __has_include(<event2/bufferevent_ssl.h>)
#define HAVE_LIBEVENT
#endif
#endif

#ifdef HAVE_LIBEVENT
#include "arguments.h"
#include "plain_socket.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

static SSL_CTX *context;

static void fail(const char *what)
{
    fprintf(stderr, "event_tls: %s\n", what);
    exit(1);
}

static void received(struct bufferevent *stream, void *unused)
{
    (void)unused;
    bufferevent_write_buffer(stream, bufferevent_get_input(stream));
}

static void happened(struct bufferevent *stream, short events, void *unused)
{
    (void)unused;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(stream);
}

static void arrived(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int size, void *unused)
{
    static const int on = 1;
    (void)from;
    (void)size;
    (void)unused;
    SSL *ssl = SSL_new(context);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        evconnlistener_get_base(listener), fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL)
        fail("cannot accept");
    bufferevent_setcb(stream, received, NULL, happened, NULL);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static void interrupted(evutil_socket_t signal, short events, void *base)
{
    (void)signal;
    (void)events;
    event_base_loopbreak(base);
}

static void set_up(const char *cert, const char *key)
{
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || cert == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1
        || SSL_CTX_use_PrivateKey_file(context, key != NULL ? key : cert, SSL_FILETYPE_PEM) != 1)
        fail("no certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *cert = NULL, *key = NULL;
    int port = 8443;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8443; 0: any)"},
        {"--cert", ARGUMENT_TEXT, &cert, "the certificate and its chain, PEM"},
        {"--key", ARGUMENT_TEXT, &key, "its private key, PEM (in the certificate's file)"},
    };
    int status = arguments_parse(argc, argv, "Echoes over TLS by libevent.", arguments, 3);
    if (status >= 0)
        return status;
    set_up(cert, key);
    int fd = plain_listen(host, &port);
    struct event_base *base = event_base_new();
    if (fd < 0 || base == NULL || evutil_make_socket_nonblocking(fd) < 0
        || evconnlistener_new(base, arrived, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd) == NULL)
        fail("cannot listen");
    struct event *interrupt = evsignal_new(base, 2, interrupted, base);
    if (interrupt == NULL || event_add(interrupt, NULL) < 0)
        fail("cannot be interrupted");
    printf("Serving on ('%s', %d)\n", host, port);
    fflush(stdout);
    event_base_dispatch(base);
    return 0;
}
#else
int main(void)
{
    fprintf(stderr, "event_tls: was compiled without libevent (Debian package libevent-dev)\n");
    return 3;
}
#endif
