/* datagram.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#include "datagram.h"
#include "address.h"
#include "datagram_transport.h"
#include "loop_private.h"
#include "protocol.h"
#include "resolver.h"
#include "sockets.h"
#include "transport_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FAMILIES = 4 };

struct pair {
    int family;
    struct address local, remote; /* size 0: none */
};

struct endpoint {
    struct loop *loop;
    struct future *done; /* NULL: nobody wants it any more */
    protocol_factory *factory;
    void *context;
    struct handle closer; /* for loop_close */
    bool has_local, has_remote, reuse_port, allow_broadcast;
    struct future names[2]; /* the lookups: local, remote */
    struct handle found[2];
    size_t missing; /* lookups that are not done */
    struct pair pairs[MOST_FAMILIES];
    size_t count;
    struct handle begin; /* how it starts when there is nothing to look up */
    int fd;              /* no transport's yet; else -1 */
    bool in_factory;
    struct transport *transport; /* one reference, until done has it */
    struct handle attached;
};

static void endpoint_free(struct endpoint *self)
{
    for (int i = 0; i < 2; i++)
        resolver_forget(&self->names[i], &self->found[i]);
    handle_cancel(&self->begin);
    handle_cancel(&self->attached);
    loop_remove_closer(&self->closer);
    if (self->fd >= 0)
        close(self->fd);
    transport_release(self->transport);
    free(self);
}

static void endpoint_fail(struct endpoint *self, struct error *error)
{
    struct future *done = self->done;
    endpoint_free(self);
    future_fail(done, error);
}

static void give_up(struct future *done, void *context)
{
    struct endpoint *self = context;
    (void)done;
    self->done = NULL;
    if (self->in_factory)
        return;
    if (self->transport != NULL)
        transport_close(self->transport);
    endpoint_free(self);
}

static void loop_closes(void *context)
{
    struct endpoint *self = context;
    future_on_give_up(self->done, NULL, NULL);
    endpoint_free(self);
}

static void attached(void *context)
{
    struct endpoint *self = context;
    struct future *done = self->done;
    struct transport *transport = self->transport;
    self->transport = NULL;
    endpoint_free(self);
    future_set_result(done, transport);
}

static struct protocol *make_protocol(struct endpoint *self)
{
    self->in_factory = true;
    struct protocol *protocol = self->factory(self->context);
    self->in_factory = false;
    if (self->done == NULL) {
        if (protocol != NULL)
            protocol_release(protocol);
        endpoint_free(self);
        return NULL;
    }
    if (protocol == NULL)
        endpoint_fail(self, error_new(&error_application, 0, "protocol factory failed"));
    return protocol;
}

static void attach(struct endpoint *self, const struct address *remote)
{
    struct protocol *protocol = make_protocol(self);
    if (protocol == NULL)
        return;
    struct transport *transport = datagram_transport_create(
        self->loop, self->fd, protocol, remote, &self->attached);
    if (transport == NULL) {
        int code = errno;
        protocol_release(protocol);
        endpoint_fail(self, error_from_errno(code));
        return;
    }
    self->fd = -1;
    self->transport = transport_retain(transport);
}

static int set_up(struct endpoint *self, const struct pair *pair)
{
    static const int on = 1;
    if (self->reuse_port) {
        int failed = socket_reuse_port(self->fd);
        if (failed)
            return failed;
    }
    if (self->allow_broadcast
        && setsockopt(self->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) < 0)
        return -errno;
    if (pair->local.size > 0 && bind(self->fd, &pair->local.of.any, pair->local.size) < 0)
        return -errno;
    if (pair->remote.size > 0 && !self->allow_broadcast
        && connect(self->fd, &pair->remote.of.any, pair->remote.size) < 0)
        return -errno;
    return 0;
}

