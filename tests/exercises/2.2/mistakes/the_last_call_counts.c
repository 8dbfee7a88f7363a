#include "close_within.h"
#include "loop_private.h"
#include <errno.h>
#include <stdlib.h>

struct limit {
    struct timer_handle timer;
    struct handle closer;
    struct transport *transport;
    struct limit *next;
};

static struct limit *limits;

static void end_limit(void *context)
{
    struct limit *limit = context, **where = &limits;
    while (*where != limit)
        where = &(*where)->next;
    *where = limit->next;
    loop_remove_closer(&limit->closer);
    timer_handle_cancel(&limit->timer);
    transport_release(limit->transport);
    free(limit);
}

static void strike(void *context)
{
    struct limit *limit = context;
    transport_abort(limit->transport);
    end_limit(limit);
}

static struct limit *limit_of(struct loop *loop, struct transport *transport)
{
    for (struct limit *limit = limits; limit != NULL; limit = limit->next)
        if (limit->transport == transport)
            return limit;
    struct limit *limit = malloc(sizeof *limit);
    if (limit == NULL)
        return NULL;
    timer_handle_init(&limit->timer, strike, limit);
    handle_init(&limit->closer, end_limit, limit);
    loop_add_closer(loop, &limit->closer);
    limit->transport = transport_retain(transport);
    limit->next = limits;
    limits = limit;
    return limit;
}

int close_within(struct transport *transport, double seconds)
{
    struct loop *loop = transport_get_loop(transport);
    transport_close(transport);
    if (loop == NULL || transport_get_protocol(transport) == NULL)
        return 0;
    struct limit *limit = limit_of(loop, transport);
    if (limit == NULL)
        return -ENOMEM;
    return loop_call_later(loop, seconds, &limit->timer);
}
