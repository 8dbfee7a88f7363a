/* connection.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "connection_private.h"
#include "loop_private.h"
#include "protocol.h"
#include "resolver.h"
#include "socket_transport.h"
#include "sockets.h"
#include "transport_private.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>
#include "tls_transport.h"

void opening_free(struct opening *self)
{
    resolver_forget(&self->remote, &self->remote_found);
    resolver_forget(&self->local, &self->local_found);
    connecting_stop(&self->connecting);
    handle_cancel(&self->begin);
    handle_cancel(&self->attached);
    loop_remove_closer(&self->closer);
    if (self->fd >= 0)
        close(self->fd);
    if (self->tls != NULL)
        tls_settings_clear(self->tls);
    free(self->tls);
    transport_release(self->transport);
    free(self);
}

void opening_fail(struct opening *self, struct error *error)
{
    struct future *done = self->done;
    opening_free(self);
    future_fail(done, error);
}

static void give_up(struct future *done, void *context)
{
    struct opening *self = context;
    (void)done;
    self->done = NULL;
    if (self->in_factory)
        return;
    if (self->transport != NULL)
        transport_close(self->transport);
    opening_free(self);
}

static void loop_closes(void *context)
{
    struct opening *self = context;
    future_on_give_up(self->done, NULL, NULL);
    opening_free(self);
}

static void attached(void *context)
{
    struct opening *self = context;
    if (self->tls != NULL && tls_layer_failure(self->transport) != NULL) {
        opening_fail(self, error_retain(tls_layer_failure(self->transport)));
        return;
    }
    struct future *done = self->done;
    struct transport *transport = self->transport;
    self->transport = NULL;
    opening_free(self);
    future_set_result(done, transport);
}

static void attach(void *context)
{
    struct opening *self = context;
    self->in_factory = true;
    struct protocol *protocol = self->factory(self->context);
    self->in_factory = false;
    if (self->done == NULL || protocol == NULL) {
        if (protocol != NULL)
            protocol_release(protocol);
        if (self->done == NULL)
            opening_free(self);
        else
            opening_fail(self, error_new(&error_application, 0, "protocol factory failed"));
        return;
    }
    struct handle *waiter = &self->attached;
    struct tls_layer *layer = NULL;
    if (self->tls != NULL) {
        bool right_side = self->tls->context->server_side == self->accepted;
        errno = EPROTO;
        if (right_side)
            layer = tls_layer_create(self->loop, protocol, self->tls, waiter);
        if (layer == NULL) {
            int reason = errno;
            protocol_release(protocol);
            opening_fail(self,
                reason == EINVAL
                    ? error_new(&error_os, EINVAL, "You must set server_hostname when using ssl without a host")
                    : reason == EPROTO
                    ? error_new(&error_os, EINVAL, "the TLS context is one for the other side")
                    : error_from_errno(reason));
            return;
        }
        protocol = &layer->protocol;
        waiter = NULL;
    }
    struct transport *transport = socket_transport_create(self->loop, self->fd, protocol, waiter);
    if (transport == NULL) {
        int code = errno;
        protocol_release(protocol);
        opening_fail(self, error_from_errno(code));
        return;
    }
    self->fd = -1;
    if (layer != NULL) {
        tls_layer_put_over(layer, transport);
        transport = &layer->transport;
    }
    self->transport = transport_retain(transport);
}

static void connected(void *context, int fd)
{
    struct opening *self = context;
    self->fd = fd;
    attach(self);
}

static void not_connected(void *context, struct error *error)
{
    opening_fail(context, error);
}

static struct error *take_names(struct opening *self)
{
    struct future *lookups[] = {&self->remote, &self->local};
    void *lists[] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        if (!future_done(lookups[i]))
            continue;
        if (future_result(lookups[i], &lists[i]) != 0)
            return error_retain(future_exception(lookups[i]));
        if (lists[i] == NULL)
            return error_new(&error_os, 0, "getaddrinfo() returned empty list");
    }
    self->connecting.local = lists[1];
    if (connecting_prepare(&self->connecting, lists[0]) != 0)
        return error_from_errno(ENOMEM);
    return NULL;
}

static void name_known(void *context)
{
    struct opening *self = context;
    if (--self->missing > 0)
        return;
    struct error *error = take_names(self);
    if (error != NULL)
        opening_fail(self, error);
    else
        connecting_start(&self->connecting);
}

int opening_check(const struct loop *loop, const struct connection_options *options)
{
    if (options != NULL) {
        if (options->sock != NULL && socket_check_type(*options->sock, SOCK_STREAM) != 0)
            return -EINVAL;
        if (options->interleave < 0 || !(options->happy_eyeballs_delay >= 0))
            return -EINVAL;
    }
    if (options != NULL) {
        if (tls_options_are_wrong(options->tls, options->server_hostname,
                options->tls_handshake_timeout, options->tls_shutdown_timeout))
            return -EINVAL;
    }
    return loop_is_closed(loop) ? -EBADF : 0;
}

struct opening *opening_create(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const struct connection_options *options)
{
    struct opening *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->done = done;
    self->factory = factory;
    self->context = context;
    self->fd = -1;
    future_init(&self->remote, loop);
    future_init(&self->local, loop);
    handle_init(&self->attached, attached, self);
    handle_init(&self->closer, loop_closes, self);
    self->connecting.loop = loop;
    self->connecting.connected = connected;
    self->connecting.failed = not_connected;
    self->connecting.context = self;
    if (options != NULL) {
        self->connecting.delay = options->happy_eyeballs_delay;
        self->connecting.interleave = options->interleave;
        if (options->happy_eyeballs_delay > 0 && options->interleave == 0)
            self->connecting.interleave = 1;
    }
    if (options != NULL && options->tls != NULL) {
        int missing = -ENOMEM;
        self->tls = calloc(1, sizeof *self->tls);
        if (self->tls != NULL)
            missing = tls_settings_take(self->tls, options->tls, options->server_hostname,
                options->tls_handshake_timeout, options->tls_shutdown_timeout);
        if (missing != 0) {
            free(self->tls);
            free(self);
            return NULL;
        }
    }
    loop_add_closer(loop, &self->closer);
    future_on_give_up(done, give_up, self);
    return self;
}

void opening_begin(struct opening *self, void (*begin)(void *opening))
{
    handle_init(&self->begin, begin, self);
    loop_call_soon(self->loop, &self->begin);
}

struct opening *opening_from_socket(struct loop *loop, struct future *done,
    protocol_factory *factory, void *context, int fd, const struct connection_options *options)
{
    struct opening *self = opening_create(loop, done, factory, context, options);
    if (self == NULL)
        return NULL;
    self->fd = fd;
    opening_begin(self, attach);
    return self;
}

int loop_connect_accepted_socket(struct loop *loop, struct future *done,
    protocol_factory *factory, void *context, int fd, const struct connection_options *options)
{
    int failed = opening_check(loop, options);
    if (failed == 0)
        failed = socket_check_type(fd, SOCK_STREAM);
    if (failed != 0)
        return failed;
    struct opening *self = opening_from_socket(loop, done, factory, context, fd, options);
    if (self == NULL)
        return -ENOMEM;
    self->accepted = true;
    return 0;
}

static int look_up(struct opening *self, struct future *lookup, struct handle *found,
    const char *host, int port, int family)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    handle_init(found, name_known, self);
    self->missing++;
    future_add_done_callback(lookup, found);
    return loop_getaddrinfo(self->loop, lookup, host, port, &hints);
}

int loop_create_connection(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *host, int port, const struct connection_options *options)
{
    static const struct connection_options defaults;
    int failed = opening_check(loop, options);
    if (failed != 0)
        return failed;
    if (options == NULL)
        options = &defaults;
    if ((host != NULL || port != 0) == (options->sock != NULL))
        return -EINVAL;
    struct opening *self = options->sock != NULL
        ? opening_from_socket(loop, done, factory, context, *options->sock, options)
        : opening_create(loop, done, factory, context, options);
    if (self == NULL)
        return -ENOMEM;
    if (self->tls != NULL && self->tls->hostname == NULL && host != NULL) {
        self->tls->hostname = strdup(host);
        if (self->tls->hostname == NULL) {
            future_on_give_up(done, NULL, NULL);
            opening_free(self);
            return -ENOMEM;
        }
    }
    if (options->sock != NULL)
        return 0;
    failed = look_up(self, &self->remote, &self->remote_found, host, port, options->family);
    if (failed == 0 && (options->local_host != NULL || options->local_port != 0))
        failed = look_up(self, &self->local, &self->local_found, options->local_host,
            options->local_port, options->family);
    if (failed != 0) {
        future_on_give_up(done, NULL, NULL);
        opening_free(self);
    }
    return failed;
}