static int open_socket(struct endpoint *self, const struct pair *pair)
{
    self->fd = socket_open(pair->family, SOCK_DGRAM);
    if (self->fd < 0)
        return self->fd;
    int failed = set_up(self, pair);
    if (failed) {
        close(self->fd);
        self->fd = -1;
    }
    return failed;
}

static void try_pairs(void *context)
{
    struct endpoint *self = context;
    int first_failure = 0;
    for (size_t i = 0; i < self->count; i++) {
        struct pair *pair = &self->pairs[i];
        int failed = open_socket(self, pair);
        if (failed == 0) {
            attach(self, pair->remote.size > 0 ? &pair->remote : NULL);
            return;
        }
        if (first_failure == 0)
            first_failure = failed;
    }
    endpoint_fail(self, error_from_errno(-first_failure));
}

static void use_given_socket(void *context)
{
    attach(context, NULL);
}

static struct pair *pair_of(struct endpoint *self, int family)
{
    size_t i = 0;
    while (i < self->count && self->pairs[i].family != family)
        i++;
    if (i == MOST_FAMILIES)
        return NULL;
    if (i == self->count)
        self->pairs[self->count++] = (struct pair){.family = family};
    return &self->pairs[i];
}

static void enter(struct endpoint *self, const struct addrinfo *list, bool is_local)
{
    for (; list != NULL; list = list->ai_next) {
        struct pair *pair = pair_of(self, list->ai_family);
        if (pair != NULL)
            address_set(is_local ? &pair->local : &pair->remote, list->ai_addr, list->ai_addrlen);
    }
}

static void drop_half_pairs(struct endpoint *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        const struct pair *pair = &self->pairs[i];
        if ((self->has_local && pair->local.size == 0)
            || (self->has_remote && pair->remote.size == 0))
            continue;
        self->pairs[kept++] = *pair;
    }
    self->count = kept;
}

static struct error *take_names(struct endpoint *self)
{
    for (int i = 0; i < 2; i++) {
        void *list = NULL;
        if (!future_done(&self->names[i]))
            continue;
        if (future_result(&self->names[i], &list) != 0)
            return error_retain(future_exception(&self->names[i]));
        if (list == NULL)
            return error_new(&error_os, 0, "getaddrinfo() returned empty list");
        enter(self, list, i == 0);
    }
    drop_half_pairs(self);
    if (self->count == 0)
        return error_new(&error_os, EINVAL, "can not get address information");
    return NULL;
}

static void name_known(void *context)
{
    struct endpoint *self = context;
    if (--self->missing > 0)
        return;
    struct error *error = take_names(self);
    if (error != NULL)
        endpoint_fail(self, error);
    else
        try_pairs(self);
}

static struct error *enter_path(struct address *address, const char *path, bool abstract)
{
    size_t size = path == NULL ? 0 : strlen(path);
    if (size >= sizeof address->of.un.sun_path)
        return error_new(&error_os, ENAMETOOLONG, "AF_UNIX path too long");
    if (path == NULL)
        return NULL;
    address->of.un.sun_family = AF_UNIX;
    memcpy(address->of.un.sun_path + (abstract ? 1 : 0), path, size);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
    return NULL;
}

static void remove_left_socket(struct loop *loop, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode) && unlink(path) < 0)
        loop_log(loop, LOG_LEVEL_ERROR,
            "Unable to check or remove stale UNIX socket '%s': %s", path, strerror(errno));
}

static struct error *enter_paths(struct endpoint *self, const struct datagram_options *options)
{
    struct pair *pair = &self->pairs[0];
    pair->family = AF_UNIX;
    self->count = 1;
    struct error *error = enter_path(&pair->local, options->local_path, options->abstract);
    if (error == NULL)
        error = enter_path(&pair->remote, options->remote_path, options->abstract);
    if (error == NULL && options->local_path != NULL && !options->abstract)
        remove_left_socket(self->loop, options->local_path);
    return error;
}

