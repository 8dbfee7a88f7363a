/* server.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "server_private.h"
#include "descriptor.h"
#include "loop_private.h"
#include "protocol.h"
#include "socket_transport.h"
#include "sockets.h"
#include "transport_private.h"
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tls_transport.h"

struct listener {
    struct server *server;
    int fd;
    struct handle acceptor;
    struct timer_handle retry;
};

struct server {
    struct loop *loop;
    protocol_factory *factory;
    void *context;
    struct listener *listeners;
    int *sockets; /* the listeners' descriptors again, to be shown */
    size_t count;
    int backlog;
    bool serving, closed;
    size_t references;           /* the loop's, while it is not closed, and its users' */
    size_t connections;          /* each has a reference too */
    struct transport_owner owner; /* through which they tell of their end */
    struct future *forever;      /* who called server_serve_forever */
    struct future *waiters;      /* who called server_wait_closed */
    struct handle closer;        /* for loop_close */
    struct tls_settings tls;
};

enum { ACCEPT_RETRY_DELAY = 1, DEFAULT_BACKLOG = 100 };

struct server *server_retain(struct server *self)
{
    self->references++;
    return self;
}

void server_release(struct server *self)
{
    if (self == NULL || --self->references > 0)
        return;
    assert(self->closed && self->connections == 0);
    if (self->forever != NULL)
        future_on_give_up(self->forever, NULL, NULL);
    for (struct future *one = self->waiters; one != NULL; one = one->next)
        future_on_give_up(one, NULL, NULL);
    tls_settings_clear(&self->tls);
    free(self->listeners);
    free(self->sockets);
    free(self);
}

static void wake_waiters(struct server *self)
{
    if (!self->closed || self->connections > 0 || loop_is_closed(self->loop))
        return;
    while (self->waiters != NULL) {
        struct future *first = self->waiters;
        self->waiters = first->next;
        future_set_result(first, NULL);
    }
}

static void connection_ended(struct transport_owner *owner, struct transport *transport)
{
    struct server *self = (struct server *)((char *)owner - offsetof(struct server, owner));
    (void)transport;
    self->connections--;
    wake_waiters(self);
    server_release(self);
}

static void report_failed_connection(struct server *self, int code)
{
    struct error *error = code == 0 ? NULL : error_from_errno(code);
    const struct exception_context context = {
        .message = "Error on transport creation for incoming connection",
        .exception = error,
    };
    loop_call_exception_handler(self->loop, &context);
    error_release(error);
}

static void serve_connection(struct server *self, int fd)
{
    struct protocol *protocol = self->factory(self->context);
    struct transport *transport = NULL;
    int code = 0;
    if (protocol != NULL) {
        if (self->tls.context != NULL) {
            struct tls_layer *layer = tls_layer_create(self->loop, protocol, &self->tls, NULL);
            if (layer == NULL) {
                code = errno;
                report_failed_connection(self, code);
                if (protocol != NULL)
                    protocol_release(protocol);
                close(fd);
                return;
            }
            protocol = &layer->protocol;
        }
        transport = socket_transport_create(self->loop, fd, protocol, NULL);
        code = errno;
    }
    if (transport == NULL) {
        report_failed_connection(self, code);
        if (protocol != NULL)
            protocol_release(protocol);
        close(fd);
        return;
    }
    transport->owner = &self->owner;
    self->connections++;
    server_retain(self);
}

static void accept_again(void *context)
{
    struct listener *self = context;
    if (loop_add_reader(self->server->loop, self->fd, &self->acceptor) != 0)
        loop_call_later(self->server->loop, ACCEPT_RETRY_DELAY, &self->retry);
}

static void accept_failed(struct listener *self, int code)
{
    if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR || code == ECONNABORTED)
        return;
    bool resource = code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
    struct error *error = error_from_errno(code);
    const struct exception_context context = {
        .message = resource ? "socket.accept() out of system resource" : "socket.accept() failed",
        .exception = error,
        .socket = self->fd,
    };
    loop_call_exception_handler(self->server->loop, &context);
    error_release(error);
    if (self->server->closed)
        return;
    loop_remove_reader(self->server->loop, self->fd);
    loop_call_later(self->server->loop, ACCEPT_RETRY_DELAY, &self->retry);
}

static void accept_connections(void *context)
{
    struct listener *self = context;
    struct server *server = server_retain(self->server);
    for (int n = 0; n < server->backlog && server->serving; n++) {
        int fd = accept(self->fd, NULL, NULL);
        if (fd < 0) {
            accept_failed(self, errno);
            break;
        }
        descriptor_make_close_on_exec(fd);
        serve_connection(server, fd);
    }
    server_release(server);
}

