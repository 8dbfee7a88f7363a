/* water_level.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
/* Prints how full a write buffer is, pass by pass, when its reader is half as fast as its writer. */
#include "arguments.h"
#include "loop.h"
#include "protocol.h"
#include "socket_transport.h"
#include "transport.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITTEN = 8 * 1024, TAKEN = 4 * 1024 };

struct experiment {
    struct protocol protocol; /* the producer */
    struct transport *transport;
    int peer; /* a descriptor: the other end */
    long high, low, pass, passes, pauses;
    bool deaf, paused;
    struct handle next_pass;
};

static void one_pass(void *context)
{
    static char bytes[WRITTEN];
    struct experiment *self = context;
    struct loop *loop = transport_get_loop(self->transport);
    if (!self->paused || self->deaf)
        transport_write(self->transport, bytes, WRITTEN);
    recv(self->peer, bytes, TAKEN, MSG_DONTWAIT);
    printf("%3ld %5.1f\n", self->pass, (double)transport_get_write_buffer_size(self->transport) / 1024);
    if (++self->pass < self->passes)
        loop_call_soon(loop, &self->next_pass);
    else
        loop_stop(loop);
}

static void pause_writing(struct protocol *protocol)
{
    struct experiment *self = (struct experiment *)protocol;
    self->paused = true;
    self->pauses++;
}

static void resume_writing(struct protocol *protocol)
{
    ((struct experiment *)protocol)->paused = false;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct experiment *self = (struct experiment *)protocol;
    self->transport = transport;
    handle_init(&self->next_pass, one_pass, self);
    loop_call_soon(transport_get_loop(transport), &self->next_pass);
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
};

static struct transport *connect_pair(struct experiment *self, struct loop *loop)
{
    static const int small = 4 * 1024;
    int pair[2];
    if (loop == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return NULL;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    self->protocol.callbacks = &callbacks;
    self->peer = pair[1];
    struct transport *transport = socket_transport_create(loop, pair[0], &self->protocol, NULL);
    if (transport == NULL) {
        close(pair[0]);
        close(pair[1]);
    }
    return transport;
}

int main(int argc, char **argv)
{
    struct experiment experiment = {.high = 64 * 1024, .low = 16 * 1024, .passes = 100};
    const struct argument arguments[] = {
        {"--high", ARGUMENT_NUMBER, &experiment.high, "the high-water mark in bytes (65536)"},
        {"--low", ARGUMENT_NUMBER, &experiment.low, "the low-water mark in bytes (16384)"},
        {"--passes", ARGUMENT_NUMBER, &experiment.passes, "how many passes of the loop (100)"},
        {"--deaf", ARGUMENT_FLAG, &experiment.deaf, "write on when told to pause"},
    };
    int status = arguments_parse(argc, argv, "Print how full a write buffer is, pass by pass.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct loop *loop = loop_create(NULL);
    struct transport *transport = connect_pair(&experiment, loop);
    if (transport == NULL) {
        fprintf(stderr, "water_level: %s\n", strerror(errno));
        loop_free(loop);
        return 1;
    }
    int failed = transport_set_write_buffer_limits(transport, experiment.high, experiment.low);
    if (failed)
        fprintf(stderr, "water_level: --low: %ld is above --high\n", experiment.low);
    else
        loop_run_forever(loop);
    close(experiment.peer);
    loop_free(loop);
    if (failed)
        return 2;
    printf("# pauses: %ld\n", experiment.pauses);
    return 0;
}
