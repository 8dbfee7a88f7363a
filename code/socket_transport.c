/* socket_transport.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "socket_transport.h"
#include "address.h"
#include "descriptor.h"
#include "loop_private.h"
#include "transport_private.h"
#include "write_buffer.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_transport {
    struct transport transport;
    struct handle reader, writer;
    struct write_buffer *unsent; /* what the socket would not take yet */
    int fd;                      /* -1 once closed */
    uint32_t names[]; /* two addresses, one behind the other: the peer's and our own */
};

static struct socket_transport *socket_of(struct transport *transport)
{
    return (struct socket_transport *)transport;
}

/* No failure: the socket has nothing to give, or no room, or a signal came in between. */
static bool only_wait(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static const struct protocol_call eof_received_call = {
    "Fatal error: protocol.eof_received() call failed.", true
};

static void send_held(struct socket_transport *self)
{
    struct transport *transport = &self->transport;
    if (!transport->held)
        return;
    transport->held = false;
    ssize_t sent = send(self->fd, write_buffer_bytes(self->unsent),
        write_buffer_size(self->unsent), MSG_NOSIGNAL);
    int failed = sent < 0 && !only_wait(errno) ? errno : 0;
    if (sent > 0)
        write_buffer_drop(&self->unsent, (size_t)sent);
    if (failed == 0 && self->unsent != NULL)
        failed = -loop_watch_writer(transport->loop, self->fd, &self->writer);
    if (failed)
        transport_lose_by_errno(transport, failed);
}

static void socket_uncork(struct transport *transport)
{
    send_held(socket_of(transport));
    if (!transport->lost)
        transport_maybe_resume_writing(transport);
}

static void *borrow_buffer(struct transport *transport, size_t *room)
{
    static const struct protocol_call call = {
        "Fatal error: protocol.get_buffer() call failed.", true
    };
    struct protocol *protocol = transport->protocol;
    const struct protocol_call *outer = transport_enter(transport, &call);
    *room = 0;
    void *memory = protocol->callbacks->get_buffer(protocol, -1, room);
    if ((memory == NULL || *room == 0) && !transport->closing) {
        struct error *error = error_new(
            &error_application, EINVAL, "get_buffer() returned an empty buffer");
        transport_fail(transport, error);
        error_release(error);
    }
    transport_leave(transport, outer);
    bool usable = !transport->closing && transport->protocol == protocol;
    return usable ? memory : NULL;
}

static void socket_stop(struct transport *transport)
{
    struct socket_transport *self = socket_of(transport);
    loop_unwatch_reader(transport->loop, self->fd);
    loop_unwatch_writer(transport->loop, self->fd);
    loop_disown_fd(transport->loop, self->fd);
    handle_cancel(&self->reader);
    write_buffer_clear(&self->unsent);
    transport->held = false;
}

static void socket_finish(struct transport *transport)
{
    struct socket_transport *self = socket_of(transport);
    socket_stop(transport);
    close(self->fd);
    self->fd = -1;
}

static void socket_free(struct transport *transport)
{
    free(transport);
}

enum { MOST_BUFFERS = 1024 }; /* in one call, on Linux, the BSDs and macOS */

static ssize_t hand_over(int fd, const struct iovec *buffers, size_t count)
{
    if (count == 1)
        return send(fd, buffers->iov_base, buffers->iov_len, MSG_NOSIGNAL);
    struct msghdr message = {
        .msg_iov = (struct iovec *)buffers,
        .msg_iovlen = count < MOST_BUFFERS ? count : MOST_BUFFERS,
    };
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static int append_tail(
    struct write_buffer **unsent, const struct iovec *buffers, size_t count, size_t sent)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        size_t skip = sent < buffers[i].iov_len ? sent : buffers[i].iov_len;
        sent -= skip;
        if (skip < buffers[i].iov_len)
            failed = write_buffer_append(
                unsent, (const char *)buffers[i].iov_base + skip, buffers[i].iov_len - skip);
    }
    return failed;
}

static void keep_tail(
    struct socket_transport *self, const struct iovec *buffers, size_t count, size_t sent)
{
    bool watched = self->unsent != NULL;
    int failed = append_tail(&self->unsent, buffers, count, sent);
    if (failed == 0 && !watched)
        failed = loop_watch_writer(self->transport.loop, self->fd, &self->writer);
    if (failed)
        transport_lose_by_errno(&self->transport, -failed);
}

