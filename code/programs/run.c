/* run.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Runs a program, labels what it writes, and ends it when its time is up. */
#include "arguments.h"
#include "error.h"
#include "future.h"
#include "loop.h"
#include "protocol.h"
#include "subprocess.h"
#include "text.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct run {
    struct protocol protocol;
    struct loop *loop;
    struct transport *transport;
    struct timer_handle limit;
    double timeout;           /* seconds; below 0: none */
    bool shell, timed_out, over;
    const char *const *words; /* the program and its arguments */
    int fd_of_line;           /* whose line is unfinished; -1: nobody's */
    int status;
};

enum { GRACE = 2, STATUS_TIMED_OUT = 124, STATUS_CANNOT_RUN = 126, STATUS_NOT_FOUND = 127 };

static void print_piece(struct run *run, int fd, const char *text, size_t size)
{
    if (run->fd_of_line != fd) {
        if (run->fd_of_line >= 0)
            putchar('\n');
        fputs(fd == 1 ? "out: " : "err: ", stdout);
    }
    text_print(stdout, text, size);
    run->fd_of_line = text[size - 1] == '\n' ? -1 : fd;
}

static void pipe_data_received(struct protocol *protocol, int fd, const void *data, size_t size)
{
    const char *text = data, *end = text + size;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *next = newline != NULL ? newline + 1 : end;
        print_piece((struct run *)protocol, fd, text, (size_t)(next - text));
        text = next;
    }
    fflush(stdout);
}

static void time_is_up(void *context)
{
    struct run *run = context;
    if (run->timed_out) {
        transport_close(run->transport);
        return;
    }
    run->timed_out = true;
    transport_terminate(run->transport);
    loop_call_later(run->loop, GRACE, &run->limit);
}

static void pass_on_interrupt(void *context)
{
    transport_send_signal(((struct run *)context)->transport, SIGINT);
}

static void pass_on_termination(void *context)
{
    transport_terminate(((struct run *)context)->transport);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct run *run = (struct run *)protocol;
    run->transport = transport_retain(transport);
    loop_add_signal_handler(run->loop, SIGINT, pass_on_interrupt, run);
    loop_add_signal_handler(run->loop, SIGTERM, pass_on_termination, run);
    if (run->timeout >= 0)
        loop_call_later(run->loop, run->timeout, &run->limit);
}

static void process_exited(struct protocol *protocol)
{
    struct run *run = (struct run *)protocol;
    int returncode = 0;
    transport_get_returncode(run->transport, &returncode);
    run->status = returncode < 0 ? 128 - returncode : returncode;
    if (run->timed_out) {
        run->status = STATUS_TIMED_OUT;
        transport_close(run->transport);
    }
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct run *run = (struct run *)protocol;
    (void)exc;
    if (run->fd_of_line >= 0)
        putchar('\n');
    if (run->timed_out)
        fprintf(stderr, "run: out of time after %g s\n", run->timeout);
    timer_handle_cancel(&run->limit);
    run->over = true;
    loop_stop(run->loop);
}

static const struct protocol_callbacks run_callbacks = {
    .connection_made = connection_made,
    .pipe_data_received = pipe_data_received,
    .process_exited = process_exited,
    .connection_lost = connection_lost,
};

static int count_own_words(char **argv)
{
    int count = 1;
    while (argv[count] != NULL && strncmp(argv[count], "--", 2) == 0) {
        if (strcmp(argv[count], "--") == 0)
            return count;
        if (strcmp(argv[count], "--timeout") == 0 && argv[count + 1] != NULL)
            count++;
        count++;
    }
    return count;
}

static int read_command_line(int argc, char **argv, struct run *run)
{
    const struct argument arguments[] = {
        {"--timeout", ARGUMENT_SECONDS, &run->timeout, "end the program after so long"},
        {"--shell", ARGUMENT_FLAG, &run->shell, "let the shell read PROGRAM, which is a command"},
        {"PROGRAM ...", ARGUMENT_OPERAND, &run->words, "what to run, and its arguments"},
    };
    int own = count_own_words(argv);
    char **rest = argv + own, *first = *rest;
    *rest = NULL;
    int status = arguments_parse(own, argv, "Run a program and label what it writes.", arguments, 3);
    *rest = first;
    if (status >= 0)
        return status;
    if (first != NULL && strcmp(first, "--") == 0)
        rest++;
    run->words = (const char *const *)rest;
    if (*rest == NULL || (run->shell && rest[1] != NULL)) {
        fprintf(stderr, "run: PROGRAM: %s\n",
            *rest == NULL ? "which? try --help" : "with --shell, a command is one argument");
        return 2;
    }
    (void)argc;
    return -1;
}

static struct protocol *protocol_of_run(void *context)
{
    return &((struct run *)context)->protocol;
}

static void start_child(struct run *run, struct future *started)
{
    const struct subprocess_options options = {.stdin_from = SUBPROCESS_INHERIT};
    int failed = run->shell
        ? loop_subprocess_shell(run->loop, started, protocol_of_run, run, run->words[0], &options)
        : loop_subprocess_exec(run->loop, started, protocol_of_run, run, run->words, &options);
    if (failed)
        future_fail(started, error_from_errno(-failed));
}

static int run_child(struct run *run)
{
    struct future started;
    void *transport = NULL;
    run->loop = loop_create(NULL);
    if (run->loop == NULL)
        return 1;
    timer_handle_init(&run->limit, time_is_up, run);
    future_init(&started, run->loop);
    start_child(run, &started);
    loop_run_until_complete(run->loop, &started);
    int failed = future_result(&started, &transport);
    if (failed == 0 && !run->over)
        loop_run_forever(run->loop);
    if (failed) {
        fprintf(stderr, "run: %s\n", future_exception(&started)->text);
        run->status = failed == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
    }
    transport_release(transport);
    transport_release(run->transport);
    future_destroy(&started);
    loop_free(run->loop);
    return run->status;
}

int main(int argc, char **argv)
{
    struct run run = {.protocol = {&run_callbacks}, .timeout = -1, .fd_of_line = -1};
    int status = read_command_line(argc, argv, &run);
    if (status >= 0)
        return status;
    return run_child(&run);
}
