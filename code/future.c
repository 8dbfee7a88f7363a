/* future.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#include "future.h"
#include "handle_ring.h"
#include <errno.h>
#include <string.h>

const struct error_domain error_cancelled = {"cancelled"};

void future_init(struct future *self, struct loop *loop)
{
    memset(self, 0, sizeof *self);
    self->loop = loop;
    ring_begin(&self->callbacks);
}

void future_on_give_up(
    struct future *self, void (*give_up)(struct future *, void *worker), void *worker)
{
    self->give_up = give_up;
    self->worker = worker;
}

static int queue_callbacks(struct future *self)
{
    int failed = 0;
    struct handle *first;
    while ((first = ring_take(&self->callbacks)) != NULL)
        if (failed == 0)
            failed = loop_call_soon(self->loop, first);
    return failed;
}

static int complete(struct future *self, void *result, struct error *exception)
{
    if (self->state != FUTURE_PENDING) {
        error_release(exception);
        return -EALREADY;
    }
    self->state = FUTURE_FINISHED;
    self->result = result;
    self->exception = exception;
    self->give_up = NULL;
    return queue_callbacks(self);
}

int future_set_result(struct future *self, void *result)
{
    return complete(self, result, NULL);
}

int future_set_exception(struct future *self, const struct error *exception)
{
    return complete(self, NULL, error_retain(exception));
}

int future_fail(struct future *self, struct error *exception)
{
    return complete(self, NULL, exception);
}

static void give_up(struct future *self)
{
    void (*function)(struct future *, void *worker) = self->give_up;
    self->give_up = NULL;
    if (function != NULL)
        function(self, self->worker);
}

bool future_cancel(struct future *self)
{
    if (self->state != FUTURE_PENDING)
        return false;
    self->state = FUTURE_CANCELLED;
    give_up(self);
    queue_callbacks(self);
    return true;
}

bool future_done(const struct future *self)
{
    return self->state != FUTURE_PENDING;
}

bool future_cancelled(const struct future *self)
{
    return self->state == FUTURE_CANCELLED;
}

const struct error *future_exception(struct future *self)
{
    if (self->state == FUTURE_PENDING)
        return NULL;
    self->retrieved = true;
    if (self->state == FUTURE_CANCELLED && self->exception == NULL)
        self->exception = error_new(&error_cancelled, 0, "cancelled");
    return self->exception;
}

int future_result(struct future *self, void **result)
{
    if (self->state == FUTURE_PENDING)
        return -EAGAIN;
    if (self->state == FUTURE_CANCELLED)
        return -ECANCELED;
    const struct error *exception = future_exception(self);
    if (exception != NULL)
        return exception->domain == &error_os && exception->code > 0 ? -exception->code : -EPROTO;
    if (result != NULL)
        *result = self->result;
    return 0;
}

int future_add_done_callback(struct future *self, struct handle *handle)
{
    if (self->state != FUTURE_PENDING)
        return loop_call_soon(self->loop, handle);
    ring_append(&self->callbacks, handle);
    return 0;
}

size_t future_remove_done_callback(struct future *self, void (*function)(void *), void *context)
{
    size_t count = 0;
    struct handle *next;
    for (struct handle *one = self->callbacks.next; one != &self->callbacks; one = next) {
        next = one->next;
        if (one->function == function && one->context == context) {
            handle_cancel(one);
            count++;
        }
    }
    return count;
}

static void report_forgotten(struct future *self)
{
    const struct exception_context context = {
        .message = "Future exception was never retrieved",
        .exception = self->exception,
        .future = self,
    };
    loop_call_exception_handler(self->loop, &context);
}

void future_destroy(struct future *self)
{
    if (self->state == FUTURE_PENDING)
        give_up(self);
    if (self->exception != NULL && !self->retrieved)
        report_forgotten(self);
    while (ring_take(&self->callbacks) != NULL)
        continue;
    error_release(self->exception);
    self->exception = NULL;
}

static void stop_loop(void *loop)
{
    loop_stop(loop);
}

int loop_run_until_complete(struct loop *loop, struct future *future)
{
    struct handle done;
    if (future->loop != loop)
        return -EINVAL;
    if (loop_is_closed(loop))
        return -EBADF;
    if (loop_is_running(loop))
        return -EBUSY;
    handle_init(&done, stop_loop, loop);
    future_add_done_callback(future, &done);
    int failed = loop_run_forever(loop);
    handle_cancel(&done);
    if (failed != 0)
        return failed;
    return future_done(future) ? 0 : -EINTR;
}
