/* Judges a server of seats: what it answers, what it remembers, and how long. The loop's clock is the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datagram_transport.h"
#include "grader.h"
#include "loop.h"
#include "seats.h"

static struct loop *loop;
static struct transport *transport;
static struct hall hall;
static int port, server, anna, bert; /* sockets: the server's, and two clients' */
static double now;

static double tell_time(void *unused)
{
    (void)unused;
    return now;
}

static void begin(double memory, size_t most)
{
    now = 1000;
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(loop, tell_time, NULL);
    hall = (struct hall){.loop = loop, .memory = memory, .most = most};
    struct protocol *protocol = seat_server(&hall);
    expect(protocol != NULL, "a protocol from seat_server", "NULL");
    server = udp_socket(&port);
    anna = udp_socket_to(port);
    bert = udp_socket_to(port);
    transport = transport_retain(datagram_transport_create(loop, server, protocol, NULL, NULL));
    kernel_wait_at_most(0);
    for (int i = 0; i < 4; i++)
        loop_run_once(loop);
}

static void end(void)
{
    transport_release(transport);
    loop_free(loop);
    close(anna);
    close(bert);
}

/* What the server answers; "" for nothing, in one of two buffers. */
static const char *ask_within(int client, const char *question, double seconds)
{
    static char texts[2][100];
    static int which;
    char *text = texts[which++ % 2];
    expect(sendto(client, question, strlen(question), 0, NULL, 0) >= 0, "a question to be sent", "%s", strerror(errno));
    expect(!stays_silent(server, patience()), "the question to arrive", "nothing arrived");
    kernel_wait_at_most(0);
    for (int i = 0; i < 4; i++)
        loop_run_once(loop);
    bool answered = !stays_silent(client, seconds);
    ssize_t length = answered ? recvfrom(client, text, 99, MSG_DONTWAIT, NULL, NULL) : 0;
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void expect_answer(int client, const char *question, const char *answer)
{
    char what[100];
    snprintf(what, sizeof what, "%s's answer to \"%s\"", client == anna ? "Anna" : "Bert", question);
    expect_text(what, answer, ask_within(client, question, answer[0] != '\0' ? patience() / 8 : 0.02));
}

static void a_free_seat_is_booked_once(void)
{
    did("Anna and Bert asked for seats");
    begin(10, 100);
    expect_answer(anna, "1 17", "1 yes");
    expect_answer(bert, "7 17", "7 no");
    expect_answer(bert, "8 18", "8 yes");
    expect_answer(anna, "2 0", "2 no");
    expect_answer(anna, "3 101", "3 no");
    expect_answer(anna, "4 100", "4 yes");
    end();
}

static void a_repeated_question_hears_the_same_answer(void)
{
    did("Anna asked the same question three times, and Bert his twice");
    begin(10, 100);
    for (int i = 0; i < 3; i++)
        expect_answer(anna, "1 17", "1 yes");
    expect_answer(bert, "9 17", "9 no");
    hall.taken[17] = false; /* somebody gave it back */
    expect_answer(bert, "9 17", "9 no");
    expect(!hall.taken[17], "a repeated question to book nothing", "seat 17 was booked");
    expect_int("the number of remembered questions", 2, (long long)hall.remembered);
    end();
}

static void a_number_is_its_senders_own(void)
{
    did("Anna and Bert both began with number 1");
    begin(10, 100);
    expect_answer(anna, "1 17", "1 yes");
    expect_answer(bert, "1 18", "1 yes");
    expect_answer(bert, "1 18", "1 yes");
    expect_answer(anna, "1 17", "1 yes");
    expect(hall.taken[18], "seat 18 to be booked", "it is free");
    end();
}

static void what_is_no_question_is_ignored(void)
{
    static const char *const wrong[] = {"", "1", "x 1", "1 x", "1 2 3", "-1 2",
        "1234567890", "1  2"};
    did("sent what is no question");
    begin(10, 100);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_answer(anna, wrong[i], "");
    expect_int("the number of remembered questions", 0, (long long)hall.remembered);
    expect_answer(anna, "1 17", "1 yes");
    expect_int("the number of remembered questions after a right one", 1, (long long)hall.remembered);
    end();
}

static void after_its_time_a_question_is_forgotten(void)
{
    did("Anna asked, and asked the same again after 11 s; the memory is 10 s");
    begin(10, 100);
    expect_answer(anna, "1 17", "1 yes");
    now += 9;
    expect_answer(bert, "1 18", "1 yes");
    now += 2;
    expect_answer(bert, "2 19", "2 yes");
    expect_int("the number of remembered questions", 2, (long long)hall.remembered);
    expect_answer(anna, "1 17", "1 no");
    end();
}

static void the_time_begins_when_it_last_came(void)
{
    did("Anna asked the same every 6 s; the memory is 10 s");
    begin(10, 100);
    for (int i = 0; i < 5; i++) {
        expect_answer(anna, "1 17", "1 yes");
        now += 6;
    }
    now += 5;
    expect_answer(bert, "1 18", "1 yes");
    expect_int("the number of remembered questions", 1, (long long)hall.remembered);
    end();
}

static void when_the_memory_is_full_nothing_new_is_booked(void)
{
    did("there is room for 3 questions, and a fourth came");
    begin(10, 3);
    expect_answer(anna, "1 1", "1 yes");
    expect_answer(anna, "2 2", "2 yes");
    expect_answer(bert, "1 3", "1 yes");
    expect_answer(bert, "2 4", "");
    expect(!hall.taken[4], "seat 4 to be free", "it was booked");
    expect_answer(anna, "1 1", "1 yes");
    expect_answer(bert, "1 3", "1 yes");
    now += 11;
    expect_answer(bert, "2 4", "2 yes");
    end();
}

static void the_end_gives_all_memory_back(void)
{
    char question[20];
    did("remembered 50 questions, and ended");
    begin(10, 100);
    for (int i = 1; i <= 50; i++) {
        snprintf(question, sizeof question, "%d %d", i, i);
        ask_within(anna, question, patience() / 8);
    }
    expect_int("the number of remembered questions", 50, (long long)hall.remembered);
    size_t blocks = heap_blocks();
    transport_abort(transport);
    for (int i = 0; i < 4; i++)
        loop_run_once(loop);
    expect_int("the number of remembered questions at the end", 0, (long long)hall.remembered);
    expect(heap_blocks() < blocks, "memory to be given back", "%zu blocks, as before", heap_blocks());
    end();
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_free_seat_is_booked_once),
    GRADER_TEST(a_repeated_question_hears_the_same_answer),
    GRADER_TEST(a_number_is_its_senders_own),
    GRADER_TEST(what_is_no_question_is_ignored),
    GRADER_TEST(after_its_time_a_question_is_forgotten),
    GRADER_TEST(the_time_begins_when_it_last_came),
    GRADER_TEST(when_the_memory_is_full_nothing_new_is_booked),
    GRADER_TEST(the_end_gives_all_memory_back),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
