/* family.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Ends a command together with all that it has started. */
#include "family.h"
#include "subprocess.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>

static struct family *family_of(struct protocol *protocol)
{
    return (struct family *)((char *)protocol - offsetof(struct family, protocol));
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    family_of(protocol)->transport = transport;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct family *self = family_of(protocol);
    (void)exc;
    transport_get_returncode(self->transport, &self->returncode);
    self->gone = true;
    self->ended(self);
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
    };
    self->protocol.callbacks = &family_callbacks;
    self->loop = loop;
    self->grace = grace;
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
    if (self->transport != NULL)
        transport_terminate(self->transport);
}

void family_clear(struct family *self)
{
    void *transport = NULL;
    future_result(&self->started, &transport);
    transport_release(transport);
    future_destroy(&self->started);
}
