/* flowing.c: recording protocols that hear pause_writing and resume_writing too. */
#include "flowing.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "socket_transport.h"

struct flowing *flowing_of(struct recording *recording)
{
    return (struct flowing *)recording;
}

static void note(const struct recording *recording, const char *event)
{
    if (recording->name != NULL)
        trace("%s.%s", recording->name, event);
    else
        trace("%s", event);
}

static void pause_writing(struct protocol *protocol)
{
    struct flowing *flowing = (struct flowing *)protocol;
    flowing->paused++;
    note(&flowing->recording, "PW");
    if (flowing->on_pause != NULL)
        flowing->on_pause(flowing);
}

static void resume_writing(struct protocol *protocol)
{
    struct flowing *flowing = (struct flowing *)protocol;
    flowing->resumed++;
    note(&flowing->recording, "RW");
    if (flowing->recording.transport != NULL)
        flowing->size_at_resume = transport_get_write_buffer_size(flowing->recording.transport);
    if (flowing->on_resume != NULL)
        flowing->on_resume(flowing);
}

static bool hear_end(struct protocol *protocol)
{
    struct recording *recording = (struct recording *)protocol;
    recording->ends++;
    note(recording, "EOF");
    if (recording->on_end != NULL)
        recording->on_end(recording);
    return recording->keep_open;
}

const struct protocol_callbacks flowing_callbacks = {
    .connection_made = recording_made,
    .data_received = recording_data,
    .eof_received = hear_end,
    .pause_writing = pause_writing,
    .resume_writing = resume_writing,
    .connection_lost = recording_lost,
    .released = recording_released,
};

void flowing_init(struct flowing *flowing, const char *name)
{
    *flowing = (struct flowing){.size_at_resume = (size_t)-1};
    recording_init(&flowing->recording, name);
    flowing->recording.protocol.callbacks = &flowing_callbacks;
}

void flow_prepare(struct flow *flow, void (*pair)(int ends[2]))
{
    int ends[2];
    *flow = (struct flow){.ours = -1};
    pair(ends);
    flow->loop = new_loop();
    flow->ours = ends[0];
    flow->theirs = ends[1];
    flowing_init(&flow->protocol, NULL);
}

void flow_start(struct flow *flow)
{
    flow->transport =
        socket_transport_create(flow->loop, flow->ours, &flow->protocol.recording.protocol, NULL);
    REQUIRE(flow->transport != NULL);
    transport_retain(flow->transport);
}

void flow_begin(struct flow *flow, void (*pair)(int ends[2]))
{
    flow_prepare(flow, pair);
    flow_start(flow);
    settle(flow->loop);
    CHECK_TRACE("CM");
    trace_clear();
}

void flow_end(struct flow *flow)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 0);
    kernel_move_at_most(KERNEL_SEND, 0);
    transport_abort(flow->transport);
    settle(flow->loop);
    CHECK_INT(flow->protocol.recording.made, 1);
    CHECK_INT(flow->protocol.recording.released, 1);
    transport_release(flow->transport);
    free_loop(flow->loop);
    if (flow->theirs >= 0)
        close(flow->theirs);
}

void socket_takes_nothing(void)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1000000);
}

void socket_takes(size_t most)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 0);
    kernel_move_at_most(KERNEL_SEND, most);
}

void put(struct transport *transport, size_t size)
{
    write_pattern(transport, size, 0);
}

void drain(struct flow *flow, size_t size)
{
    socket_takes(size);
    pass(flow->loop);
    socket_takes_nothing();
}

void check_limits(struct transport *transport, size_t low, size_t high, const char *file, int line)
{
    size_t actual_low = 0, actual_high = 0;
    transport_get_write_buffer_limits(transport, &actual_low, &actual_high);
    check_integer((long long)actual_low, (long long)low, "the low mark", file, line);
    check_integer((long long)actual_high, (long long)high, "the high mark", file, line);
}
