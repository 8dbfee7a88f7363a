/* stage.h: a student's protocol on a transport, a loop whose clock only the test moves, and the other end in the test's
   hands; all in one process. For graders of kind `functions`. */
#ifndef STAGE_H
#define STAGE_H
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"
#include "grader.h"
#include "loop.h"
#include "socket_transport.h"

struct stage {
    struct loop *loop;
    struct transport *transport; /* retained */
    int peer;                    /* blocking; -1 once the test has closed it */
    double now;                  /* what the loop takes for the time */
    size_t blocks;               /* on the heap before */
    char told[200];              /* what the exception handler was told last */
};

static inline double stage_clock(void *now)
{
    return *(double *)now;
}

static inline void stage_is_told(struct loop *loop, const struct exception_context *context, void *stage)
{
    struct stage *self = stage;
    (void)loop;
    const char *text = context->exception != NULL ? context->exception->text : "";
    snprintf(self->told, sizeof self->told, "%s: %s", context->message, text);
}

/* A loop that is not yet used. */
static inline void stage_begin(struct stage *self)
{
    *self = (struct stage){.blocks = heap_blocks(), .now = 1000, .peer = -1};
    self->loop = loop_create(NULL);
    expect(self->loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(self->loop, stage_clock, &self->now);
    loop_set_exception_handler(self->loop, stage_is_told, self);
}

/* Passes that wait for nothing, until what is under way has been dealt with. */
static inline void stage_turn(struct stage *self)
{
    kernel_wait_at_most(0);
    for (int i = 0; i < 12; i++)
        loop_run_once(self->loop);
}

/* Connects the protocol with a peer, over TCP. The transport must not be wanted any more when it is replaced. */
static inline void stage_connect(struct stage *self, struct protocol *protocol)
{
    int ends[2];
    expect(protocol != NULL, "a protocol from the factory", "NULL");
    tcp_pair(ends);
    self->peer = ends[1];
    self->transport = transport_retain(socket_transport_create(self->loop, ends[0], protocol, NULL));
    expect(self->transport != NULL, "a transport", "%s", strerror(errno));
    stage_turn(self);
}

/* One pass that waits a moment for the network, as long as the time has not come. */
static inline bool stage_waits(struct stage *self, double end)
{
    kernel_wait_at_most(0.002);
    loop_run_once(self->loop);
    return seconds_now() < end;
}

/* A thing that must happen happens at once, or the student has forgotten it: no need for much patience. */
static inline double stage_patience(void)
{
    return seconds_now() + patience() / 10;
}

static inline void stage_sends(struct stage *self, const char *text)
{
    send_text(self->peer, text);
    stage_turn(self);
}

static inline void stage_peer_ends(struct stage *self)
{
    end_sending(self->peer);
    stage_turn(self);
}

static inline void stage_advance(struct stage *self, double seconds)
{
    self->now += seconds;
    stage_turn(self);
}

/* What the peer receives: `size` bytes, or fewer when no more come. In a static buffer, with a zero behind. */
static inline const char *stage_hears(struct stage *self, size_t size)
{
    static char text[1000];
    size_t length = 0;
    double end = stage_patience();
    do
        length += receive(self->peer, text + length, size - length, 0);
    while (length < size && stage_waits(self, end));
    text[length] = '\0';
    return text;
}

static inline bool stage_hears_nothing(struct stage *self)
{
    stage_turn(self);
    return stays_silent(self->peer, 0.01);
}

/* The peer receives the end of the stream next. */
static inline bool stage_hears_end(struct stage *self)
{
    double end = stage_patience();
    do
        if (!stays_silent(self->peer, 0))
            return receives_end(self->peer, 0);
    while (stage_waits(self, end));
    return false;
}

/* connection_lost has returned, and the library has let go of the protocol. */
static inline bool stage_is_lost(struct stage *self)
{
    double end = stage_patience();
    while (transport_get_protocol(self->transport) != NULL)
        if (!stage_waits(self, end))
            return false;
    return true;
}

/* Ends everything; expects that nobody had to complain, and that all memory is given back. */
static inline void stage_end(struct stage *self)
{
    transport_release(self->transport);
    loop_free(self->loop);
    if (self->peer >= 0)
        close_socket(self->peer);
    expect(self->told[0] == '\0', "the exception handler to hear nothing", "%s", self->told);
    expect(heap_blocks() <= self->blocks, "all memory to be given back at the end", "%zu blocks were not freed",
        heap_blocks() - self->blocks);
}
#endif
