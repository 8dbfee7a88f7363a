/* Judges one source and many readers: what holds the source, what lets it go, and what everybody gets. */
#include <errno.h>
#include <string.h>

#include "fan_out.h"
#include "grader.h"
#include "loop.h"
#include "socket_transport.h"

enum { KIB = 1024,
    ALL = 4 * 1024 * KIB,
    ALLOWED = 320 * KIB };

struct end {
    int fd;
    struct transport *transport;
    size_t moved; /* bytes: sent by the source, received by a reader */
};

static struct loop *loop;
static struct fan_out fan_out;
static struct end source, slow, other, quick;

static void turn(void)
{
    kernel_wait_at_most(0);
    for (int i = 0; i < 4; i++)
        loop_run_once(loop);
}

static struct end join(struct protocol *protocol)
{
    int ends[2];
    expect(protocol != NULL, "a protocol from the factory", "NULL");
    unix_pair(ends);
    struct end end = {.fd = ends[1]};
    end.transport = transport_retain(socket_transport_create(loop, ends[0], protocol, NULL));
    turn();
    return end;
}

static void begin(void)
{
    fan_out = (struct fan_out){NULL, NULL, 0};
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
    source = slow = other = quick = (struct end){.fd = -1};
    slow = join(fan_out_reader(&fan_out));
    quick = join(fan_out_reader(&fan_out));
    source = join(fan_out_source(&fan_out));
}

static void leave(struct end *end)
{
    if (end->fd >= 0)
        close_socket(end->fd);
    end->fd = -1;
    turn();
}

static void finish(void)
{
    struct end *const ends[] = {&source, &slow, &other, &quick};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        leave(ends[i]);
        transport_release(ends[i]->transport);
    }
    loop_free(loop);
}

/* What is sent: letters in turn, so that each piece of it can be compared in one go. */
static const char *letters_from(size_t position)
{
    static char letters[64 * KIB + 23];
    if (letters[0] == '\0')
        for (size_t i = 0; i < sizeof letters; i++)
            letters[i] = (char)('a' + i % 23);
    return letters + position % 23;
}

