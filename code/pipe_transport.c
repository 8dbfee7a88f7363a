/* pipe_transport.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "pipe_transport.h"
#include "arrival.h"
#include "descriptor.h"
#include "loop_private.h"
#include "quiet_write.h"
#include "transport_private.h"
#include "write_buffer.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct pipe_transport {
    struct transport transport;
    struct handle reader, writer, eof;
    struct write_buffer *unsent;
    int fd; /* -1 once closed */
    bool is_socket, hears_reader;
};

static struct pipe_transport *pipe_of(struct transport *transport)
{
    return (struct pipe_transport *)transport;
}

static bool pipe_only_waits(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static void pipe_stop(struct transport *transport)
{
    struct pipe_transport *self = pipe_of(transport);
    loop_unwatch_reader(transport->loop, self->fd);
    loop_unwatch_writer(transport->loop, self->fd);
    loop_disown_fd(transport->loop, self->fd);
    handle_cancel(&self->reader);
    write_buffer_clear(&self->unsent);
}

static void pipe_finish(struct transport *transport)
{
    struct pipe_transport *self = pipe_of(transport);
    pipe_stop(transport);
    handle_cancel(&self->eof);
    close(self->fd);
    self->fd = -1;
}

static void pipe_free(struct transport *transport)
{
    free(transport);
}

static void pipe_at_eof(void *context)
{
    static const struct protocol_call call = {"Exception in callback", false};
    struct transport *transport = context;
    struct protocol *protocol = transport->protocol;
    const struct protocol_call *outer = transport_enter(transport, &call);
    if (protocol->callbacks->eof_received != NULL)
        protocol->callbacks->eof_received(protocol);
    transport_leave(transport, outer);
}

static void end_of_pipe(struct pipe_transport *self)
{
    handle_init(&self->eof, pipe_at_eof, self);
    loop_call_soon(self->transport.loop, &self->eof);
    transport_lose(&self->transport, NULL);
}

static void read_failed(struct pipe_transport *self, int code)
{
    struct error *error = error_from_errno(code);
    if (code != EIO)
        transport_report(&self->transport, "Fatal read error on pipe transport", error);
    transport_lose(&self->transport, error);
    error_release(error);
}

static void pipe_read_ready(void *context)
{
    struct pipe_transport *self = context;
    struct transport *transport = &self->transport;
    char *memory = transport->loop->transports->receive_buffer;
    ssize_t size = read(self->fd, memory, RECEIVE_SIZE);
    if (size > 0) {
        static const struct protocol_call call = {"Exception in callback", false};
        struct protocol *protocol = transport->protocol;
        const struct protocol_call *outer = transport_enter(transport, &call);
        if (protocol->callbacks->data_received != NULL)
            protocol->callbacks->data_received(protocol, memory, (size_t)size);
        transport_leave(transport, outer);
    } else if (size == 0)
        end_of_pipe(self);
    else if (!pipe_only_waits(errno))
        read_failed(self, errno);
}

enum { MOST_PIECES = 1024 };

static ssize_t hand_to_pipe(struct pipe_transport *self, const struct iovec *buffers, size_t count)
{
    if (count > MOST_PIECES)
        count = MOST_PIECES;
    if (!self->is_socket)
        return quiet_writev(self->fd, buffers, (int)count);
    struct msghdr message = {.msg_iov = (struct iovec *)buffers, .msg_iovlen = count};
    return sendmsg(self->fd, &message, MSG_NOSIGNAL);
}

static int keep_for_pipe(
    struct write_buffer **unsent, const struct iovec *buffers, size_t count, size_t taken)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        size_t skip = taken < buffers[i].iov_len ? taken : buffers[i].iov_len;
        const char *rest = (const char *)buffers[i].iov_base + skip;
        taken -= skip;
        if (skip < buffers[i].iov_len)
            failed = write_buffer_append(unsent, rest, buffers[i].iov_len - skip);
    }
    return failed;
}

static void pipe_is_drained(struct pipe_transport *self)
{
    struct transport *transport = &self->transport;
    loop_unwatch_writer(transport->loop, self->fd);
    transport_maybe_resume_writing(transport);
    if (self->unsent == NULL && transport->closing && !transport->lost)
        transport_end(transport);
}