static int socket_write(
    struct transport *transport, const struct iovec *buffers, size_t count, size_t size)
{
    struct socket_transport *self = socket_of(transport);
    size_t sent = 0;
    if (transport->corks > 0) {
        if (self->unsent == NULL)
            transport->held = true;
        int failed = append_tail(&self->unsent, buffers, count, 0);
        if (failed)
            transport_lose_by_errno(transport, -failed);
        transport_maybe_pause_writing(transport);
        return 0;
    }
    if (self->unsent == NULL) {
        ssize_t taken = hand_over(self->fd, buffers, count);
        if (loop_is_traced(transport->loop))
            transport_trace_bytes(transport, "send", taken, size);
        if (taken >= 0)
            sent = (size_t)taken;
        else if (!only_wait(errno)) {
            transport_lose_by_errno(transport, errno);
            return 0;
        }
        if (sent == size)
            return 0;
    }
    keep_tail(self, buffers, count, sent);
    transport_maybe_pause_writing(transport);
    return 0;
}

static int socket_write_eof(struct transport *transport)
{
    struct socket_transport *self = socket_of(transport);
    send_held(self);
    transport->eof_written = true;
    if (self->unsent == NULL && shutdown(self->fd, SHUT_WR) < 0)
        return -errno;
    return 0;
}

static void buffer_is_empty(struct socket_transport *self)
{
    struct transport *transport = &self->transport;
    loop_unwatch_writer(transport->loop, self->fd);
    if (transport->closing)
        transport_end(transport);
    else if (transport->eof_written && shutdown(self->fd, SHUT_WR) < 0) {
        struct error *error = error_from_errno(errno);
        transport_report(transport, "Exception in callback", error);
        error_release(error);
    }
}

static void write_ready(void *context)
{
    struct socket_transport *self = context;
    struct transport *transport = &self->transport;
    ssize_t sent = send(self->fd, write_buffer_bytes(self->unsent),
        write_buffer_size(self->unsent), MSG_NOSIGNAL);
    if (loop_is_traced(transport->loop))
        transport_trace_bytes(transport, "send", sent, write_buffer_size(self->unsent));
    if (sent < 0) {
        if (!only_wait(errno))
            transport_lose_by_errno(transport, errno);
        return;
    }
    write_buffer_drop(&self->unsent, (size_t)sent);
    transport_maybe_resume_writing(transport);
    if (self->unsent == NULL && !transport->lost)
        buffer_is_empty(self);
}

static void end_of_input(struct socket_transport *self)
{
    struct transport *transport = &self->transport;
    bool keep_open = false;
    struct protocol *protocol = transport->protocol;
    if (protocol->callbacks->eof_received != NULL) {
        const struct protocol_call *outer = transport_enter(transport, &eof_received_call);
        keep_open = protocol->callbacks->eof_received(protocol);
        transport_leave(transport, outer);
    }
    if (keep_open)
        loop_unwatch_reader(transport->loop, self->fd);
    else
        transport_close(transport);
}

static void read_ready(void *context)
{
    struct socket_transport *self = context;
    struct transport *transport = &self->transport;
    struct protocol *protocol = transport->protocol;
    void *memory = transport->loop->transports->receive_buffer;
    size_t room = RECEIVE_SIZE;
    if (protocol->callbacks->get_buffer != NULL) {
        memory = borrow_buffer(transport, &room);
        if (memory == NULL)
            return;
    }
    ssize_t size = recv(self->fd, memory, room, 0);
    if (loop_is_traced(transport->loop))
        transport_trace_bytes(transport, "receive", size, room);
    if (size > 0) {
        if (memory != transport->loop->transports->receive_buffer) {
            static const struct protocol_call call = {
                "Fatal error: protocol.buffer_updated() call failed.", true
            };
            const struct protocol_call *outer = transport_enter(transport, &call);
            if (protocol->callbacks->buffer_updated != NULL)
                protocol->callbacks->buffer_updated(protocol, (size_t)size);
            transport_leave(transport, outer);
            return;
        }
        static const struct protocol_call call = {
            "Fatal error: protocol.data_received() call failed.", true};
        const struct protocol_call *outer = transport_enter(transport, &call);
        if (protocol->callbacks->data_received != NULL)
            protocol->callbacks->data_received(protocol, memory, (size_t)size);
        transport_leave(transport, outer);
    } else if (size == 0)
        end_of_input(self);
    else if (!only_wait(errno))
        transport_lose_by_errno(transport, errno);
}

static bool wants_reading(const struct socket_transport *self)
{
    if (!self->transport.started || self->transport.closing)
        return false;
    if (self->transport.reading_paused)
        return false;
    return true;
}