/* Reads until nothing comes any more, `most` bytes at most. */
static void read_some(struct end *reader, size_t most)
{
    static char bytes[64 * KIB];
    for (int quiet = 0; quiet < 3 && most > 0;) {
        size_t size = receive(reader->fd, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
        expect(memcmp(bytes, letters_from(reader->moved), size) == 0, "the bytes in the order in which they were sent",
            "others behind the first %zu", reader->moved);
        reader->moved += size;
        most -= size;
        quiet = size > 0 ? 0 : quiet + 1;
        turn();
    }
}

/* The source sends on until it is stuck; the quick reader takes all that comes. */
static void send_until_stuck(size_t most)
{
    for (int stuck = 0; stuck < 3 && source.moved < most;) {
        size_t size = most - source.moved < 64 * KIB ? most - source.moved : 64 * KIB;
        size_t taken = send_what_fits(source.fd, letters_from(source.moved), size);
        source.moved += taken;
        stuck = taken > 0 ? 0 : stuck + 1;
        turn();
        read_some(&quick, ALL);
    }
}

static void expect_held(void)
{
    send_until_stuck(ALL);
    expect(source.moved < ALL, "the source to be held before 4 MiB have gone", "all of them were taken");
    expect(transport_get_write_buffer_size(slow.transport) <= ALLOWED, "no more than 320 KiB for a reader",
        "%zu KiB", transport_get_write_buffer_size(slow.transport) / KIB);
}

static void expect_same(const char *what, const struct end *reader)
{
    expect_int(what, (long long)source.moved, (long long)reader->moved);
}

static void what_comes_goes_to_every_reader(void)
{
    did("a source sent 100,000 bytes to two who read");
    begin();
    send_until_stuck(100000);
    read_some(&slow, ALL);
    expect_same("the number of bytes for the first", &slow);
    expect_same("the number of bytes for the second", &quick);
    finish();
}

static void a_slow_reader_holds_the_source(void)
{
    did("a source sent as much as it could to two, of whom one did not read");
    begin();
    expect_held();
    finish();
}

static void it_goes_on_when_the_reader_does(void)
{
    did("a reader stalled, and read everything after that");
    begin();
    expect_held();
    size_t before = source.moved;
    read_some(&slow, ALL);
    send_until_stuck(before + 100000);
    read_some(&slow, ALL);
    read_some(&quick, ALL);
    expect_int("the number of bytes that the source could send", (long long)before + 100000, (long long)source.moved);
    expect_same("the number of bytes for the slow", &slow);
    expect_same("the number of bytes for the other", &quick);
    finish();
}

static void two_slow_readers_hold_it_until_both_go_on(void)
{
    did("two readers stalled, and one of them read everything after that");
    begin();
    other = join(fan_out_reader(&fan_out));
    expect_held();
    read_some(&other, ALL);
    expect_held();
    read_some(&slow, ALL);
    read_some(&other, ALL);
    expect_same("the number of bytes for the slower one, in the end", &slow);
    finish();
}

static void one_that_leaves_holds_nobody(void)
{
    did("a reader stalled, and left");
    begin();
    expect_held();
    size_t before = source.moved;
    leave(&slow);
    transport_release(slow.transport);
    send_until_stuck(before + 1024 * KIB);
    expect_int("what the source could send", (long long)before + 1024 * KIB, (long long)source.moved);
    expect_same("the number of bytes for the other", &quick);
    slow = join(fan_out_reader(&fan_out));
    slow.moved = source.moved;
    send_until_stuck(before + 2 * ALL);
    expect(source.moved < before + 2 * ALL, "the source to be held by a new reader that stalls", "all was taken");
    read_some(&slow, 2 * ALL);
    expect_same("the number of bytes for the new one", &slow);
    finish();
}

static void one_that_leaves_and_was_not_slow_lets_nobody_go(void)
{
    did("one reader stalled, and another, who had read everything, was disconnected");
    begin();
    other = join(fan_out_reader(&fan_out));
    expect_held();
    read_some(&other, ALL);
    transport_abort(quick.transport);
    leave(&quick);
    transport_release(quick.transport);
    quick = other;
    other = (struct end){.fd = -1};
    expect_held();
    read_some(&slow, ALL);
    expect_same("the number of bytes for the slow", &slow);
    finish();
}

static void at_the_end_the_slow_get_everything(void)
{
    did("a source sent 50,000 bytes and ended, while the readers' sockets were full; then they had room");
    begin();
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 100000);
    send_until_stuck(50000);
    leave(&source);
    turn();
    faults_end();
    read_some(&slow, ALL);
    expect_same("the number of bytes for a reader", &slow);
    expect(receives_end(slow.fd, 0), "the end behind them", "no end");
    finish();
}

static void a_source_that_is_lost_in_a_pause_is_forgotten(void)
{
    did("a reader stalled, the source was disconnected, and the reader read after that");
    begin();
    expect_held();
    transport_abort(source.transport);
    leave(&source);
    transport_release(source.transport);
    source.transport = NULL;
    size_t kept = transport_get_write_buffer_size(slow.transport);
    read_some(&slow, ALL);
    expect(slow.moved > kept, "the reader to get all that was kept for it", "%zu bytes", slow.moved);
    expect(receives_end(slow.fd, 0), "the end behind them", "no end");
    finish();
}

static void a_reader_that_sends_no_more_still_reads(void)
{
    did("a reader ended its sending side; then the source sent 1,000 bytes");
    begin();
    end_sending(slow.fd);
    turn();
    send_until_stuck(1000);
    read_some(&slow, ALL);
    expect_same("the number of bytes for this reader", &slow);
    finish();
}

static const struct grader_test tests[] = {
    GRADER_TEST(what_comes_goes_to_every_reader),
    GRADER_TEST(a_slow_reader_holds_the_source),
    GRADER_TEST(it_goes_on_when_the_reader_does),
    GRADER_TEST(two_slow_readers_hold_it_until_both_go_on),
    GRADER_TEST(one_that_leaves_holds_nobody),
    GRADER_TEST(one_that_leaves_and_was_not_slow_lets_nobody_go),
    GRADER_TEST(at_the_end_the_slow_get_everything),
    GRADER_TEST(a_source_that_is_lost_in_a_pause_is_forgotten),
    GRADER_TEST(a_reader_that_sends_no_more_still_reads),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
