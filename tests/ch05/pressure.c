/* Pressure passed on: a proxy in one process, a writer that obeys, and a fast reader that starves nobody. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ch05/flowing.h"
#include "frame_protocol.h"
#include "groups.h"
#include "socket_transport.h"

/* Two connections; what one side receives is written to the other, and pauses are passed back. */
struct proxy {
    struct flow left, right;
    size_t most; /* that ever waited in the right one */
};
static struct proxy proxy;

static void pass_on(struct recording *recording, const void *data, size_t size)
{
    struct transport *to = recording == &proxy.left.protocol.recording ? proxy.right.transport : proxy.left.transport;
    CHECK_INT(transport_write(to, data, size), 0);
    size_t waiting = transport_get_write_buffer_size(proxy.right.transport);
    if (waiting > proxy.most)
        proxy.most = waiting;
}

static void hold_left(struct flowing *flowing)
{
    (void)flowing;
    transport_pause_reading(proxy.left.transport);
}

static void let_left(struct flowing *flowing)
{
    (void)flowing;
    transport_resume_reading(proxy.left.transport);
}

static void end_right(struct recording *recording)
{
    (void)recording;
    transport_close(proxy.right.transport);
}

static void proxy_begin(void)
{
    proxy = (struct proxy){0};
    flow_begin(&proxy.left, tight_unix_pair);
    flow_prepare(&proxy.right, tight_unix_pair);
    free_loop(proxy.right.loop);
    proxy.right.loop = proxy.left.loop;
    flow_start(&proxy.right);
    settle(proxy.left.loop);
    trace_clear();
    proxy.left.protocol.recording.counts_only = proxy.right.protocol.recording.counts_only = true;
    proxy.left.protocol.recording.name = "left";
    proxy.right.protocol.recording.name = "right";
    proxy.left.protocol.recording.on_data = pass_on;
    proxy.left.protocol.recording.on_end = end_right;
    proxy.right.protocol.on_pause = hold_left;
    proxy.right.protocol.on_resume = let_left;
}

static void proxy_end(void)
{
    struct loop *loop = proxy.left.loop;
    transport_abort(proxy.left.transport);
    transport_abort(proxy.right.transport);
    settle(loop);
    CHECK_INT(proxy.left.protocol.recording.released, 1);
    CHECK_INT(proxy.right.protocol.recording.released, 1);
    transport_release(proxy.left.transport);
    transport_release(proxy.right.transport);
    free_loop(loop);
    close(proxy.left.theirs);
    close(proxy.right.theirs);
}

