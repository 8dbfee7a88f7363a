/* Signals one process, in a session of its own or not. */
#include "family.h"
#include "subprocess.h"
#include "transport.h"
#include <signal.h>
#include <stddef.h>

static struct family *family_of(struct protocol *protocol)
{
    return (struct family *)((char *)protocol - offsetof(struct family, protocol));
}

static void tell_if_over(struct family *self)
{
    if (self->gone && (!self->ending || self->killed))
        self->ended(self);
}

static void grace_is_over(void *context)
{
    struct family *self = context;
    transport_kill(self->transport);
    self->killed = true;
    tell_if_over(self);
}

static void ask_all(struct family *self)
{
    transport_terminate(self->transport);
    if (loop_call_later(self->loop, self->grace, &self->limit) != 0)
        grace_is_over(self);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct family *self = family_of(protocol);
    self->transport = transport;
    self->group = transport_get_pid(transport);
    if (self->ending)
        ask_all(self);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct family *self = family_of(protocol);
    (void)exc;
    transport_get_returncode(self->transport, &self->returncode);
    self->gone = true;
    tell_if_over(self);
}

static const struct protocol_callbacks family_callbacks = {
    .connection_made = connection_made,
    .connection_lost = connection_lost,
};

static struct protocol *protocol_of_family(void *context)
{
    return &((struct family *)context)->protocol;
}

int family_start(struct family *self, struct loop *loop, const char *command, double grace)
{
    const struct subprocess_options options = {
        .stdin_from = SUBPROCESS_DEVNULL,
        .stdout_to = SUBPROCESS_INHERIT,
        .stderr_to = SUBPROCESS_INHERIT,
        .start_new_session = true,
    };
    self->protocol.callbacks = &family_callbacks;
    self->loop = loop;
    self->grace = grace;
    timer_handle_init(&self->limit, grace_is_over, self);
    future_init(&self->started, loop);
    int failed = loop_subprocess_shell(
        loop, &self->started, protocol_of_family, self, command, &options);
    if (failed == 0 && future_done(&self->started))
        failed = future_result(&self->started, NULL);
    if (failed)
        future_destroy(&self->started);
    return failed;
}

void family_end(struct family *self)
{
    if (self->ending || self->gone)
        return;
    self->ending = true;
    if (self->group > 0)
        ask_all(self);
}

void family_clear(struct family *self)
{
    void *transport = NULL;
    future_result(&self->started, &transport);
    transport_release(transport);
    future_destroy(&self->started);
}
