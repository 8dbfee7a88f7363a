/* create_server.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "server_private.h"
#include "address.h"
#include "loop_private.h"
#include "resolver.h"
#include "sockets.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct creation {
    struct loop *loop;
    struct future *done;
    protocol_factory *factory;
    void *context;
    struct server_options options;
    struct handle closer;
    size_t missing; /* hosts whose addresses are not known yet */
    size_t count;
    struct host_lookup {
        struct future found;
        struct handle arrived;
    } hosts[];
};

static void creation_free(struct creation *self)
{
    for (size_t i = 0; i < self->count; i++)
        resolver_forget(&self->hosts[i].found, &self->hosts[i].arrived);
    loop_remove_closer(&self->closer);
    free(self);
}

static void give_up(struct future *done, void *context)
{
    (void)done;
    creation_free(context);
}

static void loop_closes(void *context)
{
    struct creation *self = context;
    future_on_give_up(self->done, NULL, NULL);
    creation_free(self);
}

static bool same_address(const struct addrinfo *one, const struct addrinfo *other)
{
    return one->ai_addrlen == other->ai_addrlen
        && memcmp(one->ai_addr, other->ai_addr, one->ai_addrlen) == 0;
}

static bool seen_before(const struct creation *self, const struct addrinfo *info)
{
    for (size_t i = 0; i < self->count; i++)
        for (const struct addrinfo *one = self->hosts[i].found.result; one; one = one->ai_next)
            if (same_address(one, info))
                return one != info;
    return false;
}

static int set_options(int fd, int family, const struct server_options *options)
{
    const int on = 1;
    if (options->reuse_address != OPTION_OFF
        && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -errno;
    return options->reuse_port == OPTION_ON ? socket_reuse_port(fd) : 0;
}

static struct error *bind_one(
    const struct creation *self, struct server *server, const struct addrinfo *info)
{
    struct address address;
    int fd = socket_open(info->ai_family, SOCK_STREAM);
    if (fd == -EAFNOSUPPORT)
        return NULL;
    if (fd < 0)
        return error_from_errno(-fd);
    server_add_socket(server, fd);
    int failed = set_options(fd, info->ai_family, &self->options);
    if (failed != 0)
        return error_from_errno(-failed);
    address_set(&address, info->ai_addr, info->ai_addrlen);
    return socket_bind(fd, &address);
}

static struct error *bind_all(const struct creation *self, struct server *server)
{
    for (size_t i = 0; i < self->count; i++)
        for (const struct addrinfo *one = self->hosts[i].found.result; one; one = one->ai_next) {
            struct error *error = seen_before(self, one) ? NULL : bind_one(self, server, one);
            if (error != NULL)
                return error;
        }
    const int *sockets;
    return server_sockets(server, &sockets) > 0 ? NULL : error_from_errno(EAFNOSUPPORT);
}

static struct error *take_stock(struct creation *self, size_t *room)
{
    const struct error *first = NULL;
    bool empty = false;
    for (size_t i = 0; i < self->count; i++) {
        struct future *found = &self->hosts[i].found;
        const struct error *error = future_exception(found);
        first = first == NULL ? error : first;
        empty = empty || (error == NULL && found->result == NULL);
        for (const struct addrinfo *one = found->result; one != NULL; one = one->ai_next)
            ++*room;
    }
    if (first == NULL && empty)
        return error_new(&error_os, 0, "getaddrinfo() returned empty list");
    return error_retain(first);
}

static void host_known(void *context)
{
    struct creation *self = context;
    if (--self->missing > 0)
        return;
    size_t room = 1;
    struct server *server = NULL;
    struct error *error = take_stock(self, &room);
    if (error == NULL) {
        server = server_create(self->loop, self->factory, self->context, &self->options, room);
        error = server == NULL ? error_from_errno(ENOMEM) : bind_all(self, server);
    }
    struct future *done = self->done;
    enum option start_serving = self->options.start_serving;
    creation_free(self);
    if (error == NULL) {
        server_hand_over(server, start_serving, done);
        return;
    }
    if (server != NULL)
        server_close(server);
    future_fail(done, error);
}

static struct creation *creation_create(struct loop *loop, size_t count)
{
    struct creation *self = calloc(1, sizeof *self + count * sizeof self->hosts[0]);
    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->count = self->missing = count;
    for (size_t i = 0; i < count; i++) {
        future_init(&self->hosts[i].found, loop);
        handle_init(&self->hosts[i].arrived, host_known, self);
        future_add_done_callback(&self->hosts[i].found, &self->hosts[i].arrived);
    }
    handle_init(&self->closer, loop_closes, self);
    loop_add_closer(loop, &self->closer);
    return self;
}

static int look_up(struct creation *self, const char *const *hosts, int port)
{
    struct addrinfo hints = {
        .ai_family = self->options.family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    for (size_t i = 0; i < self->count; i++) {
        const char *host = hosts[i] == NULL || hosts[i][0] == '\0' ? NULL : hosts[i];
        int failed = loop_getaddrinfo(self->loop, &self->hosts[i].found, host, port, &hints);
        if (failed != 0)
            return failed;
    }
    return 0;
}

int loop_create_server(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *host, int port, const struct server_options *options)
{
    static const struct server_options defaults;
    int failed = server_check_options(loop, options);
    if (failed != 0)
        return failed;
    if (options == NULL)
        options = &defaults;
    if ((options->sock != NULL) + (options->hosts != NULL) + (host != NULL) > 1)
        return -EINVAL;
    if (options->sock != NULL)
        return port != 0 ? -EINVAL : server_from_socket(loop, done, factory, context, options);
    const char *const *hosts = options->hosts == NULL ? &host : options->hosts;
    size_t count = options->hosts == NULL ? 1 : 0;
    while (options->hosts != NULL && hosts[count] != NULL)
        count++;
    if (count == 0)
        return -EINVAL;
    struct creation *self = creation_create(loop, count);
    if (self == NULL)
        return -ENOMEM;
    self->done = done;
    self->factory = factory;
    self->context = context;
    self->options = *options;
    failed = look_up(self, hosts, port);
    if (failed == 0)
        future_on_give_up(done, give_up, self);
    else
        creation_free(self);
    return failed;
}
