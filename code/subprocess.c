/* subprocess.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "subprocess.h"
#include "arrival.h"
#include "child_watch.h"
#include "loop_private.h"
#include "pipe_transport.h"
#include "spawn.h"
#include "transport_private.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct subprocess;

struct stream {
    struct protocol protocol; /* of the pipe */
    struct subprocess *owner;
    struct transport *pipe; /* NULL: there was none */
    int number;             /* the child's descriptor */
    bool open;
};

struct subprocess {
    struct transport transport;
    struct stream streams[3];
    struct child_watch watch;
    struct handle start;
    struct error *failure; /* what connection_lost will be told */
    bool exited;           /* process_exited was called, or never will be */
};

static struct subprocess *subprocess_of(struct transport *transport)
{
    return (struct subprocess *)transport;
}

static const struct protocol_call subprocess_call = {"Exception in callback", false};

static void finish_if_over(struct subprocess *self)
{
    for (int i = 0; i < 3; i++)
        if (self->streams[i].open)
            return;
    if (self->exited)
        transport_lose(&self->transport, self->failure);
}

static struct stream *stream_of(struct protocol *protocol)
{
    return (struct stream *)protocol;
}

static void stream_brought(struct protocol *protocol, const void *data, size_t size)
{
    struct stream *stream = stream_of(protocol);
    struct transport *transport = &stream->owner->transport;
    struct protocol *program = transport->protocol;
    const struct protocol_call *outer = transport_enter(transport, &subprocess_call);
    if (program->callbacks->pipe_data_received != NULL)
        program->callbacks->pipe_data_received(program, stream->number, data, size);
    transport_leave(transport, outer);
}

static void stream_closed(struct protocol *protocol, const struct error *exc)
{
    struct stream *stream = stream_of(protocol);
    struct transport *transport = &stream->owner->transport;
    struct protocol *program = transport->protocol;
    stream->open = false;
    const struct protocol_call *outer = transport_enter(transport, &subprocess_call);
    if (program->callbacks->pipe_connection_lost != NULL)
        program->callbacks->pipe_connection_lost(program, stream->number, exc);
    transport_leave(transport, outer);
    finish_if_over(stream->owner);
}

static void call_program(struct subprocess *self, void (*callback)(struct protocol *))
{
    const struct protocol_call *outer = transport_enter(&self->transport, &subprocess_call);
    if (callback != NULL)
        callback(self->transport.protocol);
    transport_leave(&self->transport, outer);
}

static void stream_is_full(struct protocol *protocol)
{
    struct subprocess *self = stream_of(protocol)->owner;
    call_program(self, self->transport.protocol->callbacks->pause_writing);
}

static void stream_has_room(struct protocol *protocol)
{
    struct subprocess *self = stream_of(protocol)->owner;
    call_program(self, self->transport.protocol->callbacks->resume_writing);
}

static void stream_released(struct protocol *protocol)
{
    transport_release(&stream_of(protocol)->owner->transport);
}

static const struct protocol_callbacks stream_callbacks = {
    .data_received = stream_brought,
    .pause_writing = stream_is_full,
    .resume_writing = stream_has_room,
    .connection_lost = stream_closed,
    .released = stream_released,
};

static void child_exited(struct child_watch *watch)
{
    struct subprocess *self =
        (struct subprocess *)((char *)watch - offsetof(struct subprocess, watch));
    self->exited = true;
    call_program(self, self->transport.protocol->callbacks->process_exited);
    finish_if_over(self);
}

static void kill_child(struct subprocess *self)
{
    if (!self->watch.reaped)
        kill(self->watch.pid, SIGKILL);
}

static void subprocess_close(struct transport *transport)
{
    struct subprocess *self = subprocess_of(transport);
    transport->closing = true;
    for (int i = 0; i < 3; i++)
        if (self->streams[i].open)
            transport_close(self->streams[i].pipe);
    kill_child(self);
}

static void subprocess_abort(struct transport *transport, const struct error *exc)
{
    struct subprocess *self = subprocess_of(transport);
    transport->closing = true;
    if (self->failure == NULL)
        self->failure = error_retain(exc);
    for (int i = 0; i < 3; i++)
        if (self->streams[i].open)
            transport_abort(self->streams[i].pipe);
    kill_child(self);
}

static void subprocess_finish(struct transport *transport)
{
    handle_cancel(&subprocess_of(transport)->start);
    child_watch_end(&subprocess_of(transport)->watch);
}

static void subprocess_free(struct transport *transport)
{
    struct subprocess *self = subprocess_of(transport);
    for (int i = 0; i < 3; i++)
        transport_release(self->streams[i].pipe);
    error_release(self->failure);
    free(self);
}

