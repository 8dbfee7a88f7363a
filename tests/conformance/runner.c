/* Runs conformance scenarios on our library and prints one event a line; runner.py does the same on asyncio.

   Usage: runner REPEAT <flat scenarios on standard input>. Every run of a scenario is a process of its own. What comes
   out, for each run:
       == ID RUN
       events, one a line
       -- STATUS        0, or how the process ended */
#include "runner.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WATCHDOG_SECONDS = 20 };
static const double clock_start = 1024.0;

struct run run;

/* ---- memory that is kept until the process ends */

struct kept {
    struct kept *next;
    max_align_t data[];
};

static struct kept *all_kept;
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

void *keep(size_t size)
{
    struct kept *kept = calloc(1, sizeof *kept + size);
    if (kept == NULL) {
        fputs("conformance: out of memory\n", stderr);
        _exit(2);
    }
    pthread_mutex_lock(&keeping);
    kept->next = all_kept;
    all_kept = kept;
    pthread_mutex_unlock(&keeping);
    return kept->data;
}

char *keep_text(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = keep((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void keep_nothing(void)
{
    while (all_kept != NULL) {
        struct kept *next = all_kept->next;
        free(all_kept);
        all_kept = next;
    }
}

/* ---- things with a name */

void *thing_find(enum kind kind, const char *name)
{
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next)
        if (thing->kind == kind && strcmp(thing->name, name) == 0)
            return thing;
    return NULL;
}

void *thing_get(enum kind kind, const char *name)
{
    void *thing = thing_find(kind, name);
    if (thing == NULL) {
        fprintf(stderr, "conformance: %s: %s is used before it exists\n", run.scenario->id, name);
        _exit(2);
    }
    return thing;
}

void *thing_new(enum kind kind, const char *name, size_t size)
{
    struct thing *thing = thing_find(kind, name);
    if (thing != NULL)
        return thing;
    thing = keep(size);
    thing->kind = kind;
    thing->name = keep_text("%s", name);
    thing->next = run.things;
    run.things = thing;
    return thing;
}

/* ---- one scenario */

static double clock_now(void *context)
{
    (void)context;
    return run.now;
}

static void set_up(const struct scenario *scenario)
{
    const char *watchdog = getenv("CONFORMANCE_WATCHDOG");
    alarm(watchdog != NULL ? (unsigned)atoi(watchdog) : WATCHDOG_SECONDS);
    run.scenario = scenario;
    run.now = clock_start;
    sem_init(&run.idle, 0, 0);
    snprintf(run.directory, sizeof run.directory, "/tmp/weft-XXXXXX");
    if (mkdtemp(run.directory) == NULL)
        _exit(2);
    run.loop = loop_create(&gauge_methods);
    if (run.loop == NULL) {
        perror("conformance: loop_create");
        _exit(2);
    }
    if (!scenario->real_clock)
        loop_set_clock(run.loop, clock_now, NULL);
    loop_set_exception_handler(run.loop, hear_exception, NULL);
    loop_set_log(run.loop, hear_log, NULL);
}

static void let_go(struct thing *thing)
{
    switch (thing->kind) {
    case PARTY:
        transport_release(((struct party *)thing)->transport);
        ((struct party *)thing)->transport = NULL;
        break;
    case OPERATION: {
        struct operation *operation = (struct operation *)thing;
        future_destroy(&operation->done);
        server_release(operation->server);
        transport_release(operation->transport);
        break;
    }
    case FUTURE:
        if (!((struct named_future *)thing)->dropped)
            future_destroy(&((struct named_future *)thing)->future);
        break;
    case CONTEXT:
        forget_context(thing);
        break;
    default:
        break;
    }
}

static void remove_directory(void)
{
    DIR *directory = opendir(run.directory);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            unlink(keep_text("%s/%s", run.directory, entry->d_name));
    if (directory != NULL)
        closedir(directory);
    rmdir(run.directory);
}

/* Python's collector frees protocols; our library has to say of each, once, that it lets it go. */
static void check_released(const struct party *party)
{
    if (party->handed != party->released)
        emit("%s was handed over %d times and released %d times", party->thing.name, party->handed, party->released);
}

static void tear_down(void)
{
    run.mute = true; /* what comes now is no part of the scenario */
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next)
        let_go(thing);
    loop_free(run.loop);
    run.mute = false;
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next) {
        struct peer *peer = (struct peer *)thing;
        if (thing->kind == PEER && peer->open && !peer->given)
            close(peer->fd);
        if (thing->kind == PARTY)
            check_released((const struct party *)thing);
    }
    sem_destroy(&run.idle);
    remove_directory();
}

static void child(const struct scenario *scenario)
{
    set_up(scenario);
    run_scenario(scenario);
    tear_down();
    keep_nothing();
}

static void run_in_a_child(const struct scenario *scenario, int number)
{
    printf("== %s %d\n", scenario->id, number);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        child(scenario);
        exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("-- signal %d\n", WTERMSIG(status));
    else
        printf("-- %d\n", WEXITSTATUS(status));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int repeat = argc == 2 ? atoi(argv[1]) : 0;
    if (repeat < 1) {
        fprintf(stderr, "usage: %s REPEAT <scenarios, as tests/conformance/run flattens them\n", argv[0]);
        return 2;
    }
    for (const struct scenario *scenario = scenarios_read(); scenario != NULL; scenario = scenario->next)
        for (int number = 0; number < repeat; number++)
            run_in_a_child(scenario, number);
    keep_nothing();
    return 0;
}