static int pipe_write(
    struct transport *transport, const struct iovec *buffers, size_t count, size_t size)
{
    struct pipe_transport *self = pipe_of(transport);
    bool watched = self->unsent != NULL;
    ssize_t taken = 0;
    if (transport->closing)
        return 0;
    if (!watched) {
        taken = hand_to_pipe(self, buffers, count);
        if (taken == (ssize_t)size)
            return 0;
        if (taken < 0 && !pipe_only_waits(errno)) {
            transport_lose_by_errno(transport, errno);
            return 0;
        }
        if (taken < 0)
            taken = 0;
    }
    int failed = keep_for_pipe(&self->unsent, buffers, count, (size_t)taken);
    if (failed == 0 && !watched)
        failed = loop_watch_writer(transport->loop, self->fd, &self->writer);
    if (failed)
        transport_lose_by_errno(transport, -failed);
    else
        transport_maybe_pause_writing(transport);
    return 0;
}

static void pipe_write_ready(void *context)
{
    struct pipe_transport *self = context;
    struct transport *transport = &self->transport;
    struct iovec rest = {
        .iov_base = (void *)write_buffer_bytes(self->unsent),
        .iov_len = write_buffer_size(self->unsent),
    };
    ssize_t taken = hand_to_pipe(self, &rest, 1);
    if (taken < 0) {
        if (!pipe_only_waits(errno))
            transport_lose_by_errno(transport, errno);
        return;
    }
    write_buffer_drop(&self->unsent, (size_t)taken);
    if (self->unsent == NULL)
        pipe_is_drained(self);
}

static void pipe_close_writing(struct transport *transport)
{
    transport->closing = true;
    if (pipe_of(transport)->unsent == NULL)
        transport_lose(transport, NULL);
}

static int pipe_write_eof(struct transport *transport)
{
    pipe_close_writing(transport);
    return 0;
}

static void reader_has_gone(void *context)
{
    struct pipe_transport *self = context;
    if (self->unsent != NULL)
        transport_lose_by_errno(&self->transport, EPIPE);
    else
        transport_lose(&self->transport, NULL);
}

static size_t pipe_get_write_buffer_size(const struct transport *transport)
{
    return write_buffer_size(((const struct pipe_transport *)transport)->unsent);
}

static const void *pipe_get_extra_info(const struct transport *transport, const char *name)
{
    return strcmp(name, "pipe") == 0 ? &((const struct pipe_transport *)transport)->fd : NULL;
}

static int pipe_refuse_to_write(
    struct transport *transport, const struct iovec *buffers, size_t count, size_t size)
{
    (void)transport, (void)buffers, (void)count, (void)size;
    return -ENOTSUP;
}

static void pipe_close_reading(struct transport *transport)
{
    transport_lose(transport, NULL);
}

static void pipe_is_never_read(struct transport *transport)
{
    (void)transport;
}

static void watch_read_pipe(struct transport *transport)
{
    struct pipe_transport *self = pipe_of(transport);
    if (!transport->started || transport->closing || transport->reading_paused)
        return;
    int failed = loop_watch_reader(transport->loop, self->fd, &self->reader);
    if (failed)
        transport_lose_by_errno(transport, -failed);
}

static void unwatch_read_pipe(struct transport *transport)
{
    loop_unwatch_reader(transport->loop, pipe_of(transport)->fd);
}

static void start_read_pipe(void *context)
{
    struct pipe_transport *self = context;
    handle_init(&self->reader, pipe_read_ready, self);
    self->transport.started = true;
    watch_read_pipe(&self->transport);
}

static void start_write_pipe(void *context)
{
    struct pipe_transport *self = context;
    struct transport *transport = &self->transport;
    handle_init(&self->reader, reader_has_gone, self);
    transport->started = true;
    if (transport->lost || !self->hears_reader)
        return;
    int failed = loop_watch_reader(transport->loop, self->fd, &self->reader);
    if (failed)
        transport_lose_by_errno(transport, -failed);
}

