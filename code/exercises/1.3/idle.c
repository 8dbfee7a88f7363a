/* idle.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "idle.h"
#include "handle_ring.h"
#include "loop_private.h"
#include <errno.h>
#include <stdlib.h>

struct idle_selector {
    struct selector selector;
    struct selector *inner; /* the one that really waits */
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
    if (self->inner == NULL) {
        free(self);
        return NULL;
    }
    return &self->selector;
}

static void idle_destroy(struct selector *selector)
{
    struct idle_selector *self = idle_of(selector);
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
    struct selector *inner = idle_of(selector)->inner;
    return inner->methods->select(inner, timeout, loop);
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
    (void)loop;
    (void)handle;
    return -ENOTSUP;
}
