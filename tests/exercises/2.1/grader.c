/* Judges write_pieces: which bytes arrive through an unkind socket, when it gives up, and what it says then. */
#include "grader.h"
#include "write_pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LETTERS = 600, PIECES = 7, MANY = 3000, MUCH = 1000 * 1000, NOT_SET = 123456789 };

static int ends[2];
static char letters[LETTERS];
static struct iovec pieces[PIECES];
static const size_t sizes[PIECES] = {200, 1, 0, 199, 0, 193, 7};

static void cut_the_letters(void)
{
    char *next = letters;
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = (struct iovec){.iov_base = next, .iov_len = sizes[i]};
        next += sizes[i];
    }
}

static void begin(void)
{
    cut_the_letters();
    unix_pair(ends);
}

static void end(void)
{
    close_socket(ends[0]);
    close_socket(ends[1]);
}

static const char *name_of(int result)
{
    switch (result) {
    case 0: return "0";
    case -ETIMEDOUT: return "-ETIMEDOUT";
    case -EPIPE: return "-EPIPE";
    case -ECONNRESET: return "-ECONNRESET";
    case -EINTR: return "-EINTR";
    case -EAGAIN: return "-EAGAIN";
    case -EMSGSIZE: return "-EMSGSIZE";
    default: return result < 0 ? strerror(-result) : "a positive number";
    }
}

static void expect_result(int expected, int got)
{
    expect_text("what write_pieces returns", name_of(expected), name_of(got));
}

/* All letters are with the peer, once and in order, and nothing else. */
static void expect_letters(size_t sent)
{
    char arrived[2 * LETTERS];
    end_sending(ends[0]);
    size_t size = receive(ends[1], arrived, sizeof arrived, patience());
    expect_int("the number of bytes that arrived", LETTERS, (long long)size);
    expect_bytes("what arrived", letters, LETTERS, arrived, size);
    expect_int("*sent", LETTERS, (long long)sent);
}

static void send_the_letters(void)
{
    size_t sent = NOT_SET;
    expect_result(0, write_pieces(ends[0], pieces, PIECES, patience(), &sent));
    faults_end();
    expect_letters(sent);
}

static void in_fair_weather_everything_arrives(void)
{
    size_t sent = NOT_SET;
    did("sent %d bytes in %d pieces, two of them empty", LETTERS, PIECES);
    begin();
    send_the_letters();
    did("sent no pieces at all");
    expect_result(0, write_pieces(ends[0], pieces, 0, 1, &sent));
    expect_int("*sent", 0, (long long)sent);
    end();
}

static void a_part_that_was_taken_is_not_sent_again(void)
{
    const size_t portions[] = {150, 7, 3};
    for (size_t i = 0; i < sizeof portions / sizeof *portions; i++) {
        did("sent %d bytes in %d pieces to a socket that takes %zu bytes at a time", LETTERS, PIECES, portions[i]);
        begin();
        fault_short_writes(portions[i]);
        send_the_letters();
        end();
    }
}

static void a_signal_in_between_changes_nothing(void)
{
    did("sent %d bytes in %d pieces while each of the first 5 calls was interrupted", LETTERS, PIECES);
    begin();
    fault_eintr(5);
    send_the_letters();
    end();
}

static void no_room_now_is_no_failure(void)
{
    did("sent %d bytes to a socket that says 100 times that it has no room", LETTERS);
    begin();
    fault_eagain(100);
    send_the_letters();
    end();
}

static char much[MUCH];

/* Sends more than the socket takes to a peer that does not read. Returns how long it took. */
static double send_too_much(double seconds)
{
    struct iovec one = {.iov_base = much, .iov_len = sizeof much};
    size_t sent = NOT_SET;
    double before = seconds_now();
    expect_result(-ETIMEDOUT, write_pieces(ends[0], &one, 1, seconds, &sent));
    double took = seconds_now() - before;
    end_sending(ends[0]);
    expect_int("*sent, which is to be what the peer finds", (long long)receive(ends[1], much, sizeof much, patience()),
        (long long)sent);
    return took;
}

static void the_time_is_kept_when_nobody_reads(void)
{
    did("sent %d bytes to a peer that does not read, within 0.1 seconds", MUCH);
    begin();
    expect_between("the seconds it took", 0.09, patience(), send_too_much(0.1));
    end();
}

static void while_there_is_no_room_it_sleeps(void)
{
    const int enough = 100;
    did("sent %d bytes to a peer that does not read, within 0.1 seconds, and counted the calls", MUCH);
    begin();
    send_too_much(0.1);
    expect(calls_of_send() <= (unsigned long)enough, "a few calls", "%lu of them", calls_of_send());
    end();
}

static volatile sig_atomic_t ticks_left = 100;

static void tick(int signal)
{
    (void)signal;
    if (--ticks_left == 0)
        setitimer(ITIMER_REAL, &(struct itimerval){.it_interval = {0, 0}}, NULL);
}

