#include "last_word.h"
#include "loop.h"
#include "protocol.h"
#include <errno.h>
#include <stdlib.h>

struct lingering {
    struct protocol protocol;
    struct transport *transport;
    struct timer_handle over;
    size_t left; /* bytes that may still come */
    double seconds;
};

static void throw_away(struct protocol *protocol, const void *data, size_t size)
{
    struct lingering *self = (struct lingering *)protocol;
    (void)data;
    if (size > self->left)
        transport_abort(self->transport);
    else
        self->left -= size;
    loop_call_later(transport_get_loop(self->transport), self->seconds, &self->over);
}

static void time_is_over(void *lingering)
{
    transport_abort(((struct lingering *)lingering)->transport);
}

static void lingering_released(struct protocol *protocol)
{
    timer_handle_cancel(&((struct lingering *)protocol)->over);
    free(protocol);
}

int say_last_word(
    struct transport *transport, const void *word, size_t size, size_t most, double seconds)
{
    static const struct protocol_callbacks callbacks = {
        .data_received = throw_away,
        .released = lingering_released,
    };
    struct lingering *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    *self = (struct lingering){.protocol = {&callbacks}, .transport = transport, .left = most};
    self->seconds = seconds;
    timer_handle_init(&self->over, time_is_over, self);
    if (loop_call_later(transport_get_loop(transport), seconds, &self->over) != 0) {
        free(self);
        return -ENOMEM;
    }
    transport_write(transport, word, size);
    transport_write_eof(transport);
    transport_set_protocol(transport, &self->protocol);
    return 0;
}
