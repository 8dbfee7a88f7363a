/* Judges a source with patience: what it sends, when it gives a reader up, and when it must not. The clock of the loop
   is the test's own. */
#include <errno.h>
#include <string.h>

#include "grader.h"
#include "loop.h"
#include "patient_source.h"
#include "socket_transport.h"

enum { KIB = 1024,
    MUCH = 2 * 1024 * KIB };

struct stage {
    struct loop *loop;
    struct transport *transport;
    int reader;
    double now;
    struct patient_sources sources;
    size_t received, blocks;
};

static double tell_time(void *now)
{
    return *(double *)now;
}

static void turn(struct stage *stage)
{
    kernel_wait_at_most(0);
    for (int i = 0; i < 6; i++)
        loop_run_once(stage->loop);
}

static void begin(struct stage *stage, size_t total)
{
    int ends[2];
    *stage = (struct stage){.now = 1000, .sources = {.total = total, .patience = 10}, .blocks = heap_blocks()};
    stage->loop = loop_create(NULL);
    expect(stage->loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(stage->loop, tell_time, &stage->now);
    struct protocol *protocol = patient_source(&stage->sources);
    expect(protocol != NULL, "a protocol from patient_source", "NULL");
    unix_pair(ends);
    stage->reader = ends[1];
    stage->transport = transport_retain(socket_transport_create(stage->loop, ends[0], protocol, NULL));
}

static void end(struct stage *stage)
{
    transport_release(stage->transport);
    loop_free(stage->loop);
    if (stage->reader >= 0)
        close_socket(stage->reader);
    expect_int("the number of blocks on the heap at the end", (long long)stage->blocks, (long long)heap_blocks());
}

/* Reads until nothing comes any more, `most` bytes at most. */
static void read_bytes(struct stage *stage, size_t most)
{
    static char bytes[64 * KIB], letters[64 * KIB];
    memset(letters, 'x', sizeof letters);
    for (int quiet = 0; quiet < 3 && most > 0;) {
        size_t size = receive(stage->reader, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
        expect(memcmp(bytes, letters, size) == 0, "nothing but the letter x", "%s", quoted(bytes, size));
        stage->received += size;
        most -= size;
        quiet = size > 0 ? 0 : quiet + 1;
        turn(stage);
    }
}

static void expect_all(struct stage *stage)
{
    read_bytes(stage, stage->sources.total + 1);
    expect_int("the number of bytes that came", (long long)stage->sources.total, (long long)stage->received);
    expect(receives_end(stage->reader, 0), "the end behind them", "no end");
    expect_int("given_up", 0, stage->sources.given_up);
}

static bool is_lost(struct stage *stage)
{
    return transport_get_protocol(stage->transport) == NULL;
}

static void pass_time(struct stage *stage, double seconds)
{
    stage->now += seconds;
    turn(stage);
}

/* The reader takes nothing, and the source is paused. */
static void stall(struct stage *stage)
{
    size_t low, high;
    turn(stage);
    turn(stage);
    transport_get_write_buffer_limits(stage->transport, &low, &high);
    expect(transport_get_write_buffer_size(stage->transport) > high,
        "a source that writes until it is paused", "%zu bytes in its buffer, with a high mark of %zu",
        transport_get_write_buffer_size(stage->transport), high);
    expect(transport_get_write_buffer_size(stage->transport) < 200 * KIB, "a source that heeds its pause",
        "%zu KiB in its buffer", transport_get_write_buffer_size(stage->transport) / KIB);
}

static void expect_given_up(struct stage *stage)
{
    expect(is_lost(stage), "the reader to be dropped when its time is over", "it is still connected");
    expect_int("given_up", 1, stage->sources.given_up);
}

static void a_reader_that_reads_gets_everything(void)
{
    struct stage stage;
    did("a reader took 2 MiB as fast as they came");
    begin(&stage, MUCH);
    expect_all(&stage);
    end(&stage);
}

static void one_that_stalls_is_dropped_in_time(void)
{
    struct stage stage;
    did("a reader took nothing; the patience is 10 s");
    begin(&stage, MUCH);
    stall(&stage);
    pass_time(&stage, 9.5);
    expect(!is_lost(&stage), "the reader to be connected after 9.5 s", "it was dropped");
    pass_time(&stage, 1);
    expect_given_up(&stage);
    pass_time(&stage, 20);
    expect_int("given_up, 20 s later", 1, stage.sources.given_up);
    end(&stage);
}

static void each_pause_has_a_time_of_its_own(void)
{
    struct stage stage;
    did("a reader slept for 7 s, read 400 KiB, and slept again, three times; the patience is 10 s");
    begin(&stage, MUCH);
    for (int i = 0; i < 3; i++) {
        stall(&stage);
        pass_time(&stage, 7);
        read_bytes(&stage, 400 * KIB);
        expect(!is_lost(&stage), "the reader to be connected", "it was dropped after sleep %d", i + 1);
    }
    expect_all(&stage);
    end(&stage);
}

static void a_pause_that_begins_in_a_resume_ends_as_well(void)
{
    struct stage stage;
    did("a reader took enough for a resume, over a line on which little fits, and then nothing for 11 s");
    begin(&stage, MUCH);
    fault_short_writes(4 * KIB);
    stall(&stage);
    for (int i = 0; i < 40; i++)
        read_bytes(&stage, 20 * KIB);
    for (int i = 0; i < 30; i++)
        turn(&stage);
    expect(stage.received >= 400 * KIB, "a source that goes on when it is resumed", "%zu bytes in all", stage.received);
    expect(transport_get_write_buffer_size(stage.transport) > 16 * KIB, "a source that is paused again",
        "%zu bytes in its buffer", transport_get_write_buffer_size(stage.transport));
    pass_time(&stage, 11);
    expect_given_up(&stage);
    end(&stage);
}

static void one_that_does_not_take_the_rest_is_dropped(void)
{
    struct stage stage;
    did("all 20,000 bytes were written, none of them fitted into the socket, and 11 s passed");
    begin(&stage, 20000);
    fault_eagain(100000);
    turn(&stage);
    size_t size = transport_get_write_buffer_size(stage.transport);
    expect_int("the number of bytes in the buffer", 20000, (long long)size);
    pass_time(&stage, 9.5);
    expect(!is_lost(&stage), "the reader to be connected after 9.5 s", "it was dropped");
    pass_time(&stage, 1.5);
    expect_given_up(&stage);
    end(&stage);
}

static void one_that_takes_the_rest_in_time_is_not(void)
{
    struct stage stage;
    did("all 20,000 bytes were written, none of them fitted into the socket, and after 9 s they did");
    begin(&stage, 20000);
    fault_eagain(100000);
    turn(&stage);
    pass_time(&stage, 9);
    faults_end();
    expect_all(&stage);
    pass_time(&stage, 20);
    expect_int("given_up, 20 s later", 0, stage.sources.given_up);
    end(&stage);
}

static void one_that_leaves_while_paused_is_forgotten(void)
{
    struct stage stage;
    did("a reader stalled, and left after 5 s");
    begin(&stage, MUCH);
    stall(&stage);
    pass_time(&stage, 5);
    close_socket(stage.reader);
    stage.reader = -1;
    turn(&stage);
    expect(is_lost(&stage), "the connection to be lost", "it is still there");
    pass_time(&stage, 20);
    expect_int("given_up", 0, stage.sources.given_up);
    end(&stage);
}

static void the_loop_may_end_in_a_pause(void)
{
    struct stage stage;
    did("a reader stalled, and the loop was closed");
    begin(&stage, MUCH);
    stall(&stage);
    expect_int("the result of loop_close", 0, loop_close(stage.loop));
    end(&stage);
}

static void a_turn_is_no_more_than_64_kib(void)
{
    struct stage stage;
    did("looked at the buffer after the first pass, with a socket that takes nothing and a high mark of 1 MiB");
    begin(&stage, MUCH);
    fault_eagain(100000);
    transport_set_write_buffer_limits(stage.transport, 1024 * KIB, 0);
    kernel_wait_at_most(0);
    loop_run_once(stage.loop);
    double size = (double)transport_get_write_buffer_size(stage.transport);
    expect_between("the number of bytes in the buffer", 1, 64 * KIB, size);
    loop_run_once(stage.loop);
    size = (double)transport_get_write_buffer_size(stage.transport);
    expect_between("the number after two passes", 1, 128 * KIB, size);
    end(&stage);
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_reader_that_reads_gets_everything),
    GRADER_TEST(one_that_stalls_is_dropped_in_time),
    GRADER_TEST(each_pause_has_a_time_of_its_own),
    GRADER_TEST(a_pause_that_begins_in_a_resume_ends_as_well),
    GRADER_TEST(one_that_does_not_take_the_rest_is_dropped),
    GRADER_TEST(one_that_takes_the_rest_in_time_is_not),
    GRADER_TEST(one_that_leaves_while_paused_is_forgotten),
    GRADER_TEST(the_loop_may_end_in_a_pause),
    GRADER_TEST(a_turn_is_no_more_than_64_kib),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