static int subprocess_write(
    struct transport *transport, const struct iovec *buffers, size_t count, size_t size)
{
    (void)transport, (void)buffers, (void)count, (void)size;
    return -ENOTSUP;
}

static size_t subprocess_unsent(const struct transport *transport)
{
    (void)transport;
    return 0;
}

static void subprocess_nothing(struct transport *transport)
{
    (void)transport;
}

static const void *subprocess_get_extra_info(const struct transport *transport, const char *name)
{
    const struct subprocess *self = (const struct subprocess *)transport;
    return strcmp(name, "subprocess") == 0 ? &self->watch.pid : NULL;
}

static const struct transport_methods subprocess_methods = {
    .dropped_write = "the transport of a subprocess cannot be written to.",
    .write = subprocess_write,
    .close = subprocess_close,
    .abort = subprocess_abort,
    .get_write_buffer_size = subprocess_unsent,
    .get_extra_info = subprocess_get_extra_info,
    .stop = subprocess_nothing,
    .finish = subprocess_finish,
    .free = subprocess_free,
    .pause_reading = subprocess_nothing,
    .resume_reading = subprocess_nothing,
};

struct ends {
    int ours[3], theirs[3]; /* -1: none */
};

static void close_all(int fds[3])
{
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static int open_end(int wanted, int number, int *ours, int *theirs)
{
    int ends[2];
    if (wanted == SUBPROCESS_INHERIT || wanted == SUBPROCESS_STDOUT)
        return 0;
    if (wanted == SUBPROCESS_DEVNULL)
        *theirs = open("/dev/null", O_RDWR | O_CLOEXEC);
    else if (wanted > 0)
        *theirs = fcntl(wanted, F_DUPFD_CLOEXEC, 3);
    if (wanted != SUBPROCESS_PIPE)
        return *theirs < 0 ? -errno : 0;
    int failed = spawn_pipe(ends);
    if (failed == 0) {
        *ours = number == 0 ? ends[1] : ends[0];
        *theirs = number == 0 ? ends[0] : ends[1];
    }
    return failed;
}

static int open_ends(struct ends *ends, const int wanted[3])
{
    int failed = 0;
    for (int i = 0; i < 3; i++)
        ends->ours[i] = ends->theirs[i] = -1;
    for (int i = 0; i < 3 && failed == 0; i++)
        failed = open_end(wanted[i], i, &ends->ours[i], &ends->theirs[i]);
    if (failed)
        close_all(ends->ours), close_all(ends->theirs);
    return failed;
}

static int connect_streams(struct subprocess *self, struct ends *ends)
{
    for (int i = 0; i < 3; i++) {
        struct stream *stream = &self->streams[i];
        if (ends->ours[i] < 0)
            continue;
        *stream = (struct stream){{&stream_callbacks}, self, NULL, i, true};
        struct transport *pipe = pipe_transport_create(self->transport.loop, ends->ours[i],
            i == 0 ? PIPE_WRITE : PIPE_READ, &stream->protocol, NULL);
        stream->open = pipe != NULL;
        if (pipe == NULL)
            return -errno;
        stream->pipe = transport_retain(pipe);
        transport_retain(&self->transport);
        ends->ours[i] = -1;
    }
    return 0;
}

static const struct protocol_callbacks deaf_callbacks;
static struct protocol deaf = {&deaf_callbacks};

static int let_live(struct subprocess *self, struct ends *ends, struct handle *waiter)
{
    struct transport *transport = &self->transport;
    int failed = child_watch_start(transport->loop, &self->watch);
    if (failed == 0)
        failed = connect_streams(self, ends);
    if (failed) {
        transport_set_protocol(transport, &deaf);
        child_watch_end(&self->watch);
        self->exited = true;
        waiter = NULL;
    }
    transport_start(transport, &self->start, waiter);
    if (failed) {
        subprocess_abort(transport, NULL);
        finish_if_over(self);
    }
    return failed;
}

static void subprocess_started(void *context)
{
    struct subprocess *self = context;
    self->transport.started = true;
}

static struct subprocess *make_subprocess(struct loop *loop, struct protocol *protocol)
{
    struct subprocess *self = calloc(1, sizeof *self);
    if (self == NULL || transport_init(&self->transport, &subprocess_methods, loop, protocol) != 0) {
        free(self);
        return NULL;
    }
    self->watch.pidfd = -1;
    self->watch.exited = child_exited;
    handle_init(&self->start, subprocess_started, self);
    return self;
}

static bool good_descriptor(int wanted, int number)
{
    switch (wanted) {
    case SUBPROCESS_PIPE:
    case SUBPROCESS_DEVNULL:
    case SUBPROCESS_INHERIT: return true;
    case SUBPROCESS_STDOUT: return number == 2;
    default: return wanted > 0;
    }
}

static int check_subprocess(
    const struct loop *loop, const char *const *arguments, const int wanted[3])
{
    if (arguments == NULL || arguments[0] == NULL)
        return -EINVAL;
    for (int i = 0; i < 3; i++)
        if (!good_descriptor(wanted[i], i))
            return -EINVAL;
    return loop_is_closed(loop) ? -EBADF : 0;
}

static struct error *why_no_child(const struct spawn *spawning, int code)
{
    const char *name = spawning->failed_at_cwd ? spawning->cwd : spawning->arguments[0];
    return error_from_errno_with(code, "%s: '%s'", strerror(code), name);
}

static struct error *start_child(struct arrival *arrival, struct protocol *protocol,
    struct spawn *spawning, const int wanted[3], bool *taken)
{
    struct ends ends;
    int failed = open_ends(&ends, wanted);
    if (failed)
        return error_from_errno(-failed);
    memcpy(spawning->fds, ends.theirs, sizeof spawning->fds);
    pid_t pid = spawn(spawning);
    close_all(ends.theirs);
    if (pid < 0) {
        close_all(ends.ours);
        return why_no_child(spawning, -pid);
    }
    struct subprocess *self = make_subprocess(arrival->loop, protocol);
    if (self == NULL) {
        struct child_watch orphan = {.pid = pid, .pidfd = -1};
        child_watch_end(&orphan);
        close_all(ends.ours);
        return error_from_errno(ENOMEM);
    }
    self->watch.pid = pid;
    *taken = true;
    failed = let_live(self, &ends, &arrival->waiter);
    close_all(ends.ours);
    if (failed)
        return error_from_errno(-failed);
    arrival_await(arrival, &self->transport);
    return NULL;
}

int loop_subprocess_exec(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *const *arguments, const struct subprocess_options *options)
{
    static const struct subprocess_options defaults;
    if (options == NULL)
        options = &defaults;
    const int wanted[3] = {options->stdin_from, options->stdout_to, options->stderr_to};
    int failed = check_subprocess(loop, arguments, wanted);
    if (failed)
        return failed;
    struct arrival *arrival = arrival_create(loop, done);
    if (arrival == NULL)
        return -ENOMEM;
    struct protocol *protocol = arrival_ask(arrival, factory, context);
    if (protocol != NULL) {
        struct spawn spawning = {
            .arguments = arguments,
            .env = options->env,
            .cwd = options->cwd,
            .start_new_session = options->start_new_session,
            .stderr_is_stdout = wanted[2] == SUBPROCESS_STDOUT,
        };
        bool taken = false;
        struct error *error = start_child(arrival, protocol, &spawning, wanted, &taken);
        if (error != NULL) {
            if (!taken)
                protocol_release(protocol);
            arrival_fail(arrival, error);
        }
    }
    return 0;
}

int loop_subprocess_shell(struct loop *loop, struct future *done, protocol_factory *factory,
    void *context, const char *command, const struct subprocess_options *options)
{
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    if (command == NULL)
        return -EINVAL;
    return loop_subprocess_exec(loop, done, factory, context, arguments, options);
}

static bool is_subprocess(const struct transport *transport)
{
    return transport->methods == &subprocess_methods;
}

pid_t transport_get_pid(const struct transport *transport)
{
    return is_subprocess(transport) ? ((const struct subprocess *)transport)->watch.pid : -1;
}

bool transport_get_returncode(const struct transport *transport, int *returncode)
{
    const struct subprocess *self = (const struct subprocess *)transport;
    if (!is_subprocess(transport) || !self->watch.reaped)
        return false;
    *returncode = self->watch.returncode;
    return true;
}

struct transport *transport_get_pipe_transport(const struct transport *transport, int fd)
{
    if (!is_subprocess(transport) || fd < 0 || fd > 2)
        return NULL;
    return ((const struct subprocess *)transport)->streams[fd].pipe;
}

int transport_send_signal(struct transport *transport, int signal)
{
    if (!is_subprocess(transport))
        return -ENOTSUP;
    if (transport->ended)
        return -ESRCH;
    const struct child_watch *watch = &subprocess_of(transport)->watch;
    return watch->reaped || kill(watch->pid, signal) == 0 ? 0 : -errno;
}

int transport_terminate(struct transport *transport)
{
    return transport_send_signal(transport, SIGTERM);
}

int transport_kill(struct transport *transport)
{
    return transport_send_signal(transport, SIGKILL);
}
