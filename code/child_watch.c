/* child_watch.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "child_watch.h"
#include "loop_private.h"
#include "signals.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static bool reap(struct child_watch *watch, int options)
{
    int status = 0;
    pid_t found;
    do
        found = waitpid(watch->pid, &status, options);
    while (found < 0 && errno == EINTR);
    if (found == 0)
        return false;
    watch->reaped = true;
    watch->returncode = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    if (found < 0)
        watch->returncode = 255;
    if (found < 0 && watch->loop != NULL)
        loop_log(watch->loop, LOG_LEVEL_WARNING,
            "Unknown child process pid %d, will report returncode 255", (int)watch->pid);
    return true;
}

static void pidfd_readable(void *context)
{
    struct child_watch *watch = context;
    if (!reap(watch, WNOHANG))
        return;
    child_watch_stop(watch);
    watch->exited(watch);
}

static int watch_by_pidfd(struct child_watch *watch)
{
    int pidfd = pidfd_of(watch->pid);
    if (pidfd < 0)
        return pidfd;
    handle_init(&watch->handle, pidfd_readable, watch);
    int failed = loop_watch_reader(watch->loop, pidfd, &watch->handle);
    if (failed)
        close(pidfd);
    watch->pidfd = failed ? -1 : pidfd;
    return failed;
}

static void leave_children(struct child_watch *watch)
{
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else if (watch->loop->children == watch)
        watch->loop->children = watch->next;
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    watch->next = watch->previous = NULL;
}

static void child_is_gone(void *context)
{
    struct child_watch *watch = context;
    watch->loop = NULL;
    watch->exited(watch);
}

static void look_at(void *context)
{
    struct child_watch *watch = context;
    if (!reap(watch, WNOHANG))
        return;
    leave_children(watch);
    handle_cancel(&watch->handle);
    handle_init(&watch->handle, child_is_gone, watch);
    loop_call_soon(watch->loop, &watch->handle);
}

void child_watch_look(struct loop *loop)
{
    struct child_watch *next;
    for (struct child_watch *watch = loop->children; watch != NULL; watch = next) {
        next = watch->next;
        look_at(watch);
    }
}

static int watch_by_signal(struct child_watch *watch)
{
    struct loop *loop = watch->loop;
    int failed = loop->wants_sigchld ? 0 : signals_listen_quietly(loop, SIGCHLD);
    if (failed)
        return failed;
    loop->wants_sigchld = true;
    watch->pidfd = -1;
    watch->next = loop->children;
    if (watch->next != NULL)
        watch->next->previous = watch;
    loop->children = watch;
    handle_init(&watch->handle, look_at, watch);
    return loop_call_soon(loop, &watch->handle);
}

int child_watch_start(struct loop *loop, struct child_watch *watch)
{
    int failed = -ENOSYS;
    watch->loop = loop;
    if (loop->child_watcher != CHILD_WATCHER_SIGCHLD)
        failed = watch_by_pidfd(watch);
    if (failed == -ENOSYS && loop->child_watcher == CHILD_WATCHER_DEFAULT)
        loop->child_watcher = CHILD_WATCHER_SIGCHLD;
    if (failed && loop->child_watcher != CHILD_WATCHER_PIDFD)
        failed = watch_by_signal(watch);
    if (failed)
        watch->loop = NULL;
    return failed;
}

void child_watch_stop(struct child_watch *watch)
{
    if (watch->loop == NULL)
        return;
    if (watch->pidfd >= 0) {
        loop_unwatch_reader(watch->loop, watch->pidfd);
        close(watch->pidfd);
        watch->pidfd = -1;
    } else
        leave_children(watch);
    handle_cancel(&watch->handle);
    watch->loop = NULL;
}

void child_watch_end(struct child_watch *watch)
{
    child_watch_stop(watch);
    if (watch->pid > 0 && !watch->reaped && kill(watch->pid, SIGKILL) == 0)
        reap(watch, 0);
}

int loop_set_child_watcher(struct loop *loop, enum child_watcher watcher)
{
    if (watcher == CHILD_WATCHER_PIDFD) {
        int pidfd = pidfd_of(getpid());
        if (pidfd < 0)
            return pidfd;
        close(pidfd);
    }
    loop->child_watcher = watcher;
    return 0;
}
