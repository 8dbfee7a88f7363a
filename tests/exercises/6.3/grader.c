/* Judges both halves of a window: each against a script, and both together over a link that loses, swaps and doubles.
   The link is a queue, the clock is the test's own, and chance is the same each time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "grader.h"
#include "window.h"

enum { MOST = 4000,
    LARGEST = 1 + PIECE };

struct datagram {
    bool to_receiver;
    size_t size;
    unsigned char data[LARGEST + 1];
};

/* What is under way, in the order of its arrival. */
static struct {
    struct datagram queue[MOST];
    size_t first, end;
    unsigned long sent;
} network;

static struct loop *loop;
static struct window_sender sender;
static struct window_receiver receiver;
static char received[60000];
static size_t received_size;
static double now;
static bool bad;
static unsigned chance_state;

static double tell_time(void *unused)
{
    (void)unused;
    return now;
}

static unsigned chance(unsigned of)
{
    chance_state = chance_state * 1103515245u + 12345u;
    return (chance_state >> 16) % of;
}

static void enqueue(bool to_receiver, const void *data, size_t size)
{
    expect(size <= LARGEST, "a datagram of no more than 101 bytes", "%zu bytes", size);
    expect(network.end < MOST, "no more than 4,000 datagrams", "still more of them");
    struct datagram *one = &network.queue[network.end++];
    one->to_receiver = to_receiver;
    one->size = size;
    memcpy(one->data, data, size);
}

static void send_datagram(void *to_receiver, const void *data, size_t size)
{
    network.sent++;
    if (bad && chance(10) == 0)
        return;
    enqueue(to_receiver != NULL, data, size);
    if (bad && chance(20) == 0)
        enqueue(to_receiver != NULL, data, size);
    if (bad && chance(20) == 0 && network.end - network.first >= 2) {
        struct datagram last = network.queue[network.end - 1];
        network.queue[network.end - 1] = network.queue[network.end - 2];
        network.queue[network.end - 2] = last;
    }
}

static void take_over(void *unused, const char *data, size_t size)
{
    (void)unused;
    expect(received_size + size <= sizeof received, "no more than the file", "more than %zu bytes", sizeof received);
    memcpy(received + received_size, data, size);
    received_size += size;
}

static void turn(double seconds)
{
    now += seconds;
    kernel_wait_at_most(0);
    loop_run_once(loop);
    loop_run_once(loop);
}

static void begin(void)
{
    network.first = network.end = 0;
    network.sent = 0;
    received_size = 0;
    bad = false;
    now = 1000;
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(loop, tell_time, NULL);
    receiver = (struct window_receiver){.link = {send_datagram, NULL}, .hand_over = take_over};
}

static void begin_sender(const char *file, size_t size)
{
    static char anything;
    const struct link link = {send_datagram, &anything};
    window_sender_init(&sender, loop, &link, file, size);
}

static void end(void)
{
    loop_free(loop);
}

static const char *make_file(size_t size)
{
    static char file[60000];
    for (size_t i = 0; i < size; i++)
        file[i] = (char)('a' + i * 7 % 25 + i / PIECE % 2);
    return file;
}

/* How many datagrams wait, and what their numbers are: "0 1 2". They are gone then. */
static const char *numbers_under_way(void)
{
    static char text[4000];
    size_t length = 0;
    text[0] = '\0';
    while (network.first < network.end && length + 10 < sizeof text) {
        const struct datagram *one = &network.queue[network.first++];
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%d", length > 0 ? " " : "", one->data[0]);
    }
    return text;
}

static void acknowledge(int number)
{
    unsigned char byte = (unsigned char)number;
    window_sender_take(&sender, &byte, 1);
}

static void give(int number, const char *text)
{
    char piece[LARGEST];
    size_t size = strlen(text);
    piece[0] = (char)number;
    memcpy(piece + 1, text, size);
    window_receiver_take(&receiver, piece, 1 + size);
}

/* Delivers and lets time pass until the sender has finished, or there have been too many rounds. */
static void let_it_cross(void)
{
    for (int round = 0; round < 3000 && !sender.finished; round++) {
        if (network.first == network.end)
            turn(0.05);
        while (network.first < network.end) {
            const struct datagram one = network.queue[network.first++];
            if (one.to_receiver)
                window_receiver_take(&receiver, one.data, one.size);
            else
                window_sender_take(&sender, one.data, one.size);
        }
    }
}

static void cross(size_t size, bool is_bad)
{
    const char *file = make_file(size);
    begin();
    bad = is_bad;
    begin_sender(file, size);
    let_it_cross();
    expect(receiver.ended, "the receiver to have come to the end", "it has %zu of %zu bytes", received_size, size);
    expect(sender.finished, "the sender to know that it has finished", "it does not");
    expect_int("the number of bytes that were handed over", (long long)size, (long long)received_size);
    expect(memcmp(received, file, size) == 0, "the bytes of the file", "%s", quoted(received, received_size));
    window_sender_end(&sender);
}

static void a_file_crosses_a_quiet_link(void)
{
    did("sent files of 0, 1, 100, 250 and 5,000 bytes over a link that loses nothing");
    const size_t sizes[] = {0, 1, 100, 250, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cross(sizes[i], false);
        expect_int("the number of datagrams, both ways", (long long)(2 * ((sizes[i] + PIECE - 1) / PIECE + 1)),
            (long long)network.sent);
        end();
    }
}

