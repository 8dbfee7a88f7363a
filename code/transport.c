/* transport.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "transport_private.h"
#include "loop_private.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void enter_list(struct transport *transport)
{
    struct transports *all = transport->loop->transports;
    transport->next = all->first;
    if (all->first != NULL)
        all->first->previous = transport;
    all->first = transport;
}

static void leave_list(struct transport *transport)
{
    if (transport->previous != NULL)
        transport->previous->next = transport->next;
    else
        transport->loop->transports->first = transport->next;
    if (transport->next != NULL)
        transport->next->previous = transport->previous;
}

struct transport *transport_retain(struct transport *transport)
{
    if (transport != NULL)
        transport->references++;
    return transport;
}

void transport_release(struct transport *transport)
{
    if (transport == NULL || --transport->references > 0)
        return;
    assert(transport->ended);
    if (transport->loop != NULL)
        leave_list(transport);
    transport->methods->free(transport);
}

void protocol_release(struct protocol *protocol)
{
    if (protocol->callbacks->released != NULL)
        protocol->callbacks->released(protocol);
}

static void let_go(struct transport *transport)
{
    struct protocol *protocol = transport->protocol;
    transport->closing = transport->lost = transport->ended = true;
    transport->methods->finish(transport);
    transport->protocol = NULL;
    error_release(transport->exc);
    transport->exc = NULL;
    protocol_release(protocol);
    if (transport->owner != NULL)
        transport->owner->ended(transport->owner, transport);
    transport_release(transport);
}

void transport_end(struct transport *transport)
{
    struct protocol *protocol = transport->protocol;
    transport->closing = transport->lost = true;
    if (protocol->callbacks->connection_lost != NULL) {
        static const struct protocol_call call = {"Exception in callback", false};
        const struct protocol_call *outer = transport_enter(transport, &call);
        protocol->callbacks->connection_lost(protocol, transport->exc);
        transport_leave(transport, outer);
    }
    let_go(transport);
}

static void lose_connection(void *context)
{
    transport_end(context);
}

void transport_lose(struct transport *transport, const struct error *exc)
{
    if (transport->lost)
        return;
    if (loop_is_traced(transport->loop))
        transport_trace(transport, "lost", exc != NULL ? exc->text : "");
    transport->closing = transport->lost = true;
    transport->exc = error_retain(exc);
    transport->methods->stop(transport);
    if (transport->made)
        loop_call_soon(transport->loop, &transport->soon);
}

void transport_lose_by_errno(struct transport *transport, int code)
{
    struct error *exc = error_from_errno(code);
    transport_lose(transport, exc);
    error_release(exc);
}

static void close_transports(void *context)
{
    struct loop *loop = context;
    struct transports *all = loop->transports;
    while (all->first != NULL) {
        struct transport *transport = transport_retain(all->first);
        handle_cancel(&transport->soon);
        if (!transport->ended)
            let_go(transport);
        leave_list(transport);
        transport->loop = NULL;
        transport_release(transport);
    }
    loop->transports = NULL;
    free(all);
}

static int prepare_loop(struct loop *loop)
{
    if (loop_is_closed(loop))
        return -EBADF;
    if (loop->transports == NULL) {
        struct transports *all = calloc(1, sizeof *all);
        if (all == NULL)
            return -ENOMEM;
        handle_init(&all->closer, close_transports, loop);
        loop_add_closer(loop, &all->closer);
        loop->transports = all;
    }
    return 0;
}

int transport_init(struct transport *transport, const struct transport_methods *methods,
    struct loop *loop, struct protocol *protocol)
{
    int failed = prepare_loop(loop);
    if (failed)
        return failed;
    *transport = (struct transport){
        .methods = methods, .loop = loop, .protocol = protocol, .references = 1};
    transport->high = DEFAULT_HIGH_WATER;
    transport->low = DEFAULT_HIGH_WATER / 4;
    enter_list(transport);
    return 0;
}

static void make_connection(void *context)
{
    static const struct protocol_call call = {"Exception in callback", false};
    struct transport *transport = context;
    struct protocol *protocol = transport->protocol;
    transport->made = true;
    handle_init(&transport->soon, lose_connection, transport);
    if (transport->lost)
        loop_call_soon(transport->loop, &transport->soon);
    if (protocol->callbacks->connection_made == NULL)
        return;
    const struct protocol_call *outer = transport_enter(transport, &call);
    protocol->callbacks->connection_made(protocol, transport);
    transport_leave(transport, outer);
}

void transport_start(struct transport *transport, struct handle *start, struct handle *waiter)
{
    handle_init(&transport->soon, make_connection, transport);
    loop_call_soon(transport->loop, &transport->soon);
    loop_call_soon(transport->loop, start);
    if (waiter != NULL)
        loop_call_soon(transport->loop, waiter);
}

int transport_write(struct transport *transport, const void *data, size_t size)
{
    struct iovec one = {.iov_base = (void *)data, .iov_len = size};
    return transport_writelines(transport, &one, 1);
}

bool transport_drop_write(struct transport *transport)
{
    if (!transport->lost)
        return false;
    if (transport->dropped_writes < 5)
        transport->dropped_writes++;
    if (transport->dropped_writes == 5 && transport->loop != NULL)
        loop_log(transport->loop, LOG_LEVEL_WARNING, "%s", transport->methods->dropped_write);
    return true;
}

int transport_writelines(struct transport *transport, const struct iovec *buffers, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += buffers[i].iov_len;
    if (transport->eof_written)
        return -EPIPE;
    if (size == 0 || (transport->lost && transport_drop_write(transport)))
        return 0;
    return transport->methods->write(transport, buffers, count, size);
}

int transport_write_eof(struct transport *transport)
{
    if (transport->methods->write_eof == NULL)
        return -ENOTSUP;
    if (transport->closing || transport->eof_written)
        return 0;
    return transport->methods->write_eof(transport);
}

bool transport_can_write_eof(const struct transport *transport)
{
    return transport->methods->write_eof != NULL;
}

void transport_close(struct transport *transport)
{
    if (!transport->closing) {
        if (loop_is_traced(transport->loop))
            transport_trace(transport, "close", "");
        transport->methods->close(transport);
    }
}

void transport_abort(struct transport *transport)
{
    if (!transport->lost)
        transport->methods->abort(transport, NULL);
}

void transport_report(struct transport *transport, const char *message, const struct error *error)
{
    const struct exception_context context = {
        .message = message,
        .exception = error,
        .transport = transport,
        .protocol = transport->protocol,
    };
    loop_call_exception_handler(transport->loop, &context);
}

void transport_fail(struct transport *transport, const struct error *error)
{
    static const struct protocol_call none = {"Fatal error on transport", true};
    const struct protocol_call *call = transport->calling ? transport->calling : &none;
    assert(error != NULL);
    if (transport->ended)
        return;
    if (!call->fatal || error->domain != &error_os)
        transport_report(transport, call->failed, error);
    if (call->fatal && !transport->lost)
        transport->methods->abort(transport, error);
}

bool transport_is_closing(const struct transport *transport)
{
    return transport->closing;
}

size_t transport_get_write_buffer_size(const struct transport *transport)
{
    return transport->methods->get_write_buffer_size(transport);
}

const void *transport_get_extra_info(const struct transport *transport, const char *name)
{
    return transport->methods->get_extra_info(transport, name);
}

struct loop *transport_get_loop(const struct transport *transport)
{
    return transport->loop;
}

void transport_set_protocol(struct transport *transport, struct protocol *protocol)
{
    struct protocol *replaced = transport->protocol;
    assert(protocol != NULL);
    if (transport->ended)
        replaced = protocol;
    else
        transport->protocol = protocol;
    if (replaced != transport->protocol)
        protocol_release(replaced);
}

struct protocol *transport_get_protocol(const struct transport *transport)
{
    return transport->protocol;
}

void transport_cork(struct transport *transport)
{
    assert(transport->corks < 255);
    transport->corks++;
}

void transport_uncork(struct transport *transport)
{
    assert(transport->corks > 0);
    transport->corks--;
    if (transport->corks == 0 && !transport->lost && transport->methods->uncork != NULL)
        transport->methods->uncork(transport);
}

static void call_flow(
    struct transport *transport, const struct protocol_call *call, void (*callback)(struct protocol *))
{
    if (callback == NULL)
        return;
    const struct protocol_call *outer = transport_enter(transport, call);
    callback(transport->protocol);
    transport_leave(transport, outer);
}

void transport_maybe_pause_writing(struct transport *transport)
{
    static const struct protocol_call call = {"protocol.pause_writing() failed", false};
    if (transport->writing_paused || transport_get_write_buffer_size(transport) <= transport->high)
        return;
    transport->writing_paused = true;
    call_flow(transport, &call, transport->protocol->callbacks->pause_writing);
}

void transport_maybe_resume_writing(struct transport *transport)
{
    static const struct protocol_call call = {"protocol.resume_writing() failed", false};
    if (!transport->writing_paused || transport_get_write_buffer_size(transport) > transport->low)
        return;
    transport->writing_paused = false;
    call_flow(transport, &call, transport->protocol->callbacks->resume_writing);
}

static int work_out_marks(ptrdiff_t *high, ptrdiff_t *low)
{
    if (*high == LIMIT_DEFAULT && *low == LIMIT_DEFAULT)
        *high = DEFAULT_HIGH_WATER;
    if (*high == LIMIT_DEFAULT && *low >= 0)
        *high = *low <= PTRDIFF_MAX / 4 ? 4 * *low : PTRDIFF_MAX;
    if (*low == LIMIT_DEFAULT)
        *low = *high / 4;
    return *low < 0 || *high < *low ? -EINVAL : 0;
}

static uint32_t mark(ptrdiff_t bytes)
{
    return (uintmax_t)bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

int transport_set_write_buffer_limits(struct transport *transport, ptrdiff_t high, ptrdiff_t low)
{
    int failed = work_out_marks(&high, &low);
    if (failed)
        return failed;
    transport->high = mark(high);
    transport->low = mark(low);
    if (!transport->lost)
        transport_maybe_pause_writing(transport);
    return 0;
}

void transport_get_write_buffer_limits(const struct transport *transport, size_t *low, size_t *high)
{
    *low = transport->low;
    *high = transport->high;
}

void transport_pause_reading(struct transport *transport)
{
    if (transport->closing || transport->reading_paused || transport->methods->pause_reading == NULL)
        return;
    transport->reading_paused = true;
    transport->methods->pause_reading(transport);
}

void transport_resume_reading(struct transport *transport)
{
    if (transport->closing || !transport->reading_paused)
        return;
    transport->reading_paused = false;
    transport->methods->resume_reading(transport);
}

bool transport_is_reading(const struct transport *transport)
{
    return !transport->closing && !transport->reading_paused;
}

int transport_sendto(
    struct transport *transport, const void *data, size_t size, const struct address *to)
{
    if (transport->methods->sendto == NULL)
        return -ENOTSUP;
    return transport->methods->sendto(transport, data, size, to);
}

void transport_discard(struct transport *transport)
{
    assert(!transport->ended);
    let_go(transport);
}
