/* frame_protocol.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
#include "frame_protocol.h"
#include "error.h"
#include "loop.h"
#include "transport.h"
#include <errno.h>

static struct frame_protocol *frames_of(struct protocol *protocol)
{
    return (struct frame_protocol *)protocol;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct frame_protocol *self = frames_of(protocol);
    self->transport = transport;
    if (self->callbacks->connection_made != NULL)
        self->callbacks->connection_made(self, transport);
}

static void begin_delivery(struct frame_protocol *self)
{
    self->delivering = true;
    transport_cork(self->transport);
}

static void let_go(struct frame_protocol *self)
{
    framer_clear(&self->framer);
    if (self->callbacks->released != NULL)
        self->callbacks->released(self);
}

static void end_delivery(struct frame_protocol *self)
{
    struct transport *transport = self->transport;
    self->delivering = false;
    if (self->let_go)
        let_go(self);
    transport_uncork(transport);
}

static void released(struct protocol *protocol)
{
    struct frame_protocol *self = frames_of(protocol);
    self->let_go = true;
    if (!self->delivering)
        let_go(self);
}

static bool take_frame(void *context, const char *frame, size_t size)
{
    struct frame_protocol *self = context;
    if (self->callbacks->frame_received != NULL)
        self->callbacks->frame_received(self, frame, size);
    return !self->let_go && !transport_is_closing(self->transport);
}

static void report_refused(struct frame_protocol *self, const struct error *error)
{
    const struct exception_context context = {
        .message = "Frame refused",
        .exception = error,
        .transport = self->transport,
        .protocol = &self->protocol,
    };
    loop_call_exception_handler(transport_get_loop(self->transport), &context);
}

static void refuse(struct frame_protocol *self, int failed)
{
    struct transport *transport = self->transport;
    struct error *error = failed == -EMSGSIZE
        ? error_new(&error_os, EMSGSIZE, "A frame is longer than %zu bytes", self->framer.limit)
        : error_from_errno(-failed);
    if (failed != -EMSGSIZE)
        transport_fail(transport, error);
    else if (self->callbacks->frame_refused != NULL)
        self->callbacks->frame_refused(self, error);
    else
        report_refused(self, error);
    transport_close(transport);
    error_release(error);
}

static void data_received(struct protocol *protocol, const void *data, size_t size)
{
    struct frame_protocol *self = frames_of(protocol);
    begin_delivery(self);
    int failed = framer_feed(&self->framer, data, size, take_frame, self);
    if (failed)
        refuse(self, failed);
    end_delivery(self);
}

static bool eof_received(struct protocol *protocol)
{
    struct frame_protocol *self = frames_of(protocol);
    const struct frame_callbacks *callbacks = self->callbacks;
    begin_delivery(self);
    size_t size;
    const char *tail = framer_tail(&self->framer, &size);
    if (size > 0 && callbacks->tail_received != NULL)
        callbacks->tail_received(self, tail, size);
    framer_clear(&self->framer);
    bool stay = !self->let_go && callbacks->eof_received != NULL && callbacks->eof_received(self);
    end_delivery(self);
    return stay;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct frame_protocol *self = frames_of(protocol);
    self->transport = NULL;
    if (self->callbacks->connection_lost != NULL)
        self->callbacks->connection_lost(self, exc);
}

static void pause_writing(struct protocol *protocol)
{
    struct frame_protocol *self = frames_of(protocol);
    if (self->callbacks->pause_writing != NULL)
        self->callbacks->pause_writing(self);
}

static void resume_writing(struct protocol *protocol)
{
    struct frame_protocol *self = frames_of(protocol);
    if (self->callbacks->resume_writing != NULL)
        self->callbacks->resume_writing(self);
}

void frame_protocol_init(struct frame_protocol *self, const struct frame_callbacks *callbacks)
{
    static const struct protocol_callbacks below = {
        .connection_made = connection_made,
        .data_received = data_received,
        .eof_received = eof_received,
        .connection_lost = connection_lost,
        .released = released,
        .pause_writing = pause_writing,
        .resume_writing = resume_writing,
    };
    self->protocol.callbacks = &below;
    self->callbacks = callbacks;
    self->transport = NULL;
    self->delivering = self->let_go = false;
}
