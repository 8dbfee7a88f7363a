/* select_selector.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "selector.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/select.h>

struct select_selector {
    struct selector selector;
    fd_set readable, writable; /* what we wait for */
    int end;                   /* one more than the highest descriptor in them */
};

static struct selector *select_create(void)
{
    struct select_selector *self = malloc(sizeof *self);
    if (self == NULL)
        return NULL;
    self->selector.methods = &select_methods;
    FD_ZERO(&self->readable);
    FD_ZERO(&self->writable);
    self->end = 0;
    return &self->selector;
}

static void select_destroy(struct selector *selector)
{
    free(selector);
}

static void set_member(fd_set *set, int fd, unsigned member)
{
    if (member)
        FD_SET(fd, set);
    else
        FD_CLR(fd, set);
}

static int select_modify(struct selector *selector, int fd, unsigned before, unsigned now)
{
    struct select_selector *self = (struct select_selector *)selector;
    (void)before;
    if (fd < 0 || fd >= FD_SETSIZE)
        return -ERANGE;
    set_member(&self->readable, fd, now & SELECT_READ);
    set_member(&self->writable, fd, now & SELECT_WRITE);
    if (now != 0 && fd >= self->end)
        self->end = fd + 1;
    while (self->end > 0 && !FD_ISSET(self->end - 1, &self->readable)
           && !FD_ISSET(self->end - 1, &self->writable))
        self->end--;
    return 0;
}

static struct timeval not_less_than(double seconds)
{
    double exactly = seconds * 1e6;
    long long microseconds = (long long)exactly;
    if ((double)microseconds < exactly)
        microseconds++;
    return (struct timeval){
        .tv_sec = (time_t)(microseconds / 1000000),
        .tv_usec = (suseconds_t)(microseconds % 1000000),
    };
}

static void report(const struct select_selector *self, const fd_set *readable, const fd_set *writable,
    int found, struct loop *loop)
{
    for (int fd = 0; fd < self->end && found > 0; fd++) {
        bool can_read = FD_ISSET(fd, readable), can_write = FD_ISSET(fd, writable);
        if (!can_read && !can_write)
            continue;
        found -= can_read + can_write;
        loop_report_found(loop, fd, (can_read ? SELECT_READ : 0u) | (can_write ? SELECT_WRITE : 0u));
    }
}

static int select_select(struct selector *selector, double timeout, struct loop *loop)
{
    struct select_selector *self = (struct select_selector *)selector;
    fd_set readable = self->readable, writable = self->writable;
    struct timeval time = not_less_than(timeout < 0 ? 0 : timeout);
    int found = select(self->end, &readable, &writable, NULL, timeout < 0 ? NULL : &time);
    if (found < 0)
        return errno == EINTR ? 0 : -errno;
    report(self, &readable, &writable, found, loop);
    return 0;
}

const struct selector_methods select_methods = {
    .name = "select",
    .create = select_create,
    .modify = select_modify,
    .select = select_select,
    .destroy = select_destroy,
};
