/* watch.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "loop_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct watch watch_of(const struct loop *loop, int fd)
{
    if (fd >= 0 && (size_t)fd < loop->watch_count)
        return loop->watches[fd];
    return (struct watch){.reader = NULL};
}

static int make_room_for(struct loop *loop, int fd)
{
    size_t room = loop->watch_count > 0 ? loop->watch_count : 64;
    if ((size_t)fd < loop->watch_count)
        return 0;
    while (room <= (size_t)fd)
        room *= 2;
    struct watch *watches = realloc(loop->watches, room * sizeof *watches);
    if (watches == NULL)
        return -ENOMEM;
    memset(watches + loop->watch_count, 0, (room - loop->watch_count) * sizeof *watches);
    loop->watches = watches;
    loop->watch_count = room;
    return 0;
}

static unsigned interest(const struct handle *reader, const struct handle *writer)
{
    return (reader != NULL ? SELECT_READ : 0u) | (writer != NULL ? SELECT_WRITE : 0u);
}

static int tell_selector(struct loop *loop, int fd, unsigned now)
{
    const struct watch *watch = &loop->watches[fd];
    unsigned before = interest(watch->reader, watch->writer);
    if (now == before)
        return 0;
    return loop->selector->methods->modify(loop->selector, fd, before, now);
}

static void replace(struct handle **place, struct handle *handle)
{
    if (*place != NULL && *place != handle)
        handle_cancel(*place);
    *place = handle;
}

static int set_watch(struct loop *loop, int fd, struct handle *reader, struct handle *writer)
{
    int error = make_room_for(loop, fd);
    if (error)
        return error;
    error = tell_selector(loop, fd, interest(reader, writer));
    if (error)
        return error;
    if (interest(loop->watches[fd].reader, loop->watches[fd].writer) != 0)
        loop->watched--;
    if (interest(reader, writer) != 0)
        loop->watched++;
    replace(&loop->watches[fd].reader, reader);
    replace(&loop->watches[fd].writer, writer);
    return 0;
}

int loop_watch_reader(struct loop *loop, int fd, struct handle *handle)
{
    ring_leave(handle);
    return set_watch(loop, fd, handle, watch_of(loop, fd).writer);
}

int loop_watch_writer(struct loop *loop, int fd, struct handle *handle)
{
    ring_leave(handle);
    return set_watch(loop, fd, watch_of(loop, fd).reader, handle);
}

bool loop_unwatch_reader(struct loop *loop, int fd)
{
    struct watch watch = watch_of(loop, fd);
    return watch.reader != NULL && set_watch(loop, fd, NULL, watch.writer) == 0;
}

bool loop_unwatch_writer(struct loop *loop, int fd)
{
    struct watch watch = watch_of(loop, fd);
    return watch.writer != NULL && set_watch(loop, fd, watch.reader, NULL) == 0;
}

int loop_own_fd(struct loop *loop, int fd)
{
    int error = make_room_for(loop, fd);
    if (error)
        return error;
    loop->watches[fd].owned = true;
    return 0;
}

void loop_disown_fd(struct loop *loop, int fd)
{
    if (watch_of(loop, fd).owned)
        loop->watches[fd].owned = false;
}

static int check_watchable(const struct loop *loop, int fd)
{
    struct stat kind;
    if (loop->closed)
        return -EBADF;
    if (watch_of(loop, fd).owned)
        return -EBUSY;
    if (fstat(fd, &kind) < 0)
        return -errno;
    return S_ISREG(kind.st_mode) || S_ISDIR(kind.st_mode) ? -EPERM : 0;
}

int loop_add_reader(struct loop *loop, int fd, struct handle *handle)
{
    int error = check_watchable(loop, fd);
    return error ? error : loop_watch_reader(loop, fd, handle);
}

int loop_add_writer(struct loop *loop, int fd, struct handle *handle)
{
    int error = check_watchable(loop, fd);
    return error ? error : loop_watch_writer(loop, fd, handle);
}

int loop_remove_reader(struct loop *loop, int fd)
{
    return watch_of(loop, fd).owned ? -EBUSY : loop_unwatch_reader(loop, fd);
}

int loop_remove_writer(struct loop *loop, int fd)
{
    return watch_of(loop, fd).owned ? -EBUSY : loop_unwatch_writer(loop, fd);
}

static bool queue_found(struct loop *loop, struct handle *handle)
{
    if (handle->next != NULL)
        return true; /* scheduled already */
    if (handle->previous == handle)
        return false; /* cancelled */
    ring_append(&loop->ready, handle);
    return true;
}

void loop_report_found(struct loop *loop, int fd, unsigned events)
{
    struct handle *reader = loop->watches[fd].reader, *writer = loop->watches[fd].writer;
    if (loop_is_traced(loop)) {
        if (events & SELECT_READ)
            loop_trace(loop, "ready %d read %p", fd, (void *)reader);
        if (events & SELECT_WRITE)
            loop_trace(loop, "ready %d write %p", fd, (void *)writer);
    }
    if (events & SELECT_READ && reader != NULL && !queue_found(loop, reader))
        loop_unwatch_reader(loop, fd);
    if (events & SELECT_WRITE && writer != NULL && !queue_found(loop, writer))
        loop_unwatch_writer(loop, fd);
}
