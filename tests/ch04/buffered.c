/* Buffered protocols: get_buffer and buffer_updated in place of data_received. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

/* The recording of a wire, with these besides: where it reads to, and what its two callbacks do. */
static struct store {
    char bytes[4096];
    size_t offers, kept;
    bool returns_nothing;
    void (*on_get)(struct recording *);
    void (*on_updated)(struct recording *, size_t size);
    struct protocol *next;
} store;

static void *get_buffer(struct protocol *protocol, ptrdiff_t sizehint, size_t *size)
{
    trace("GB(%td)", sizehint);
    *size = store.offers;
    if (store.on_get != NULL)
        store.on_get((struct recording *)protocol);
    return store.returns_nothing ? NULL : store.bytes;
}

static void buffer_updated(struct protocol *protocol, size_t size)
{
    trace("BU(%zu)", size);
    CHECK(size <= store.offers);
    store.kept += size;
    if (store.on_updated != NULL)
        store.on_updated((struct recording *)protocol, size);
}

static bool hear_end(struct protocol *protocol)
{
    (void)protocol;
    trace("EOF");
    return false;
}

static const struct protocol_callbacks buffered = {
    .connection_made = recording_made,
    .get_buffer = get_buffer,
    .buffer_updated = buffer_updated,
    .eof_received = hear_end,
    .connection_lost = recording_lost,
    .released = recording_released,
};

static void begin(struct wire *wire, void (*pair)(int ends[2]), size_t offers)
{
    store = (struct store){.offers = offers};
    wire_prepare(wire, pair);
    wire->protocol.protocol.callbacks = &buffered;
    wire_start(wire, NULL);
    settle(wire->loop);
    CHECK_TRACE("CM");
    trace_clear();
}

static void before_each_read_it_is_asked_for_memory_also_before_the_end(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);BU(3)");
    CHECK(memcmp(store.bytes, "abc", 3) == 0);
    peer_send(wire.theirs, "de");
    EXPECT(wire.loop, "GB(-1);BU(3);GB(-1);BU(2)");
    CHECK(memcmp(store.bytes, "dec", 3) == 0);
    peer_end(wire.theirs);
    EXPECT(wire.loop, "GB(-1);BU(3);GB(-1);BU(2);GB(-1);EOF;CL(None)");
    wire_end(&wire);
}

static void a_short_buffer_gives_several_pairs(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 4);
    peer_send(wire.theirs, "0123456789");
    EXPECT(wire.loop, "GB(-1);BU(4);GB(-1);BU(4);GB(-1);BU(2)");
    CHECK_INT(store.kept, 10);
    wire_end(&wire);
}

static void one_read_a_pass(void)
{
    struct wire wire;
    begin(&wire, unix_pair, 2);
    peer_send(wire.theirs, "0123");
    unsigned long before = kernel_count(KERNEL_RECEIVE);
    pass(wire.loop);
    CHECK_TRACE("GB(-1);BU(2)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - before, 1);
    pass(wire.loop);
    CHECK_TRACE("GB(-1);BU(2);GB(-1);BU(2)");
    wire_end(&wire);
}

static void a_buffer_of_one_byte_will_do(void)
{
    struct wire wire;
    begin(&wire, unix_pair, 1);
    peer_send(wire.theirs, "xyz");
    EXPECT(wire.loop, "GB(-1);BU(1);GB(-1);BU(1);GB(-1);BU(1)");
    wire_end(&wire);
}

static void an_empty_buffer_ends_the_connection(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 0);
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);EXH[Fatal error: protocol.get_buffer() call failed."
                      "|get_buffer() returned an empty buffer];CL(get_buffer() returned an empty buffer)");
    wire_end(&wire);
}

static void no_buffer_ends_the_connection(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    store.returns_nothing = true;
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);EXH[Fatal error: protocol.get_buffer() call failed."
                      "|get_buffer() returned an empty buffer];CL(get_buffer() returned an empty buffer)");
    wire_end(&wire);
}

static void fail_get(struct recording *recording)
{
    fail_with(recording, "boom");
}

static void a_failure_in_get_buffer_is_reported_and_ends_the_connection(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    store.on_get = fail_get;
    unsigned long before = kernel_count(KERNEL_RECEIVE);
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);EXH[Fatal error: protocol.get_buffer() call failed.|boom];CL(boom)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE), before);
    wire_end(&wire);
}

static void fail_updated(struct recording *recording, size_t size)
{
    (void)size;
    fail_with(recording, "boom");
}

static void a_failure_in_buffer_updated_is_reported_and_ends_the_connection(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 1);
    store.on_updated = fail_updated;
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);BU(1);EXH[Fatal error: protocol.buffer_updated() call failed.|boom];CL(boom)");
    wire_end(&wire);
}

static void abort_updated(struct recording *recording, size_t size)
{
    (void)size;
    transport_abort(recording->transport);
}

