/* datagram_transport.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#include "datagram_transport.h"
#include "descriptor.h"
#include "loop_private.h"
#include "transport_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct datagram {
    struct datagram *next;
    struct address to; /* size 0: the socket's peer */
    size_t size;
    char data[];
};

struct datagram_transport {
    struct transport transport;
    struct handle reader, writer;
    struct datagram *first, *last; /* what the socket would not take yet */
    size_t waiting;                /* bytes in them */
    int fd;                        /* -1 once closed */
    bool connected;                /* the kernel knows the peer */
    struct address remote, peername, sockname; /* size 0: none */
};

static struct datagram_transport *datagrams_of(struct transport *transport)
{
    return (struct datagram_transport *)transport;
}

static bool only_wait(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static bool equal_in6(const struct sockaddr_in6 *one, const struct sockaddr_in6 *other)
{
    return one->sin6_port == other->sin6_port && one->sin6_flowinfo == other->sin6_flowinfo
        && one->sin6_scope_id == other->sin6_scope_id
        && memcmp(&one->sin6_addr, &other->sin6_addr, sizeof one->sin6_addr) == 0;
}

static bool equal_path(const struct address *one, const struct address *other)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    const char *path = one->of.un.sun_path;
    if (one->size > before && path[0] == '\0')
        return one->size == other->size && memcmp(&one->of, &other->of, one->size) == 0;
    size_t size = one->size > before ? strnlen(path, one->size - before) : 0;
    size_t other_size = other->size > before
        ? strnlen(other->of.un.sun_path, other->size - before) : 0;
    return size == other_size && memcmp(path, other->of.un.sun_path, size) == 0;
}

static bool equal(const struct address *one, const struct address *other)
{
    const struct sockaddr_in *in = &one->of.in;
    if (one->size < sizeof in->sin_family || other->size < sizeof in->sin_family
        || one->of.any.sa_family != other->of.any.sa_family)
        return false;
    if (one->of.any.sa_family == AF_UNIX)
        return equal_path(one, other);
    if (one->of.any.sa_family == AF_INET6)
        return equal_in6(&one->of.in6, &other->of.in6);
    return in->sin_port == other->of.in.sin_port
        && in->sin_addr.s_addr == other->of.in.sin_addr.s_addr;
}

static void tell_error(struct datagram_transport *self, int code)
{
    static const struct protocol_call call = {"Exception in callback", false};
    struct transport *transport = &self->transport;
    struct protocol *protocol = transport->protocol;
    if (protocol->callbacks->error_received == NULL)
        return;
    struct error *exc = error_from_errno(code);
    const struct protocol_call *outer = transport_enter(transport, &call);
    protocol->callbacks->error_received(protocol, exc);
    transport_leave(transport, outer);
    error_release(exc);
}

static int send_now(
    struct datagram_transport *self, const void *data, size_t size, const struct address *to)
{
    ssize_t sent = self->connected
        ? send(self->fd, data, size, MSG_NOSIGNAL)
        : sendto(self->fd, data, size, MSG_NOSIGNAL, &to->of.any, to->size);
    return sent < 0 ? errno : 0;
}

static int keep(
    struct datagram_transport *self, const void *data, size_t size, const struct address *to)
{
    struct datagram *one = malloc(sizeof *one + size);
    if (one == NULL)
        return ENOMEM;
    if (self->first == NULL) {
        int failed = loop_watch_writer(self->transport.loop, self->fd, &self->writer);
        if (failed) {
            free(one);
            return -failed;
        }
    }
    one->next = NULL;
    one->size = size;
    address_copy(&one->to, to);
    if (size > 0)
        memcpy(one->data, data, size);
    if (self->first == NULL)
        self->first = one;
    else
        self->last->next = one;
    self->last = one;
    self->waiting += size;
    return 0;
}

static void drop_first(struct datagram_transport *self)
{
    struct datagram *one = self->first;
    self->first = one->next;
    self->waiting -= one->size;
    free(one);
}

static void send_or_keep(struct datagram_transport *self, const void *data, size_t size,
    const struct address *to)
{
    int failed = to == NULL ? EDESTADDRREQ : EAGAIN;
    if (failed == EAGAIN && self->first == NULL)
        failed = send_now(self, data, size, to);
    if (failed == 0)
        return;
    if (only_wait(failed) && self->transport.lost)
        return;
    if (only_wait(failed))
        failed = keep(self, data, size, to);
    if (failed == 0)
        transport_maybe_pause_writing(&self->transport);
    else
        tell_error(self, failed);
}

static int datagram_sendto(
    struct transport *transport, const void *data, size_t size, const struct address *to)
{
    struct datagram_transport *self = datagrams_of(transport);
    if (self->remote.size > 0) {
        if (to != NULL && !equal(to, &self->remote))
            return -EINVAL;
        if (transport_drop_write(transport))
            return 0;
        to = &self->remote;
    }
    if (transport->ended)
        return 0;
    send_or_keep(self, data, size, to);
    return 0;
}

static void write_ready(void *context)
{
    struct datagram_transport *self = context;
    struct transport *transport = &self->transport;
    while (self->first != NULL) {
        struct datagram *one = self->first;
        int failed = send_now(self, one->data, one->size, &one->to);
        if (only_wait(failed))
            break;
        drop_first(self);
        if (failed != 0) {
            tell_error(self, failed);
            return;
        }
    }
    transport_maybe_resume_writing(transport);
    if (self->first != NULL || transport->lost)
        return;
    loop_unwatch_writer(transport->loop, self->fd);
    if (transport->closing)
        transport_end(transport);
}

