/* handle_ring.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef HANDLE_RING_H
#define HANDLE_RING_H
#include "loop.h"
#include <assert.h>

/* A ring of handles in order of arrival. One more handle, never called, is its beginning and its
   end. A handle stands in one ring at most; when it stands in none, its next is NULL. */

static inline void ring_begin(struct handle *ring)
{
    ring->next = ring->previous = ring;
}

static inline bool ring_is_empty(const struct handle *ring)
{
    return ring->next == ring;
}

static inline void ring_append(struct handle *ring, struct handle *handle)
{
    assert(handle->next == NULL && "this handle is scheduled already");
    handle->next = ring;
    handle->previous = ring->previous;
    ring->previous->next = handle;
    ring->previous = handle;
}

static inline void ring_leave(struct handle *handle)
{
    if (handle->next != NULL) {
        handle->next->previous = handle->previous;
        handle->previous->next = handle->next;
    }
    handle->next = handle->previous = NULL;
}

static inline struct handle *ring_take(struct handle *ring)
{
    struct handle *first = ring->next;
    if (first == ring)
        return NULL;
    ring_leave(first);
    return first;
}

static inline void ring_move(struct handle *from, struct handle *to)
{
    if (ring_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    ring_begin(from);
}

#endif
