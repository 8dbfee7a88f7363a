#include "close_within.h"
#include "loop_private.h"
#include <errno.h>
#include <stdlib.h>

struct limit {
    struct timer_handle timer;
    struct handle closer;
    struct transport *transport; /* a reference of our own */
};

static void end_limit(void *context)
{
    struct limit *limit = context;
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

int close_within(struct transport *transport, double seconds)
{
    struct loop *loop = transport_get_loop(transport);
    transport_close(transport);
    if (loop == NULL || transport_get_protocol(transport) == NULL)
        return 0;
    struct limit *limit = malloc(sizeof *limit);
    if (limit == NULL)
        return -ENOMEM;
    timer_handle_init(&limit->timer, strike, limit);
    handle_init(&limit->closer, end_limit, limit);
    int error = loop_call_later(loop, seconds, &limit->timer);
    if (error) {
        free(limit);
        return error;
    }
    limit->transport = transport_retain(transport);
    return 0;
}