static void aborted_in_buffer_updated_it_is_asked_no_more(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 2);
    store.on_updated = abort_updated;
    peer_send(wire.theirs, "abcd");
    EXPECT(wire.loop, "GB(-1);BU(2);CL(None)");
    wire_end(&wire);
}

static void close_get(struct recording *recording)
{
    transport_close(recording->transport);
}

static void closed_in_get_buffer_nothing_is_read(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    store.on_get = close_get;
    unsigned long before = kernel_count(KERNEL_RECEIVE);
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);CL(None)");
    CHECK_INT(kernel_count(KERNEL_RECEIVE), before);
    wire_end(&wire);
}

static void a_reset_is_found_after_asking(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    peer_reset(wire.theirs);
    wire.theirs = -1;
    EXPECT(wire.loop, "GB(-1);CL(ECONNRESET)");
    wire_end(&wire);
}

static void readiness_without_data_asks_and_tells_nothing(void)
{
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    peer_send(wire.theirs, "abc");
    kernel_fail(KERNEL_RECEIVE, EAGAIN, 0, 1);
    EXPECT(wire.loop, "GB(-1);GB(-1);BU(3)");
    wire_end(&wire);
}

static void without_buffer_updated_it_is_only_read(void)
{
    static const struct protocol_callbacks half = {
        .connection_made = recording_made,
        .get_buffer = get_buffer,
        .connection_lost = recording_lost,
        .released = recording_released,
    };
    struct wire wire;
    begin(&wire, tcp_pair, 100);
    wire.protocol.protocol.callbacks = &half;
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1)");
    CHECK(memcmp(store.bytes, "abc", 3) == 0);
    wire_end(&wire);
}

/* Between a plain and a buffered protocol, and back. */

static void next_protocol(struct recording *recording)
{
    if (store.next != NULL)
        transport_set_protocol(recording->transport, store.next);
    store.next = NULL;
}

static void from_plain_to_buffered_and_back(void)
{
    struct wire wire;
    struct recording other, third;
    store = (struct store){.offers = 100};
    wire_begin(&wire, tcp_pair);
    recording_init(&other, "b");
    recording_init(&third, "c");
    other.protocol.callbacks = &buffered;
    other.transport = wire.transport;
    peer_send(wire.theirs, "one");
    EXPECT(wire.loop, "DR(one)");
    transport_set_protocol(wire.transport, &other.protocol);
    peer_send(wire.theirs, "two");
    EXPECT(wire.loop, "DR(one);GB(-1);BU(3)");
    transport_set_protocol(wire.transport, &third.protocol);
    peer_send(wire.theirs, "three");
    EXPECT(wire.loop, "DR(one);GB(-1);BU(3);c.DR(three)");
    transport_close(wire.transport);
    EXPECT(wire.loop, "DR(one);GB(-1);BU(3);c.DR(three);c.CL(None)");
    CHECK_INT(wire.protocol.released, 1);
    CHECK_INT(other.released, 1);
    CHECK_INT(third.released, 1);
    free_loop(wire.loop);
    close(wire.theirs);
}

static void replaced_in_get_buffer_nothing_is_read_into_its_memory(void)
{
    struct wire wire;
    struct recording other;
    begin(&wire, tcp_pair, 100);
    recording_init(&other, "b");
    store.on_get = next_protocol;
    store.next = &other.protocol;
    peer_send(wire.theirs, "abc");
    EXPECT(wire.loop, "GB(-1);b.DR(abc)");
    CHECK_INT(store.kept, 0);
    CHECK_INT(store.bytes[0], 0);
    transport_close(wire.transport);
    EXPECT(wire.loop, "GB(-1);b.DR(abc);b.CL(None)");
    CHECK_INT(wire.protocol.released, 1);
    CHECK_INT(other.released, 1);
    free_loop(wire.loop);
    close(wire.theirs);
}

static const struct test tests[] = {
    TEST(before_each_read_it_is_asked_for_memory_also_before_the_end),
    TEST(a_short_buffer_gives_several_pairs),
    TEST(one_read_a_pass),
    TEST(a_buffer_of_one_byte_will_do),
    TEST(an_empty_buffer_ends_the_connection),
    TEST(no_buffer_ends_the_connection),
    TEST(a_failure_in_get_buffer_is_reported_and_ends_the_connection),
    TEST(a_failure_in_buffer_updated_is_reported_and_ends_the_connection),
    TEST(aborted_in_buffer_updated_it_is_asked_no_more),
    TEST(closed_in_get_buffer_nothing_is_read),
    TEST(a_reset_is_found_after_asking),
    TEST(readiness_without_data_asks_and_tells_nothing),
    TEST(without_buffer_updated_it_is_only_read),
    TEST(from_plain_to_buffered_and_back),
    TEST(replaced_in_get_buffer_nothing_is_read_into_its_memory),
};
const struct test_group buffered_group = TEST_GROUP("buffered", tests);
