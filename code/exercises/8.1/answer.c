/* answer.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Collects what a command writes, and loses some of it. Mend it. */
#include "answer.h"
#include "subprocess.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct answer *self = (struct answer *)((char *)protocol - offsetof(struct answer, protocol));
    self->transport = transport;
}

static void pipe_data_received(struct protocol *protocol, int fd, const void *data, size_t size)
{
    struct answer *self = (struct answer *)((char *)protocol - offsetof(struct answer, protocol));
    char *more = realloc(self->output, self->size + size);
    (void)fd;
    if (more == NULL) {
        transport_close(self->transport);
        return;
    }
    memcpy(more + self->size, data, size);
    self->output = more;
    self->size += size;
}

static void process_exited(struct protocol *protocol)
{
    struct answer *self = (struct answer *)((char *)protocol - offsetof(struct answer, protocol));
    transport_get_returncode(self->transport, &self->returncode);
    self->told(self);
}

static const struct protocol_callbacks answer_callbacks = {
    .connection_made = connection_made,
    .pipe_data_received = pipe_data_received,
    .process_exited = process_exited,
};

static struct protocol *protocol_of_answer(void *context)
{
    return &((struct answer *)context)->protocol;
}

int answer_ask(struct answer *self, struct loop *loop, const char *command, double grace)
{
    const struct subprocess_options options = {
        .stdin_from = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_INHERIT};
    self->protocol.callbacks = &answer_callbacks;
    self->loop = loop;
    self->grace = grace;
    future_init(&self->started, loop);
    int failed = loop_subprocess_shell(
        loop, &self->started, protocol_of_answer, self, command, &options);
    if (failed == 0 && future_done(&self->started))
        failed = future_result(&self->started, NULL);
    if (failed)
        future_destroy(&self->started);
    return failed;
}

void answer_clear(struct answer *self)
{
    void *transport = NULL;
    future_result(&self->started, &transport);
    transport_release(transport);
    future_destroy(&self->started);
    free(self->output);
    self->output = NULL;
}
