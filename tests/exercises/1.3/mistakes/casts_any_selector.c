#include "idle.h"
#include "handle_ring.h"
#include "loop_private.h"
#include <errno.h>
#include <stdlib.h>

struct idle_selector {
    struct selector selector;
    struct selector *inner; /* the one that really waits */
    struct handle idle;     /* a ring: who waits for idle time */
};

static struct idle_selector *idle_of(struct selector *selector)
{
    return (struct idle_selector *)selector;
}

static struct selector *idle_create(void)
{
    struct idle_selector *self = malloc(sizeof *self);
    if (self == NULL)
        return NULL;
    self->selector.methods = &idle_methods;
    self->inner = select_methods.create();
    ring_begin(&self->idle);
    if (self->inner == NULL) {
        free(self);
        return NULL;
    }
    return &self->selector;
}

static void idle_destroy(struct selector *selector)
{
    struct idle_selector *self = idle_of(selector);
    while (ring_take(&self->idle) != NULL)
        continue;
    self->inner->methods->destroy(self->inner);
    free(self);
}

static int idle_modify(struct selector *selector, int fd, unsigned before, unsigned now)
{
    struct selector *inner = idle_of(selector)->inner;
    return inner->methods->modify(inner, fd, before, now);
}

static int idle_select(struct selector *selector, double timeout, struct loop *loop)
{
    struct idle_selector *self = idle_of(selector);
    bool would_sleep = timeout != 0;
    if (!would_sleep || ring_is_empty(&self->idle))
        return self->inner->methods->select(self->inner, timeout, loop);
    int error = self->inner->methods->select(self->inner, 0, loop);
    if (error == 0 && ring_is_empty(&loop->ready))
        ring_append(&loop->ready, ring_take(&self->idle));
    return error;
}

const struct selector_methods idle_methods = {
    .name = "idle",
    .create = idle_create,
    .modify = idle_modify,
    .select = idle_select,
    .destroy = idle_destroy,
};

int loop_call_when_idle(struct loop *loop, struct handle *handle)
{
    if (loop_is_closed(loop))
        return -EBADF;
    ring_append(&idle_of(loop->selector)->idle, handle);
    return 0;
}