static const struct transport_methods read_pipe_methods = {
    .dropped_write = "os.read(pipe) has ended.",
    .write = pipe_refuse_to_write,
    .close = pipe_close_reading,
    .abort = transport_lose,
    .get_write_buffer_size = pipe_get_write_buffer_size,
    .get_extra_info = pipe_get_extra_info,
    .stop = pipe_stop,
    .finish = pipe_finish,
    .free = pipe_free,
    .pause_reading = unwatch_read_pipe,
    .resume_reading = watch_read_pipe,
};

static const struct transport_methods write_pipe_methods = {
    .dropped_write = "pipe closed by peer or os.write(pipe, data) raised exception.",
    .write = pipe_write,
    .write_eof = pipe_write_eof,
    .close = pipe_close_writing,
    .abort = transport_lose,
    .get_write_buffer_size = pipe_get_write_buffer_size,
    .get_extra_info = pipe_get_extra_info,
    .stop = pipe_stop,
    .finish = pipe_finish,
    .free = pipe_free,
    .pause_reading = pipe_is_never_read,
    .resume_reading = pipe_is_never_read,
};

static int look_at_pipe(struct pipe_transport *self)
{
    struct stat status;
    if (fstat(self->fd, &status) < 0)
        return -errno;
    self->is_socket = S_ISSOCK(status.st_mode);
    self->hears_reader = self->is_socket || S_ISFIFO(status.st_mode);
    return self->hears_reader || S_ISCHR(status.st_mode) ? 0 : -EINVAL;
}

static int begin_pipe(
    struct pipe_transport *self, struct loop *loop, bool reads, struct protocol *protocol)
{
    int failed = look_at_pipe(self);
    if (failed == 0)
        failed = descriptor_make_nonblocking(self->fd);
    if (failed == 0)
        failed = loop_own_fd(loop, self->fd);
    if (failed)
        return failed;
    failed = transport_init(&self->transport, reads ? &read_pipe_methods : &write_pipe_methods,
        loop, protocol);
    if (failed)
        loop_disown_fd(loop, self->fd);
    return failed;
}

struct transport *pipe_transport_create(struct loop *loop, int fd, enum pipe_direction direction,
    struct protocol *protocol, struct handle *waiter)
{
    bool reads = direction == PIPE_READ;
    struct pipe_transport *self = calloc(1, sizeof *self);
    int failed = self == NULL ? -ENOMEM : loop_is_closed(loop) ? -EBADF : 0;
    if (failed == 0) {
        self->fd = fd;
        failed = begin_pipe(self, loop, reads, protocol);
    }
    if (failed) {
        free(self);
        errno = -failed;
        return NULL;
    }
    handle_init(&self->reader, reads ? start_read_pipe : start_write_pipe, self);
    handle_init(&self->writer, pipe_write_ready, self);
    transport_start(&self->transport, &self->reader, waiter);
    return &self->transport;
}

static struct error *why_no_pipe(int code, enum pipe_direction direction)
{
    if (code != EINVAL)
        return error_from_errno(code);
    return error_new(&error_os, EINVAL, "%s", direction == PIPE_READ
            ? "Pipe transport is for pipes/sockets only."
            : "Pipe transport is only for pipes, sockets and character devices");
}

static int connect_pipe(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, int fd, enum pipe_direction direction)
{
    if (loop_is_closed(loop))
        return -EBADF;
    struct arrival *arrival = arrival_create(loop, done);
    if (arrival == NULL)
        return -ENOMEM;
    struct protocol *protocol = arrival_ask(arrival, factory, context);
    if (protocol == NULL)
        return 0;
    struct transport *transport = pipe_transport_create(loop, fd, direction, protocol, &arrival->waiter);
    if (transport == NULL) {
        struct error *error = why_no_pipe(errno, direction);
        protocol_release(protocol);
        arrival_fail(arrival, error);
    } else
        arrival_await(arrival, transport);
    return 0;
}

int loop_connect_read_pipe(
    struct loop *loop, struct future *done, protocol_factory *factory, void *context, int fd)
{
    return connect_pipe(loop, done, factory, context, fd, PIPE_READ);
}

int loop_connect_write_pipe(
    struct loop *loop, struct future *done, protocol_factory *factory, void *context, int fd)
{
    return connect_pipe(loop, done, factory, context, fd, PIPE_WRITE);
}