static void deliver(struct datagram_transport *self, const void *data, size_t size,
    const struct address *from)
{
    static const struct protocol_call call = {"Exception in callback", false};
    struct transport *transport = &self->transport;
    struct protocol *protocol = transport->protocol;
    if (protocol->callbacks->datagram_received == NULL)
        return;
    const struct protocol_call *outer = transport_enter(transport, &call);
    protocol->callbacks->datagram_received(protocol, data, size, from);
    transport_leave(transport, outer);
}

static bool someone_waits(const struct datagram_transport *self)
{
    const struct loop *loop = self->transport.loop;
    if (self->transport.closing || self->first != NULL)
        return true;
    if (!loop->passes_follow || loop->stopping || loop->watched > 2)
        return true;
    if (!loop->calls_the_last || !ring_is_empty(&loop->ready))
        return true;
    const struct timer_handle *timer = timer_heap_first(&loop->timers);
    return timer != NULL && timer->when <= loop_time(loop);
}

static bool receive_one(struct datagram_transport *self)
{
    void *data = self->transport.loop->transports->receive_buffer;
    struct address from = {.size = sizeof from.of};
    ssize_t size = recvfrom(self->fd, data, RECEIVE_SIZE, 0, &from.of.any, &from.size);
    if (from.size > sizeof from.of)
        from.size = sizeof from.of;
    if (size >= 0)
        deliver(self, data, (size_t)size, &from);
    else if (!only_wait(errno))
        tell_error(self, errno);
    return size >= 0;
}

static void read_ready(void *context)
{
    enum { MOST_A_PASS = 16 };
    struct datagram_transport *self = context;
    for (int i = 0; i < MOST_A_PASS; i++)
        if (!receive_one(self) || someone_waits(self))
            return;
}

static void start_reading(void *context)
{
    struct datagram_transport *self = context;
    struct transport *transport = &self->transport;
    handle_init(&self->reader, read_ready, self);
    transport->started = true;
    if (transport->closing)
        return;
    int failed = loop_watch_reader(transport->loop, self->fd, &self->reader);
    if (failed)
        transport_lose_by_errno(transport, -failed);
}

static void datagram_close(struct transport *transport)
{
    struct datagram_transport *self = datagrams_of(transport);
    transport->closing = true;
    loop_unwatch_reader(transport->loop, self->fd);
    loop_disown_fd(transport->loop, self->fd);
    if (self->first == NULL)
        transport_lose(transport, NULL);
}

static void datagram_stop(struct transport *transport)
{
    struct datagram_transport *self = datagrams_of(transport);
    loop_unwatch_reader(transport->loop, self->fd);
    loop_unwatch_writer(transport->loop, self->fd);
    loop_disown_fd(transport->loop, self->fd);
    handle_cancel(&self->reader);
    while (self->first != NULL)
        drop_first(self);
}

static void datagram_finish(struct transport *transport)
{
    struct datagram_transport *self = datagrams_of(transport);
    datagram_stop(transport);
    close(self->fd);
    self->fd = -1;
}

static void datagram_free(struct transport *transport)
{
    free(transport);
}

static const struct address *known(const struct address *address)
{
    return address->size > 0 ? address : NULL;
}

static const void *datagram_get_extra_info(const struct transport *transport, const char *name)
{
    const struct datagram_transport *self = (const struct datagram_transport *)transport;
    if (strcmp(name, "socket") == 0)
        return &self->fd;
    if (strcmp(name, "peername") == 0)
        return known(&self->peername);
    if (strcmp(name, "sockname") == 0)
        return known(&self->sockname);
    return NULL;
}

static size_t datagram_get_write_buffer_size(const struct transport *transport)
{
    return ((const struct datagram_transport *)transport)->waiting;
}

static int refuse_to_write(
    struct transport *transport, const struct iovec *buffers, size_t count, size_t size)
{
    (void)transport;
    (void)buffers;
    (void)count;
    (void)size;
    return -ENOTSUP;
}

static const struct transport_methods datagram_methods = {
    .dropped_write = "socket.send() raised exception.",
    .write = refuse_to_write,
    .close = datagram_close,
    .abort = transport_lose,
    .get_write_buffer_size = datagram_get_write_buffer_size,
    .get_extra_info = datagram_get_extra_info,
    .stop = datagram_stop,
    .finish = datagram_finish,
    .free = datagram_free,
    .sendto = datagram_sendto,
};

static int learn_names(struct datagram_transport *self, const struct address *remote)
{
    int failed = address_of_socket(self->fd, &self->sockname);
    if (failed)
        return failed;
    self->connected = address_of_peer(self->fd, &self->peername) == 0;
    if (remote == NULL && self->connected)
        remote = &self->peername;
    if (remote != NULL)
        address_copy(&self->remote, remote);
    return descriptor_make_nonblocking(self->fd);
}

static int prepare(struct datagram_transport *self, struct loop *loop, struct protocol *protocol,
    const struct address *remote)
{
    int failed = loop_is_closed(loop) ? -EBADF : learn_names(self, remote);
    if (failed == 0)
        failed = loop_own_fd(loop, self->fd);
    if (failed)
        return failed;
    failed = transport_init(&self->transport, &datagram_methods, loop, protocol);
    if (failed)
        loop_disown_fd(loop, self->fd);
    return failed;
}

struct transport *datagram_transport_create(struct loop *loop, int fd, struct protocol *protocol,
    const struct address *remote, struct handle *waiter)
{
    struct datagram_transport *self = calloc(1, sizeof *self);
    int failed = -ENOMEM;
    if (self != NULL) {
        self->fd = fd;
        failed = prepare(self, loop, protocol, remote);
    }
    if (failed) {
        free(self);
        errno = -failed;
        return NULL;
    }
    handle_init(&self->reader, start_reading, self);
    handle_init(&self->writer, write_ready, self);
    transport_start(&self->transport, &self->reader, waiter);
    return &self->transport;
}