static void no_more_than_a_window_is_under_way(void)
{
    did("sent a file of 40 pieces, and acknowledged one piece and then four");
    begin();
    begin_sender(make_file(4000), 4000);
    expect_text("the first pieces", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", numbers_under_way());
    acknowledge(1);
    expect_text("the next", "16", numbers_under_way());
    acknowledge(5);
    expect_text("the next", "17 18 19 20", numbers_under_way());
    window_sender_end(&sender);
    end();
}

static void what_is_lost_is_sent_again(void)
{
    did("lost all of a window, and later lost the first piece again");
    begin();
    begin_sender(make_file(300), 300);
    expect_text("the pieces", "0 1 2 3", numbers_under_way());
    turn(0.15);
    expect_text("what is sent after 0.15 s", "", numbers_under_way());
    turn(0.1);
    const char *again = numbers_under_way();
    expect(again[0] == '0', "piece 0 to be sent again after 0.25 s", "%s", again[0] == '\0' ? "nothing" : again);
    turn(0.25);
    again = numbers_under_way();
    expect(again[0] == '0', "piece 0 to be sent once more after 0.5 s", "%s", again[0] == '\0' ? "nothing" : again);
    acknowledge(2);
    turn(0.15);
    expect_text("what is sent 0.15 s after an acknowledgement", "", numbers_under_way());
    turn(0.1);
    again = numbers_under_way();
    expect(again[0] == '2', "piece 2 to be sent again then", "%s", again[0] == '\0' ? "nothing" : again);
    acknowledge(4);
    expect(sender.finished, "the sender to have finished", "it has not");
    turn(5);
    expect_text("what is sent after the end", "", numbers_under_way());
    window_sender_end(&sender);
    end();
}

static void an_old_acknowledgement_moves_nothing(void)
{
    did("acknowledged 5 pieces, then came an acknowledgement of 3 that was overtaken, and one of a piece never sent");
    begin();
    begin_sender(make_file(4000), 4000);
    numbers_under_way();
    acknowledge(5);
    expect_text("the next pieces", "16 17 18 19 20", numbers_under_way());
    acknowledge(3);
    acknowledge(5);
    acknowledge(22);
    expect_text("the pieces after that", "", numbers_under_way());
    window_sender_take(&sender, "\x07\x07", 2);
    window_sender_take(&sender, "", 0);
    expect_text("the pieces after what is no acknowledgement", "", numbers_under_way());
    acknowledge(6);
    expect_text("the next piece", "21", numbers_under_way());
    window_sender_end(&sender);
    end();
}

static void expect_received(const char *text, const char *acknowledgements)
{
    expect_bytes("what was handed over", text, strlen(text), received, received_size);
    expect_text("the acknowledgements", acknowledgements, numbers_under_way());
}

static void what_comes_early_is_kept(void)
{
    did("gave the receiver the pieces 1, 3, 2, and then 0");
    begin();
    give(1, "b");
    give(3, "d");
    give(2, "c");
    expect_received("", "0 0 0");
    give(0, "a");
    expect_received("abcd", "4");
    give(20, "u"); /* not among the next 16 */
    give(4, "e");
    expect_received("abcde", "4 5");
    end();
}

static void what_comes_twice_is_handed_over_once(void)
{
    did("gave the receiver the pieces 0, 0, 1, 0, and 1");
    begin();
    give(0, "a");
    give(0, "a");
    give(1, "b");
    give(0, "a");
    give(1, "b");
    expect_received("ab", "1 1 2 2 2");
    end();
}

static void the_end_has_its_turn(void)
{
    did("gave the receiver the end, piece 2, before the pieces 1 and 0, and once more behind them");
    begin();
    give(2, "");
    give(1, "b");
    expect(!receiver.ended, "the receiver to wait for piece 0", "it has ended");
    give(0, "a");
    expect(receiver.ended, "the receiver to have ended", "it has not");
    give(2, "");
    expect_received("ab", "0 0 3 3");
    window_receiver_take(&receiver, "", 0);
    expect_text("the acknowledgement of what is no piece", "", numbers_under_way());
    end();
}

static void numbers_begin_again_after_255(void)
{
    did("sent a file of 520 pieces over a link that loses nothing");
    cross(52000, false);
    end();
}

static void a_file_crosses_a_bad_link(void)
{
    did("sent a file of 300 pieces over a link that loses one in ten, and swaps and doubles one in twenty");
    for (chance_state = 1; chance_state < 4;) {
        unsigned seed = chance_state;
        cross(29950, true);
        expect(network.sent < 3000, "less than 3,000 datagrams, both ways", "%lu", network.sent);
        end();
        chance_state = seed + 1;
    }
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_file_crosses_a_quiet_link),
    GRADER_TEST(no_more_than_a_window_is_under_way),
    GRADER_TEST(what_is_lost_is_sent_again),
    GRADER_TEST(an_old_acknowledgement_moves_nothing),
    GRADER_TEST(what_comes_early_is_kept),
    GRADER_TEST(what_comes_twice_is_handed_over_once),
    GRADER_TEST(the_end_has_its_turn),
    GRADER_TEST(numbers_begin_again_after_255),
    GRADER_TEST(a_file_crosses_a_bad_link),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
