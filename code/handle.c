/* handle.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "handle_ring.h"
#include "loop.h"

void handle_init(struct handle *handle, void (*function)(void *context), void *context)
{
    *handle = (struct handle){.function = function, .context = context};
}

bool handle_is_scheduled(const struct handle *handle)
{
    return handle->next != NULL;
}

void handle_cancel(struct handle *handle)
{
    ring_leave(handle);
    handle->previous = handle;
}

bool handle_cancelled(const struct handle *handle)
{
    return handle->next == NULL && handle->previous == handle;
}
