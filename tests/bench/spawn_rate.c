/* Starts /bin/true so many times, one after the other, by the library or by posix_spawn and waitpid alone. Prints how
   many, and in how many seconds. */
#include "arguments.h"
#include "future.h"
#include "loop.h"
#include "subprocess.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

/* <spawn.h> would find the library's own spawn.h here. */
int posix_spawn(pid_t *pid, const char *path, const void *file_actions, const void *attributes,
    char *const *arguments, char *const *environment);

static const char *const arguments_of_true[] = {"/bin/true", NULL};

static void fail(const char *what)
{
    fprintf(stderr, "spawn_rate: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void by_posix_spawn(long count)
{
    while (count-- > 0) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, arguments_of_true[0], NULL, NULL, (char *const *)arguments_of_true, environ) != 0
            || waitpid(pid, &status, 0) != pid || status != 0)
            fail("/bin/true failed");
    }
}

static void lost(struct protocol *protocol, const struct error *exc);

static const struct protocol_callbacks callbacks = {.connection_lost = lost};
static struct protocol one = {&callbacks};
static struct loop *loop;

static void lost(struct protocol *protocol, const struct error *exc)
{
    (void)protocol, (void)exc;
    loop_stop(loop);
}

static struct protocol *the_protocol(void *context)
{
    (void)context;
    return &one;
}

static void by_the_library(long count)
{
    static const struct subprocess_options inherit = {
        .stdin_from = SUBPROCESS_INHERIT, .stdout_to = SUBPROCESS_INHERIT, .stderr_to = SUBPROCESS_INHERIT};
    loop = loop_create(NULL);
    if (loop == NULL)
        fail("no loop");
    while (count-- > 0) {
        struct future done;
        void *transport;
        int returncode;
        future_init(&done, loop);
        if (loop_subprocess_exec(loop, &done, the_protocol, NULL, arguments_of_true, &inherit) != 0)
            fail("cannot start");
        loop_run_forever(loop); /* until connection_lost */
        if (future_result(&done, &transport) != 0 || !transport_get_returncode(transport, &returncode)
            || returncode != 0)
            fail("/bin/true failed");
        transport_release(transport);
        future_destroy(&done);
    }
    loop_free(loop);
}

int main(int argc, char **argv)
{
    const char *by = "weft";
    long count = 500, mebibytes = 0;
    const struct argument arguments[] = {
        {"--by", ARGUMENT_TEXT, &by, "weft or posix_spawn (weft)"},
        {"--count", ARGUMENT_NUMBER, &count, "how many times (500)"},
        {"--mebibytes", ARGUMENT_NUMBER, &mebibytes, "memory that the parent has in use (0)"},
    };
    int status = arguments_parse(argc, argv, "Starts /bin/true again and again.", arguments, 3);
    if (status >= 0)
        return status;
    size_t size = (size_t)mebibytes * 1024 * 1024;
    char *ballast = malloc(size + 1);
    if (ballast == NULL)
        fail("no memory");
    memset(ballast, 1, size + 1);
    double start = now();
    if (strcmp(by, "posix_spawn") == 0)
        by_posix_spawn(count);
    else
        by_the_library(count);
    printf("%ld %.6f\n", count, now() - start);
    free(ballast);
    return 0;
}