static void watch_if_wanted(struct socket_transport *self)
{
    if (!wants_reading(self))
        return;
    int failed = loop_watch_reader(self->transport.loop, self->fd, &self->reader);
    if (failed)
        transport_lose_by_errno(&self->transport, -failed);
}

static void start_reading(void *context)
{
    struct socket_transport *self = context;
    handle_init(&self->reader, read_ready, self);
    self->transport.started = true;
    watch_if_wanted(self);
}

static void socket_close(struct transport *transport)
{
    struct socket_transport *self = socket_of(transport);
    send_held(self);
    transport->closing = true;
    loop_unwatch_reader(transport->loop, self->fd);
    loop_disown_fd(transport->loop, self->fd);
    if (self->unsent == NULL)
        transport_lose(transport, NULL);
}

static size_t words_for(const struct address *address)
{
    size_t size = offsetof(struct address, of) + address->size;
    return (size + sizeof(uint32_t) - 1) / sizeof(uint32_t);
}

static const struct address *peername_of(const struct socket_transport *self)
{
    return (const struct address *)self->names;
}

static const struct address *sockname_of(const struct socket_transport *self)
{
    return (const struct address *)(self->names + words_for(peername_of(self)));
}

static const struct address *known(const struct address *address)
{
    return address->size > 0 ? address : NULL;
}

static const void *socket_get_extra_info(const struct transport *transport, const char *name)
{
    const struct socket_transport *self = (const struct socket_transport *)transport;
    if (strcmp(name, "socket") == 0)
        return &self->fd;
    if (strcmp(name, "peername") == 0)
        return known(peername_of(self));
    if (strcmp(name, "sockname") == 0)
        return known(sockname_of(self));
    return NULL;
}

static size_t socket_get_write_buffer_size(const struct transport *transport)
{
    return write_buffer_size(((const struct socket_transport *)transport)->unsent);
}

static void socket_pause_reading(struct transport *transport)
{
    loop_unwatch_reader(transport->loop, socket_of(transport)->fd);
}

static void socket_resume_reading(struct transport *transport)
{
    watch_if_wanted(socket_of(transport));
}

static const struct transport_methods socket_methods = {
    .dropped_write = "socket.send() raised exception.",
    .write = socket_write,
    .write_eof = socket_write_eof,
    .close = socket_close,
    .abort = transport_lose,
    .get_write_buffer_size = socket_get_write_buffer_size,
    .get_extra_info = socket_get_extra_info,
    .stop = socket_stop,
    .finish = socket_finish,
    .free = socket_free,
    .uncork = socket_uncork,
    .pause_reading = socket_pause_reading,
    .resume_reading = socket_resume_reading,
};

static int ready_socket(int fd, struct address *peername, struct address *sockname)
{
    static const int on = 1;
    int failed = address_of_socket(fd, sockname);
    if (failed == -EBADF || failed == -ENOTSOCK)
        return failed;
    address_of_peer(fd, peername);
    int family = sockname->size > 0 ? sockname->of.any.sa_family : AF_UNSPEC;
    if (family == AF_INET || family == AF_INET6)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor_make_nonblocking(fd);
}

static int allocate(struct socket_transport **where, const struct address *peername,
    const struct address *sockname)
{
    size_t words = words_for(peername) + words_for(sockname);
    struct socket_transport *self = calloc(1, sizeof *self + words * sizeof(uint32_t));
    if (self == NULL)
        return -ENOMEM;
    address_copy((struct address *)self->names, peername);
    address_copy((struct address *)(self->names + words_for(peername)), sockname);
    *where = self;
    return 0;
}

struct transport *socket_transport_create(
    struct loop *loop, int fd, struct protocol *protocol, struct handle *waiter)
{
    struct address peername, sockname;
    struct socket_transport *self = NULL;
    int failed = loop_is_closed(loop) ? -EBADF : ready_socket(fd, &peername, &sockname);
    if (failed == 0)
        failed = allocate(&self, &peername, &sockname);
    if (failed == 0)
        failed = loop_own_fd(loop, fd);
    if (failed == 0) {
        failed = transport_init(&self->transport, &socket_methods, loop, protocol);
        if (failed)
            loop_disown_fd(loop, fd);
    }
    if (failed) {
        free(self);
        errno = -failed;
        return NULL;
    }
    self->fd = fd;
    handle_init(&self->reader, start_reading, self);
    handle_init(&self->writer, write_ready, self);
    transport_start(&self->transport, &self->reader, waiter);
    return &self->transport;
}
