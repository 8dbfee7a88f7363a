#include "close_within.h"
#include "loop_private.h"
#include <errno.h>

static struct timer_handle timer;
static struct handle closer;

static void forget(void *context)
{
    loop_remove_closer(&closer);
    timer_handle_cancel(&timer);
    transport_release(context);
}

static void strike(void *context)
{
    transport_abort(context);
    forget(context);
}

int close_within(struct transport *transport, double seconds)
{
    struct loop *loop = transport_get_loop(transport);
    transport_close(transport);
    if (loop == NULL || transport_get_protocol(transport) == NULL)
        return 0;
    if (handle_is_scheduled(&closer))
        forget(closer.context);
    timer_handle_init(&timer, strike, transport_retain(transport));
    handle_init(&closer, forget, transport);
    loop_add_closer(loop, &closer);
    return loop_call_later(loop, seconds, &timer);
}