static void signals_do_not_begin_the_time_anew(void)
{
    const struct itimerval often = {.it_interval = {.tv_usec = 20000}, .it_value = {.tv_usec = 20000}};
    struct sigaction action = {.sa_handler = tick};
    did("sent %d bytes to a peer that does not read, within 0.1 seconds, while a signal comes every 0.02 seconds",
        MUCH);
    begin();
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    struct iovec one = {.iov_base = much, .iov_len = sizeof much};
    size_t sent = NOT_SET;
    expect_result(-ETIMEDOUT, write_pieces(ends[0], &one, 1, 0.1, &sent));
    expect(ticks_left > 0, "it to end after 0.1 seconds", "2 seconds, as long as signals came");
    setitimer(ITIMER_REAL, &(struct itimerval){.it_interval = {0, 0}}, NULL);
    end();
}

static void a_blocking_socket_makes_no_difference(void)
{
    did("made the socket a blocking one, and sent %d bytes to a peer that does not read, within 0.1 seconds", MUCH);
    begin();
    fcntl(ends[0], F_SETFL, 0);
    expect_between("the seconds it took", 0.09, patience(), send_too_much(0.1));
    end();
}

static void without_time_it_sends_what_fits(void)
{
    size_t sent = NOT_SET;
    did("sent %d bytes within 0 seconds", LETTERS);
    begin();
    expect_result(0, write_pieces(ends[0], pieces, PIECES, 0, &sent));
    expect_letters(sent);
    end();
    did("sent %d bytes to a peer that does not read, within 0 seconds", MUCH);
    begin();
    send_too_much(0);
    end();
}

static void a_broken_connection_is_told_and_kills_nobody(void)
{
    size_t sent = NOT_SET;
    did("closed the peer, and sent %d bytes", LETTERS);
    begin();
    close_socket(ends[1]);
    expect_result(-EPIPE, write_pieces(ends[0], pieces, PIECES, 1, &sent));
    expect_int("*sent", 0, (long long)sent);
    close_socket(ends[0]);
}

static void how_far_it_came_is_told_in_each_case(void)
{
    size_t sent = NOT_SET;
    did("sent %d bytes over a connection that takes 60 bytes twice and is reset then", LETTERS);
    begin();
    fault_short_writes(60);
    kernel_fail(KERNEL_SEND, ECONNRESET, 2, 1);
    expect_result(-ECONNRESET, write_pieces(ends[0], pieces, PIECES, 1, &sent));
    faults_end();
    end_sending(ends[0]);
    expect_int("*sent, which is to be what the peer finds", (long long)receive(ends[1], much, LETTERS, patience()),
        (long long)sent);
    end();
}

static void more_pieces_than_one_call_takes(void)
{
    static struct iovec many[MANY];
    static char bytes[MANY], arrived[MANY + 1];
    size_t sent = NOT_SET;
    did("sent %d pieces of one byte each", MANY);
    tcp_pair(ends);
    for (size_t i = 0; i < MANY; i++) {
        bytes[i] = (char)('a' + i % 26);
        many[i] = (struct iovec){.iov_base = bytes + i, .iov_len = 1};
    }
    expect_result(0, write_pieces(ends[0], many, MANY, patience(), &sent));
    end_sending(ends[0]);
    expect_bytes("what arrived", bytes, sizeof bytes, arrived, receive(ends[1], arrived, sizeof arrived, patience()));
    expect_int("*sent", MANY, (long long)sent);
    end();
}

static void the_pieces_stay_as_they_are(void)
{
    struct iovec before[PIECES];
    did("sent %d bytes in %d pieces to a socket that takes 30 bytes at a time, and looked at the list of pieces again",
        LETTERS,
        PIECES);
    begin();
    memcpy(before, pieces, sizeof before);
    fault_short_writes(30);
    send_the_letters();
    for (size_t i = 0; i < PIECES; i++)
        expect(pieces[i].iov_base == before[i].iov_base && pieces[i].iov_len == before[i].iov_len,
            "each piece as it was", "that piece %zu begins elsewhere, or has %zu bytes instead of %zu", i,
                pieces[i].iov_len,
            before[i].iov_len);
    end();
}

static const struct grader_test tests[] = {
    GRADER_TEST(in_fair_weather_everything_arrives),
    GRADER_TEST(a_part_that_was_taken_is_not_sent_again),
    GRADER_TEST(a_signal_in_between_changes_nothing),
    GRADER_TEST(no_room_now_is_no_failure),
    GRADER_TEST(the_time_is_kept_when_nobody_reads),
    GRADER_TEST(while_there_is_no_room_it_sleeps),
    GRADER_TEST(signals_do_not_begin_the_time_anew),
    GRADER_TEST(a_blocking_socket_makes_no_difference),
    GRADER_TEST(without_time_it_sends_what_fits),
    GRADER_TEST(a_broken_connection_is_told_and_kills_nobody),
    GRADER_TEST(how_far_it_came_is_told_in_each_case),
    GRADER_TEST(more_pieces_than_one_call_takes),
    GRADER_TEST(the_pieces_stay_as_they_are),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