static bool has_hosts(const struct datagram_options *options)
{
    return options->local_host != NULL || options->local_port != 0
        || options->remote_host != NULL || options->remote_port != 0;
}

static bool has_paths(const struct datagram_options *options)
{
    return options->local_path != NULL || options->remote_path != NULL;
}

static bool is_empty(const char *path)
{
    return path != NULL && path[0] == '\0';
}

static bool options_make_sense(const struct datagram_options *options)
{
    bool hosts = has_hosts(options), paths = has_paths(options);
    if (options->sock != NULL)
        return !hosts && !paths && options->family == 0 && !options->abstract
            && !options->reuse_port && !options->allow_broadcast
            && socket_check_type(*options->sock, SOCK_DGRAM) == 0;
    if (is_empty(options->local_path) || is_empty(options->remote_path))
        return false;
    if (paths)
        return !hosts && (options->family == 0 || options->family == AF_UNIX);
    return hosts ? options->family != AF_UNIX : options->family != 0;
}

static struct endpoint *endpoint_create(struct loop *loop, struct future *done,
    protocol_factory *factory, void *context, const struct datagram_options *options)
{
    struct endpoint *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->done = done;
    self->factory = factory;
    self->context = context;
    self->fd = -1;
    self->reuse_port = options->reuse_port;
    self->allow_broadcast = options->allow_broadcast;
    for (int i = 0; i < 2; i++)
        future_init(&self->names[i], loop);
    handle_init(&self->attached, attached, self);
    handle_init(&self->closer, loop_closes, self);
    loop_add_closer(loop, &self->closer);
    future_on_give_up(done, give_up, self);
    return self;
}

static int look_up(struct endpoint *self, bool is_local, const char *host, int port, int family)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct future *lookup = &self->names[is_local ? 0 : 1];
    struct handle *found = &self->found[is_local ? 0 : 1];
    if (is_local && is_empty(host)) {
        host = NULL;
        hints.ai_flags = AI_PASSIVE;
    }
    handle_init(found, name_known, self);
    self->missing++;
    future_add_done_callback(lookup, found);
    return loop_getaddrinfo(self->loop, lookup, host, port, &hints);
}

static int look_up_both(struct endpoint *self, const struct datagram_options *options)
{
    int failed = 0;
    self->has_local = options->local_host != NULL || options->local_port != 0;
    self->has_remote = options->remote_host != NULL || options->remote_port != 0;
    if (self->has_local)
        failed = look_up(
            self, true, options->local_host, options->local_port, options->family);
    if (failed == 0 && self->has_remote)
        failed = look_up(
            self, false, options->remote_host, options->remote_port, options->family);
    return failed;
}

static void begin_soon(struct endpoint *self, void (*begin)(void *))
{
    handle_init(&self->begin, begin, self);
    loop_call_soon(self->loop, &self->begin);
}

static int begin_endpoint(struct endpoint *self, const struct datagram_options *options)
{
    if (options->sock != NULL) {
        self->fd = *options->sock;
        begin_soon(self, use_given_socket);
        return 0;
    }
    if (has_hosts(options))
        return look_up_both(self, options);
    struct error *error = NULL;
    if (has_paths(options))
        error = enter_paths(self, options);
    else
        pair_of(self, options->family);
    if (error != NULL)
        endpoint_fail(self, error);
    else
        begin_soon(self, try_pairs);
    return 0;
}

int loop_create_datagram_endpoint(struct loop *loop, struct future *done,
    protocol_factory *factory, void *context, const struct datagram_options *options)
{
    if (options == NULL || !options_make_sense(options))
        return -EINVAL;
    if (loop_is_closed(loop))
        return -EBADF;
    struct endpoint *self = endpoint_create(loop, done, factory, context, options);
    if (self == NULL)
        return -ENOMEM;
    int failed = begin_endpoint(self, options);
    if (failed) {
        future_on_give_up(done, NULL, NULL);
        endpoint_free(self);
    }
    return failed;
}
