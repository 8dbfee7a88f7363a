/* timer_heap.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "timer_heap.h"
#include "handle_ring.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { CHILDREN = 4 };

static bool comes_before(const struct timer_entry *one, const struct timer_entry *other)
{
    if (one->when < other->when)
        return true;
    return one->when <= other->when && one->number < other->number;
}

static void set_place(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
    heap->entries[place] = entry;
    entry.timer->place = place;
}

static void rise(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
    while (place > 0) {
        size_t parent = (place - 1) / CHILDREN;
        if (!comes_before(&entry, &heap->entries[parent]))
            break;
        set_place(heap, place, heap->entries[parent]);
        place = parent;
    }
    set_place(heap, place, entry);
}

static size_t first_child(const struct timer_heap *heap, size_t place)
{
    size_t first = CHILDREN * place + 1, end = first + CHILDREN;
    if (first >= heap->count)
        return place;
    if (end > heap->count)
        end = heap->count;
    for (size_t child = first + 1; child < end; child++)
        if (comes_before(&heap->entries[child], &heap->entries[first]))
            first = child;
    return first;
}

static void sink(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
    for (;;) {
        size_t child = first_child(heap, place);
        if (child == place || !comes_before(&heap->entries[child], &entry))
            break;
        set_place(heap, place, heap->entries[child]);
        place = child;
    }
    set_place(heap, place, entry);
}

static void settle(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
    if (place > 0 && comes_before(&entry, &heap->entries[(place - 1) / CHILDREN]))
        rise(heap, place, entry);
    else
        sink(heap, place, entry);
}

static int make_room_in(struct timer_heap *heap)
{
    size_t room = heap->room > 0 ? 2 * heap->room : 64;
    struct timer_entry *entries = realloc(heap->entries, room * sizeof *entries);
    if (entries == NULL)
        return -ENOMEM;
    heap->entries = entries;
    heap->room = room;
    return 0;
}

int timer_heap_put(struct timer_heap *heap, double when, struct timer_handle *timer)
{
    struct timer_entry entry = {when, heap->armed++, timer};
    if (timer->heap != NULL) {
        assert(timer->heap == heap);
        settle(heap, timer->place, entry);
    } else {
        if (heap->count == heap->room && make_room_in(heap) < 0)
            return -ENOMEM;
        rise(heap, heap->count++, entry);
    }
    timer->heap = heap;
    timer->when = when;
    return 0;
}

void timer_heap_remove(struct timer_heap *heap, struct timer_handle *timer)
{
    assert(timer->heap == heap && heap->entries[timer->place].timer == timer);
    struct timer_entry last = heap->entries[--heap->count];
    if (last.timer != timer)
        settle(heap, timer->place, last);
    timer->heap = NULL;
}

void timer_heap_clear(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->entries[i].timer->heap = NULL;
    free(heap->entries);
    *heap = (struct timer_heap){.entries = NULL};
}

void timer_handle_init(struct timer_handle *timer, void (*function)(void *context), void *context)
{
    *timer = (struct timer_handle){.handle = {.function = function, .context = context}};
}

void timer_handle_cancel(struct timer_handle *timer)
{
    if (timer->heap != NULL)
        timer_heap_remove(timer->heap, timer);
    handle_cancel(&timer->handle);
}

double timer_handle_when(const struct timer_handle *timer)
{
    return timer->when;
}
