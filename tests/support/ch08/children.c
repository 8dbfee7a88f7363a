/* children.c: a protocol of a subprocess that keeps its story. */
#include "children.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static enum child_watcher watcher;

void with_both_watchers(void (*body)(void))
{
    watcher = CHILD_WATCHER_PIDFD;
    body();
    watcher = CHILD_WATCHER_SIGCHLD;
    body();
    watcher = CHILD_WATCHER_DEFAULT;
}

struct loop *new_loop_of_children(void)
{
    struct loop *loop = new_loop();
    int failed = loop_set_child_watcher(loop, watcher);
    CHECK(failed == 0 || failed == -ENOSYS);
    return loop;
}

static struct child *child_of(struct protocol *protocol)
{
    return (struct child *)protocol;
}

static void made(struct protocol *protocol, struct transport *transport)
{
    struct child *child = child_of(protocol);
    CHECK_INT(child->made++, 0);
    child->transport = transport;
    if (child->on_made != NULL)
        child->on_made(child);
}

static void pipe_data_received(struct protocol *protocol, int fd, const void *data, size_t size)
{
    struct child *child = child_of(protocol);
    CHECK(child->made == 1 && child->lost == 0 && size > 0);
    REQUIRE(fd == 1 || fd == 2);
    CHECK(child->closed[fd] == NULL);
    size_t room = sizeof child->output[0] - 1, kept = child->sizes[fd] < room ? child->sizes[fd] : room;
    memcpy(child->output[fd] + kept, data, size < room - kept ? size : room - kept);
    child->sizes[fd] += size;
    if (child->on_data != NULL)
        child->on_data(child, fd, data, size);
}

static void pipe_connection_lost(struct protocol *protocol, int fd, const struct error *exc)
{
    struct child *child = child_of(protocol);
    CHECK(child->made == 1 && child->lost == 0);
    REQUIRE(fd >= 0 && fd <= 2);
    CHECK(child->closed[fd] == NULL);
    if (child->exited > 0)
        child->exited_first = true;
    child->closed[fd] = exc == NULL ? "None" : error_is(exc, &error_os, EPIPE) ? "EPIPE" : "another error";
}

static void process_exited(struct protocol *protocol)
{
    struct child *child = child_of(protocol);
    CHECK(child->made == 1 && child->lost == 0);
    CHECK_INT(child->exited++, 0);
    CHECK(transport_get_returncode(child->transport, &child->returncode));
    if (child->on_exit != NULL)
        child->on_exit(child);
}

static void pause_writing(struct protocol *protocol)
{
    child_of(protocol)->paused++;
}

static void resume_writing(struct protocol *protocol)
{
    child_of(protocol)->resumed++;
}

static void lost(struct protocol *protocol, const struct error *exc)
{
    struct child *child = child_of(protocol);
    CHECK(child->made == 1 && child->exited == 1);
    CHECK_INT(child->lost++, 0);
    snprintf(child->loss, sizeof child->loss, "%s", error_name(exc));
    child->transport = NULL;
}

static void released(struct protocol *protocol)
{
    child_of(protocol)->released++;
    child_of(protocol)->transport = NULL;
}

static const struct protocol_callbacks callbacks = {
    .connection_made = made,
    .pipe_data_received = pipe_data_received,
    .pipe_connection_lost = pipe_connection_lost,
    .process_exited = process_exited,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = lost,
    .released = released,
};

void child_begin(struct child *child, struct loop *loop)
{
    memset(child, 0, sizeof *child);
    child->protocol.callbacks = &callbacks;
    child->loop = loop;
    future_init(&child->done, loop);
}

struct protocol *child_give(void *child)
{
    return &((struct child *)child)->protocol;
}

static bool is_done(void *child)
{
    return future_done(&((struct child *)child)->done);
}

static void await(struct child *child, int started)
{
    void *result = NULL;
    REQUIRE(started == 0);
    if (!run_until(child->loop, is_done, child))
        FAIL("the call does not complete");
    if (future_result(&child->done, &result) == 0)
        child->result = result;
}

void child_exec(struct child *child, const char *const *arguments, const struct subprocess_options *options)
{
    await(child, loop_subprocess_exec(child->loop, &child->done, child_give, child, arguments, options));
}

void child_shell(struct child *child, const char *command, const struct subprocess_options *options)
{
    await(child, loop_subprocess_shell(child->loop, &child->done, child_give, child, command, options));
}

int child_outcome(struct child *child)
{
    return future_result(&child->done, NULL);
}

static bool is_lost(void *child)
{
    return ((struct child *)child)->lost > 0;
}

void child_is_lost(struct child *child)
{
    if (!run_until(child->loop, is_lost, child))
        FAIL("connection_lost does not come; exited %d, closed %d %d %d", child->exited, child->closed[0] != NULL,
            child->closed[1] != NULL, child->closed[2] != NULL);
}

void child_end(struct child *child)
{
    if (child->result != NULL) {
        transport_close(child->result);
        child_is_lost(child);
    }
    settle(child->loop);
    CHECK_INT(child->released, 1);
    CHECK_INT(child->lost, child->made);
    transport_release(child->result);
    future_destroy(&child->done);
}

static void add(struct child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct child *child, const char *format, ...)
{
    size_t length = strlen(child->story);
    va_list arguments;
    if (length > 0)
        child->story[length++] = ';';
    va_start(arguments, format);
    vsnprintf(child->story + length, sizeof child->story - length, format, arguments);
    va_end(arguments);
}

void check_child(struct child *child, const char *expected, const char *file, int line)
{
    child_is_lost(child);
    for (int fd = 0; fd < 3; fd++) {
        if (child->sizes[fd] > 0)
            add(child, "PD(%d,%s)", fd, child->output[fd]);
        if (child->closed[fd] != NULL)
            add(child, "PL(%d,%s)", fd, child->closed[fd]);
    }
    if (child->exited > 0)
        add(child, "PX(%d)", child->returncode);
    add(child, "CL(%s)", child->loss);
    check_text(child->story, expected, "what happened", file, line);
    CHECK_NO_ZOMBIE();
}

struct words {
    struct child *child;
    int fd;
    const char *text;
};

static bool has_said(void *context)
{
    const struct words *words = context;
    return strstr(words->child->output[words->fd], words->text) != NULL || words->child->closed[words->fd] != NULL;
}

bool child_says(struct child *child, int fd, const char *text)
{
    struct words words = {child, fd, text};
    bool came = run_until(child->loop, has_said, &words) && strstr(child->output[fd], text) != NULL;
    if (!came)
        FAIL("the child did not say %s, but %.200s", text, child->output[fd]);
    return came;
}

void child_hears(struct child *child, const char *text)
{
    struct transport *input = transport_get_pipe_transport(child->result, 0);
    REQUIRE(input != NULL);
    CHECK_INT(transport_write(input, text, strlen(text)), 0);
}

void child_hears_end(struct child *child)
{
    transport_close(transport_get_pipe_transport(child->result, 0));
}

void check_no_zombie(const char *file, int line)
{
    int status;
    pid_t found = waitpid(-1, &status, WNOHANG);
    if (found != -1 || errno != ECHILD)
        check_failed(file, line, "a child is left: waitpid says %d", (int)found);
}