/* The stalled reader at the right: as much is sent at the left as goes in. */
static size_t fill_from(size_t offset)
{
    static char block[8192];
    size_t sent = 0;
    for (int rounds = 0; rounds < 300; rounds++) {
        pattern_fill(block, sizeof block, offset + sent);
        ssize_t taken = send(proxy.left.theirs, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += taken > 0 ? (size_t)taken : 0;
        pass(proxy.left.loop);
    }
    return sent;
}

static void a_proxy_whose_reader_stalls_stops_reading_and_loses_nothing(void)
{
    proxy_begin();
    size_t sent = fill_from(0);
    CHECK(proxy.right.protocol.paused == 1);
    CHECK(!transport_is_reading(proxy.left.transport));
    CHECK(proxy.most > 65536);
    CHECK(proxy.most <= 65536 + 262144);
    CHECK_INT(proxy.right.protocol.resumed, 0);
    peer_end(proxy.left.theirs);
    CHECK_INT(take_pattern(proxy.left.loop, proxy.right.theirs, 0), sent);
    CHECK(proxy.right.protocol.paused == proxy.right.protocol.resumed);
    proxy_end();
}

static bool is_paused_again(void *count)
{
    static char block[4096];
    pattern_fill(block, sizeof block, *(size_t *)count);
    ssize_t taken = send(proxy.left.theirs, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
    *(size_t *)count += taken > 0 ? (size_t)taken : 0;
    return proxy.right.protocol.paused > 3;
}

static void the_other_way_flows_while_one_way_is_stalled(void)
{
    proxy_begin();
    proxy.right.protocol.recording.on_data = pass_on;
    fill_from(0);
    CHECK(!transport_is_reading(proxy.left.transport));
    char data[2000], back[2000];
    pattern_fill(data, sizeof data, 0);
    peer_send_bytes(proxy.right.theirs, data, sizeof data);
    int error;
    CHECK_INT(peer_receive(proxy.left.loop, proxy.left.theirs, back, sizeof back, &error), sizeof back);
    CHECK(pattern_matches(back, sizeof back, 0));
    CHECK(!transport_is_reading(proxy.left.transport));
    proxy_end();
}

static void a_reader_that_stalls_again_and_again_gets_everything(void)
{
    enum { SIZE = 2 << 20 };
    static char block[30000];
    size_t sent = 0, got = 0;
    proxy_begin();
    while (got < SIZE) {
        for (int i = 0; i < 40 && sent < SIZE; i++) {
            pattern_fill(block, sizeof block, sent);
            size_t size = SIZE - sent < sizeof block ? SIZE - sent : sizeof block;
            ssize_t taken = send(proxy.left.theirs, block, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += taken > 0 ? (size_t)taken : 0;
            pass(proxy.left.loop);
        }
        pass(proxy.left.loop);
        ssize_t come = recv(proxy.right.theirs, block, sizeof block, MSG_DONTWAIT);
        if (come > 0) {
            REQUIRE(pattern_matches(block, (size_t)come, got));
            got += (size_t)come;
        }
    }
    CHECK(proxy.right.protocol.paused > 1);
    CHECK(proxy.most <= 65536 + 262144);
    proxy_end();
}

/* A writer that goes on until it is told to pause, and in every resume. */

enum { CHUNK = 1000,
    CHUNKS = 3000 };

static void write_on(struct flowing *flowing)
{
    static char chunk[CHUNK];
    size_t *left = flowing->recording.context;
    while (*left > 0 && flowing->paused == flowing->resumed) {
        pattern_fill(chunk, CHUNK, (CHUNKS - *left) * CHUNK);
        --*left;
        transport_write(flowing->recording.transport, chunk, CHUNK);
        CHECK(transport_get_write_buffer_size(flowing->recording.transport) <= 65536 + CHUNK);
    }
    if (*left == 0)
        transport_close(flowing->recording.transport);
}

static void a_writer_that_obeys_never_has_more_waiting_than_the_mark_and_one_chunk(void)
{
    struct flow flow;
    size_t left = CHUNKS;
    flow_begin(&flow, tight_pair);
    flow.protocol.on_resume = write_on;
    flow.protocol.recording.context = &left;
    write_on(&flow.protocol);
    CHECK(flow.protocol.paused == 1);
    CHECK_INT(take_pattern(flow.loop, flow.theirs, 0), CHUNKS * CHUNK);
    settle(flow.loop);
    CHECK_INT(left, 0);
    CHECK(flow.protocol.paused - flow.protocol.resumed == 0);
    CHECK(flow.protocol.resumed > 3);
    flow_end(&flow);
}

/* Fairness: a sender that never stops. */

static void tick(void *count)
{
    ++*(int *)count;
}

static void send_more(struct recording *recording, const void *data, size_t size)
{
    static char block[100000];
    (void)data;
    (void)size;
    int fd = *(int *)recording->context;
    pattern_fill(block, sizeof block, 0);
    send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void a_peer_that_never_stops_sending_starves_neither_timers_nor_others(void)
{
    struct flow busy, other;
    int ticks = 0;
    flow_begin(&busy, unix_pair);
    flow_prepare(&other, unix_pair);
    free_loop(other.loop);
    other.loop = busy.loop;
    flow_start(&other);
    settle(busy.loop);
    trace_clear();
    busy.protocol.recording.name = "busy";
    busy.protocol.recording.on_data = send_more;
    busy.protocol.recording.context = &busy.theirs;
    busy.protocol.recording.counts_only = false;
    send_more(&busy.protocol.recording, "", 0);
    for (int i = 0; i < 20; i++) {
        struct timer_handle timer;
        timer_handle_init(&timer, tick, &ticks);
        CHECK_INT(loop_call_later(busy.loop, 0, &timer), 0);
        peer_send(other.theirs, "x");
        size_t before = other.protocol.recording.received, had = busy.protocol.recording.received;
        pass(busy.loop);
        pass(busy.loop);
        CHECK_INT(ticks, i + 1);
        CHECK_INT(other.protocol.recording.received, before + 1);
        CHECK(busy.protocol.recording.received > had);
        trace_clear();
    }
    busy.protocol.recording.on_data = NULL;
    trace_clear();
    transport_abort(other.transport);
    settle(busy.loop);
    CHECK_INT(other.protocol.recording.released, 1);
    transport_release(other.transport);
    close(other.theirs);
    flow_end(&busy);
}

static void a_proxy_pauses_several_times(void)
{
    size_t count = 0;
    proxy_begin();
    char sink[20000];
    double tries = 0;
    while (!is_paused_again(&count) && tries++ < 100000) {
        pass(proxy.left.loop);
        if (!transport_is_reading(proxy.left.transport))
            while (recv(proxy.right.theirs, sink, sizeof sink, MSG_DONTWAIT) > 0)
                pass(proxy.left.loop);
    }
    CHECK(proxy.right.protocol.paused > 3);
    CHECK(proxy.right.protocol.resumed >= 3);
    proxy_end();
}

/* A protocol that receives frames passes the pressure on to its application. */

static void frames_paused(struct frame_protocol *frames)
{
    CHECK(transport_get_write_buffer_size(frames->transport) > 100);
    trace("PW");
}

static void frames_resumed(struct frame_protocol *frames)
{
    CHECK(transport_get_write_buffer_size(frames->transport) <= 50);
    trace("RW");
}

static void frames_answer(struct frame_protocol *frames, const char *frame, size_t size)
{
    for (int i = 0; i < 20; i++)
        CHECK_INT(transport_write(frames->transport, frame, size), 0);
}

static void an_application_that_receives_frames_hears_of_the_pressure(void)
{
    static const struct frame_callbacks callbacks = {
        .frame_received = frames_answer, .pause_writing = frames_paused, .resume_writing = frames_resumed};
    struct frame_protocol frames;
    struct flow flow;
    int ends[2];
    tcp_pair(ends);
    flow.loop = new_loop();
    frame_protocol_init(&frames, &callbacks);
    framer_init_lines(&frames.framer, 100);
    struct transport *transport = socket_transport_create(flow.loop, ends[0], &frames.protocol, NULL);
    REQUIRE(transport != NULL);
    settle(flow.loop);
    CHECK_INT(transport_set_write_buffer_limits(transport, 100, 50), 0);
    peer_send(ends[1], "0123456789\n");
    EXPECT(flow.loop, "PW;RW"); /* at the uncork after the delivery */
    trace_clear();
    socket_takes_nothing();
    peer_send(ends[1], "0123456789\n");
    while (bytes_are_under_way())
        continue;
    pass(flow.loop);
    CHECK_TRACE("PW");
    drain(&flow, 150);
    CHECK_TRACE("PW;RW");
    socket_takes(0);
    transport_abort(transport);
    settle(flow.loop);
    free_loop(flow.loop);
    close(ends[1]);
}

static const struct test tests[] = {
    TEST(a_proxy_whose_reader_stalls_stops_reading_and_loses_nothing),
    TEST(the_other_way_flows_while_one_way_is_stalled),
    TEST(a_reader_that_stalls_again_and_again_gets_everything),
    TEST(a_proxy_pauses_several_times),
    TEST(a_writer_that_obeys_never_has_more_waiting_than_the_mark_and_one_chunk),
    TEST(a_peer_that_never_stops_sending_starves_neither_timers_nor_others),
    TEST(an_application_that_receives_frames_hears_of_the_pressure),
};
const struct test_group pressure_group = TEST_GROUP("pressure", tests);
