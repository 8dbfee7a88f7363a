/* timer_heap.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef TIMER_HEAP_H
#define TIMER_HEAP_H
#include "loop.h"
#include <stdint.h>

struct timer_entry {
    double when;
    uint64_t number; /* among equals, the lower was armed earlier */
    struct timer_handle *timer;
};

struct timer_heap {
    struct timer_entry *entries; /* entries[0] is the first to fire */
    size_t count, room;
    uint64_t armed; /* how many times a timer was ever armed */
};

/* Arms the timer, or moves it if it is armed. 0 or -ENOMEM; then nothing has changed. */
int timer_heap_put(struct timer_heap *, double when, struct timer_handle *);

void timer_heap_remove(struct timer_heap *, struct timer_handle *);

/* The next to fire, still in the heap; NULL: there is none. */
static inline struct timer_handle *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count > 0 ? heap->entries[0].timer : NULL;
}

/* Disarms all that is armed and gives the memory back. */
void timer_heap_clear(struct timer_heap *);

#endif
