/* pipeline.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Runs a | b | c, without a shell, and tells how much went between them. */
#include "arguments.h"
#include "error.h"
#include "future.h"
#include "loop.h"
#include "protocol.h"
#include "subprocess.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stage {
    struct protocol protocol;
    struct pipeline *pipeline;
    struct transport *transport;
    char **words;
    unsigned long long moved; /* bytes, to the next stage */
    size_t most;              /* the most that waited here */
};

struct pipeline {
    struct loop *loop;
    struct stage *stages;
    size_t count, running;
    bool stats, failed, started;
    int status; /* of the last stage */
};

static struct transport *pipe_of(struct stage *stage, int fd)
{
    return stage->transport != NULL ? transport_get_pipe_transport(stage->transport, fd) : NULL;
}

static struct transport *output_before(struct stage *stage)
{
    return stage == stage->pipeline->stages ? NULL : pipe_of(stage - 1, 1);
}

static void pipe_data_received(struct protocol *protocol, int fd, const void *data, size_t size)
{
    struct stage *stage = (struct stage *)protocol;
    struct transport *next = pipe_of(stage + 1, 0);
    (void)fd;
    transport_write(next, data, size);
    stage->moved += size;
    if (transport_get_write_buffer_size(next) > stage->most)
        stage->most = transport_get_write_buffer_size(next);
}

static void pause_writing(struct protocol *protocol)
{
    struct transport *output = output_before((struct stage *)protocol);
    if (output != NULL)
        transport_pause_reading(output);
}

static void resume_writing(struct protocol *protocol)
{
    struct transport *output = output_before((struct stage *)protocol);
    if (output != NULL)
        transport_resume_reading(output);
}

static void pipe_connection_lost(struct protocol *protocol, int fd, const struct error *exc)
{
    struct stage *stage = (struct stage *)protocol;
    struct transport *neighbour = fd == 1 ? pipe_of(stage + 1, 0) : output_before(stage);
    (void)exc;
    if (neighbour != NULL)
        transport_close(neighbour);
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    struct pipeline *pipeline = ((struct stage *)protocol)->pipeline;
    (void)exc;
    if (--pipeline->running == 0 && pipeline->started)
        loop_stop(pipeline->loop);
}

static void interrupt(void *context)
{
    struct pipeline *pipeline = context;
    for (size_t i = 0; i < pipeline->count; i++)
        if (pipeline->stages[i].transport != NULL)
            transport_send_signal(pipeline->stages[i].transport, SIGINT);
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    struct stage *stage = (struct stage *)protocol;
    struct transport *next = pipe_of(stage + 1, 0);
    stage->transport = transport_retain(transport);
    stage->pipeline->running++;
    if (next != NULL && transport_is_closing(next))
        transport_close(pipe_of(stage, 1));
}

static const struct protocol_callbacks stage_callbacks = {
    .connection_made = connection_made,
    .pipe_data_received = pipe_data_received,
    .pipe_connection_lost = pipe_connection_lost,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = connection_lost,
};

static struct protocol *protocol_of_stage(void *context)
{
    return &((struct stage *)context)->protocol;
}

static bool start_stage(struct stage *stage)
{
    struct pipeline *pipeline = stage->pipeline;
    bool first = stage == pipeline->stages, last = stage + 1 == pipeline->stages + pipeline->count;
    const struct subprocess_options options = {
        .stdin_from = first ? SUBPROCESS_INHERIT : SUBPROCESS_PIPE,
        .stdout_to = last ? SUBPROCESS_INHERIT : SUBPROCESS_PIPE,
        .stderr_to = SUBPROCESS_INHERIT,
    };
    struct future started;
    void *transport = NULL;
    future_init(&started, pipeline->loop);
    loop_subprocess_exec(pipeline->loop, &started, protocol_of_stage, stage,
        (const char *const *)stage->words, &options);
    loop_run_until_complete(pipeline->loop, &started);
    bool well = future_result(&started, &transport) == 0;
    if (!well)
        fprintf(stderr, "pipeline: %s\n", future_exception(&started)->text);
    transport_release(transport);
    future_destroy(&started);
    return well;
}

static void start_stages(struct pipeline *pipeline)
{
    for (size_t i = pipeline->count; i > 0 && !pipeline->failed; i--)
        pipeline->failed = !start_stage(&pipeline->stages[i - 1]);
    for (size_t i = 0; pipeline->failed && i < pipeline->count; i++)
        if (pipeline->stages[i].transport != NULL)
            transport_close(pipeline->stages[i].transport);
}

static int run_pipeline(struct pipeline *pipeline)
{
    pipeline->loop = loop_create(NULL);
    if (pipeline->loop == NULL)
        return 1;
    loop_add_signal_handler(pipeline->loop, SIGINT, interrupt, pipeline);
    start_stages(pipeline);
    pipeline->started = true;
    if (pipeline->running > 0)
        loop_run_forever(pipeline->loop);
    for (size_t i = 0; i < pipeline->count; i++) {
        struct stage *stage = &pipeline->stages[i];
        int returncode = 0;
        if (stage->transport != NULL)
            transport_get_returncode(stage->transport, &returncode);
        if (pipeline->stats && i + 1 < pipeline->count)
            fprintf(stderr, "%s to %s: %llu bytes, at most %zu KiB waiting\n", stage->words[0],
                stage[1].words[0], stage->moved, (stage->most + 1023) / 1024);
        pipeline->status = returncode < 0 ? 128 - returncode : returncode;
        transport_release(stage->transport);
    }
    loop_free(pipeline->loop);
    return pipeline->failed ? 127 : pipeline->status;
}

static int split(struct pipeline *pipeline, char **words, size_t count)
{
    pipeline->stages = calloc(count + 2, sizeof *pipeline->stages);
    if (pipeline->stages == NULL)
        return 1;
    for (char **word = words, **first = words;; word++) {
        bool end = *word == NULL;
        if (!end && strcmp(*word, "|") != 0)
            continue;
        *word = NULL;
        if (*first == NULL)
            break;
        pipeline->stages[pipeline->count++] = (struct stage){
            .protocol = {&stage_callbacks}, .pipeline = pipeline, .words = first};
        if (end)
            return -1;
        first = word + 1;
    }
    fputs("pipeline: a program is missing; try --help\n", stderr);
    return 2;
}

static int read_stages(int argc, char **argv, struct pipeline *pipeline)
{
    const char *program = NULL;
    const struct argument arguments[] = {
        {"--stats", ARGUMENT_FLAG, &pipeline->stats, "tell how much went between the programs"},
        {"A '|' B ...", ARGUMENT_OPERAND, &program, "programs and their arguments"},
    };
    int own = 1;
    while (own < argc && strncmp(argv[own], "--", 2) == 0)
        own++;
    char *first = argv[own];
    argv[own] = NULL;
    int status = arguments_parse(own, argv, "Run a | b | c, without a shell.", arguments, 2);
    argv[own] = first;
    return status >= 0 ? status : split(pipeline, argv + own, (size_t)(argc - own));
}

int main(int argc, char **argv)
{
    struct pipeline pipeline = {.running = 0};
    int status = read_stages(argc, argv, &pipeline);
    if (status < 0)
        status = run_pipeline(&pipeline);
    free(pipeline.stages);
    return status;
}
