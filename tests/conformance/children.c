/* The verbs of pipe transports and of subprocesses. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

static void connect_pipe(const struct action *action,
    int (*connect)(struct loop *, struct future *, protocol_factory *, void *, int))
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = operation->is_pipe = true;
    const int *fd = give(operation, word(action, 2));
    begun(operation, action->verb,
        connect(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation), *fd));
}

static void verb_connect_read_pipe(const struct action *action)
{
    connect_pipe(action, loop_connect_read_pipe);
}

static void verb_connect_write_pipe(const struct action *action)
{
    connect_pipe(action, loop_connect_write_pipe);
}

static int stream(const struct action *action, const char *name)
{
    const char *value = option(action, name);
    return value == NULL || strcmp(value, "pipe") == 0 ? SUBPROCESS_PIPE
        : strcmp(value, "null") == 0                   ? SUBPROCESS_DEVNULL
        : strcmp(value, "stdout") == 0                 ? SUBPROCESS_STDOUT
                                                       : SUBPROCESS_INHERIT;
}

static struct subprocess_options streams(const struct action *action)
{
    return (struct subprocess_options){
        .stdin_from = stream(action, "stdin"),
        .stdout_to = stream(action, "stdout"),
        .stderr_to = stream(action, "stderr"),
    };
}

static void verb_subprocess_exec(const struct action *action)
{
    const char *arguments[16] = {NULL};
    for (size_t i = 2; i < operands(action); i++)
        arguments[i - 2] = word(action, i);
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    struct subprocess_options options = streams(action);
    begun(operation, "subprocess_exec",
        loop_subprocess_exec(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            arguments, &options));
}

static void verb_subprocess_shell(const struct action *action)
{
    struct operation *operation = begin(word(action, 0));
    operation->is_connection = true;
    struct subprocess_options options = streams(action);
    begun(operation, "subprocess_shell",
        loop_subprocess_shell(run.loop, &operation->done, make_protocol, maker_for(word(action, 1), operation),
            word(action, 2), &options));
}

static void await_event(struct party *party, bool *what)
{
    party->awaited = what;
    if (!*what)
        loop_run_forever(run.loop);
    party->awaited = NULL;
}

static void verb_await_lost(const struct action *action)
{
    struct party *party = party_get(word(action, 0));
    await_event(party, &party->over);
}

static void verb_await_exit(const struct action *action)
{
    struct party *party = party_get(word(action, 0));
    await_event(party, &party->exited);
}

static struct transport *pipe_of(const struct action *action)
{
    return transport_get_pipe_transport(target(action)->transport, atoi(word(action, 1)));
}

static void verb_write_pipe(const struct action *action)
{
    size_t size;
    const void *data = payload(&action->words[2], &size);
    attempt("write_pipe", transport_write(pipe_of(action), data, size));
}

static void verb_close_pipe(const struct action *action)
{
    transport_close(pipe_of(action));
}

static void verb_send_signal(const struct action *action)
{
    attempt("send_signal", transport_send_signal(target(action)->transport, atoi(word(action, 1))));
}

static void verb_terminate_child(const struct action *action)
{
    attempt("terminate_child", transport_terminate(target(action)->transport));
}

static void verb_kill_child(const struct action *action)
{
    attempt("kill_child", transport_kill(target(action)->transport));
}

const struct verb child_verbs[] = {
    {"connect_read_pipe", verb_connect_read_pipe},
    {"connect_write_pipe", verb_connect_write_pipe},
    {"subprocess_exec", verb_subprocess_exec},
    {"subprocess_shell", verb_subprocess_shell},
    {"await_lost", verb_await_lost},
    {"await_exit", verb_await_exit},
    {"write_pipe", verb_write_pipe},
    {"close_pipe", verb_close_pipe},
    {"send_signal", verb_send_signal},
    {"terminate_child", verb_terminate_child},
    {"kill_child", verb_kill_child},
    {0},
};