int server_start_serving(struct server *self)
{
    if (self->closed)
        return -EBADF;
    for (size_t i = 0; i < self->count && !self->serving; i++) {
        struct listener *one = &self->listeners[i];
        int failed = listen(one->fd, self->backlog) < 0 ? -errno : 0;
        if (failed == 0)
            failed = loop_add_reader(self->loop, one->fd, &one->acceptor);
        if (failed != 0) {
            while (i > 0)
                loop_remove_reader(self->loop, self->listeners[--i].fd);
            return failed;
        }
    }
    self->serving = true;
    return 0;
}

static void close_listeners(struct server *self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct listener *one = &self->listeners[i];
        loop_remove_reader(self->loop, one->fd);
        timer_handle_cancel(&one->retry);
        close(one->fd);
    }
    self->closed = true;
    self->serving = false;
    loop_remove_closer(&self->closer);
}

void server_close(struct server *self)
{
    if (self->closed)
        return;
    close_listeners(self);
    struct future *forever = self->forever;
    self->forever = NULL;
    if (forever != NULL) {
        future_on_give_up(forever, NULL, NULL);
        future_cancel(forever);
    }
    wake_waiters(self);
    server_release(self);
}

static void loop_closes(void *context)
{
    struct server *self = context;
    close_listeners(self);
    server_release(self);
}

static void forever_cancelled(struct future *done, void *context)
{
    struct server *self = context;
    (void)done;
    self->forever = NULL;
    server_close(self);
}

int server_serve_forever(struct server *self, struct future *done)
{
    if (self->forever != NULL)
        return -EBUSY;
    int failed = server_start_serving(self);
    if (failed != 0)
        return failed;
    self->forever = done;
    future_on_give_up(done, forever_cancelled, self);
    return 0;
}

static void waiter_gives_up(struct future *done, void *context)
{
    struct server *self = context;
    struct future **link = &self->waiters;
    while (*link != done)
        link = &(*link)->next;
    *link = done->next;
}

int server_wait_closed(struct server *self, struct future *done)
{
    done->next = self->waiters;
    self->waiters = done;
    future_on_give_up(done, waiter_gives_up, self);
    wake_waiters(self);
    return 0;
}

int server_check_options(const struct loop *loop, const struct server_options *options)
{
    if (options != NULL) {
        if (options->backlog < 0)
            return -EINVAL;
        if (options->sock != NULL && socket_check_type(*options->sock, SOCK_STREAM) != 0)
            return -EINVAL;
    }
    if (options != NULL) {
        if (options->tls != NULL && !options->tls->server_side)
            return -EINVAL;
        if (tls_options_are_wrong(
                options->tls, NULL, options->tls_handshake_timeout, options->tls_shutdown_timeout))
            return -EINVAL;
    }
    return loop_is_closed(loop) ? -EBADF : 0;
}

struct server *server_create(struct loop *loop, protocol_factory *factory, void *context,
    const struct server_options *options, size_t room)
{
    struct server *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->factory = factory;
    self->context = context;
    self->backlog = options == NULL || options->backlog == 0 ? DEFAULT_BACKLOG : options->backlog;
    if (options != NULL)
        tls_settings_take(&self->tls, options->tls, NULL, options->tls_handshake_timeout,
            options->tls_shutdown_timeout);
    self->references = 1;
    self->owner.ended = connection_ended;
    handle_init(&self->closer, loop_closes, self);
    loop_add_closer(loop, &self->closer);
    self->listeners = calloc(room, sizeof *self->listeners);
    self->sockets = calloc(room, sizeof *self->sockets);
    if (self->listeners != NULL && self->sockets != NULL)
        return self;
    server_close(self);
    return NULL;
}

void server_add_socket(struct server *self, int fd)
{
    struct listener *one = &self->listeners[self->count];
    one->server = self;
    one->fd = fd;
    handle_init(&one->acceptor, accept_connections, one);
    timer_handle_init(&one->retry, accept_again, one);
    self->sockets[self->count++] = fd;
}

void server_hand_over(struct server *self, enum option start_serving, struct future *done)
{
    int failed = start_serving == OPTION_OFF ? 0 : server_start_serving(self);
    if (failed == 0)
        future_set_result(done, server_retain(self));
    else {
        server_close(self);
        future_fail(done, error_from_errno(-failed));
    }
}

int server_from_socket(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const struct server_options *options)
{
    int failed = descriptor_make_nonblocking(*options->sock);
    if (failed != 0)
        return failed;
    struct server *self = server_create(loop, factory, context, options, 1);
    if (self == NULL)
        return -ENOMEM;
    server_add_socket(self, *options->sock);
    server_hand_over(self, options->start_serving, done);
    return 0;
}

bool server_is_serving(const struct server *self)
{
    return self->serving;
}

size_t server_sockets(const struct server *self, const int **fds)
{
    *fds = self->sockets;
    return self->closed ? 0 : self->count;
}

struct loop *server_get_loop(const struct server *self)
{
    return self->loop;
}
