/* Judges a client with many questions: what it sends and when, and which answers reach which question. The loop's clock
   is the test's own, and the server is a socket in the test's hands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asker.h"
#include "datagram_transport.h"
#include "grader.h"

static struct loop *loop;
static struct transport *transport;
static struct asker asker;
static int server;
static double now;
static char story[600]; /* what the questions heard: text=answer; */

static double tell_time(void *unused)
{
    (void)unused;
    return now;
}

static void turn(void)
{
    kernel_wait_at_most(0);
    for (int i = 0; i < 8; i++)
        loop_run_once(loop);
}

static void pass_time(double seconds)
{
    now += seconds;
    turn();
}

static void begin(double wait, int tries)
{
    int ends[2];
    now = 1000;
    story[0] = '\0';
    asker = (struct asker){.wait = wait, .tries = tries};
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(loop, tell_time, NULL);
    struct protocol *protocol = asker_protocol(&asker);
    expect(protocol != NULL, "a protocol from asker_protocol", "NULL");
    expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0, "two sockets", "%s", strerror(errno));
    server = ends[1];
    transport = transport_retain(datagram_transport_create(loop, ends[0], protocol, NULL, NULL));
    turn();
}

static void end(void)
{
    transport_release(transport);
    loop_free(loop);
    close(server);
}

static void note(struct question *question, const char *answer, size_t size)
{
    size_t length = strlen(story);
    if (answer == NULL)
        snprintf(story + length, sizeof story - length, "%s: none; ", question->text);
    else
        snprintf(story + length, sizeof story - length, "%s: %.*s; ", question->text, (int)size, answer);
}

static void ask(struct question *question, const char *text)
{
    *question = (struct question){.text = text, .done = note};
    expect_int("what asker_ask returns", 0, asker_ask(&asker, question));
}

/* The next datagram that the server has, in one of a few buffers; NULL if there is none. */
static const char *next_asked(void)
{
    static char texts[8][500];
    static int which;
    char *text = texts[which++ % 8];
    ssize_t size = recvfrom(server, text, 499, MSG_DONTWAIT, NULL, NULL);
    if (size < 0)
        return NULL;
    text[size] = '\0';
    return text;
}

static int count_asked(void)
{
    int count = 0;
    while (next_asked() != NULL)
        count++;
    return count;
}

/* Takes a datagram "NUMBER TEXT" apart. */
static unsigned long number_of_next(const char *text)
{
    unsigned long number = 0;
    int used = 0;
    const char *asked = next_asked();
    expect(asked != NULL, "a datagram for the question", "none");
    bool right = sscanf(asked, "%lu%n", &number, &used) == 1 && asked[used] == ' ';
    right = right && strcmp(asked + used + 1, text) == 0;
    expect(right, "NUMBER, a blank, and the text of the question", "%s", quoted(asked, strlen(asked)));
    return number;
}

static void reply_text(const char *text)
{
    expect(sendto(server, text, strlen(text), 0, NULL, 0) >= 0, "a datagram to be sent", "%s", strerror(errno));
    turn();
}

static void reply(unsigned long number, const char *answer)
{
    char text[200];
    snprintf(text, sizeof text, "%lu %s", number, answer);
    reply_text(text);
}

static void an_answer_reaches_its_question(void)
{
    struct question one;
    did("asked one question, and answered it");
    begin(1, 3);
    ask(&one, "who");
    reply(number_of_next("who"), "me and you");
    expect_text("what the questions heard", "who: me and you; ", story);
    pass_time(60);
    expect_int("the number of datagrams after that", 0, count_asked());
    end();
}

static void answers_may_come_in_any_order(void)
{
    struct question questions[3];
    did("asked three questions at once, and answered them from the last to the first");
    begin(1, 3);
    ask(&questions[0], "a");
    ask(&questions[1], "b");
    ask(&questions[2], "c");
    unsigned long a = number_of_next("a"), b = number_of_next("b"), c = number_of_next("c");
    expect(a != b && b != c && a != c, "three numbers", "%lu, %lu, %lu", a, b, c);
    reply(c, "3");
    reply(b, "");
    reply(a, "1");
    expect_text("what the questions heard", "c: 3; b: ; a: 1; ", story);
    end();
}

static void waits_double_and_have_an_end(void)
{
    struct question one;
    did("asked with a wait of 1 s and 3 tries, and did not answer");
    begin(1, 3);
    ask(&one, "who");
    expect_int("the number of datagrams at once", 1, count_asked());
    pass_time(0.9);
    expect_int("the number after 0.9 s", 0, count_asked());
    pass_time(0.2);
    expect_int("the number after 1.1 s", 1, count_asked());
    pass_time(1.8);
    expect_int("the number after 2.9 s", 0, count_asked());
    pass_time(0.3);
    expect_int("the number after 3.2 s", 1, count_asked());
    pass_time(3.6);
    expect_text("what the question heard after 6.8 s", "", story);
    pass_time(0.6);
    expect_text("what it heard after 7.4 s", "who: none; ", story);
    expect_int("the number of datagrams after the third", 0, count_asked());
    end();
}

static void a_late_answer_counts(void)
{
    struct question one;
    did("answered the first try after the second had been sent");
    begin(1, 3);
    ask(&one, "who");
    unsigned long first = number_of_next("who");
    pass_time(1.1);
    expect_int("the number of datagrams after 1.1 s", 1, count_asked());
    reply(first, "me");
    expect_text("what the question heard", "who: me; ", story);
    end();
}

static void a_second_answer_is_ignored(void)
{
    struct question one;
    did("answered twice");
    begin(1, 3);
    ask(&one, "who");
    unsigned long number = number_of_next("who");
    reply(number, "me");
    reply(number, "you");
    expect_text("what the question heard", "who: me; ", story);
    end();
}

static void what_is_no_answer_is_ignored(void)
{
    struct question one;
    char text[60];
    did("sent what is no answer, and a refusal of the network");
    begin(1, 3);
    ask(&one, "who");
    unsigned long number = number_of_next("who");
    const char *const forms[] = {"%lu", "%lux me", "-%lu me", " %lu me", "1%lu me", "%lu,me"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t before = strcspn(forms[i], "%");
        snprintf(text, sizeof text, "%.*s%lu%s", (int)before, forms[i], number, forms[i] + before + 3);
        reply_text(text);
        expect(story[0] == '\0', "the question to hear nothing", "%s after %s", quoted(story, strlen(story)),
            quoted(text, strlen(text)));
    }
    reply_text("");
    kernel_fail(KERNEL_RECEIVE, ECONNREFUSED, 0, 1);
    reply(number, "me");
    turn();
    expect_text("what the question heard in the end", "who: me; ", story);
    end();
}

/* What an earlier datagram left in the loop's buffer must not lengthen a later one. */
static void a_number_ends_where_its_datagram_ends(void)
{
    struct question one;
    char text[60];
    did("sent a datagram with another number and a long text, and then the digits of the number alone");
    begin(1, 3);
    ask(&one, "who");
    unsigned long number = number_of_next("who");
    snprintf(text, sizeof text, "%lu", number + 7);
    memset(text, '0', strlen(text));
    strcat(text, " nobody");
    reply_text(text);
    snprintf(text, sizeof text, "%lu", number);
    reply_text(text);
    expect_text("what the question heard", "", story);
    reply(number, "me");
    expect_text("what it heard of the answer", "who: me; ", story);
    end();
}

static void ask_again(struct question *question, const char *answer, size_t size)
{
    note(question, answer, size);
    if (strlen(story) < 60)
        expect_int("what asker_ask returns inside done", 0, asker_ask(&asker, question));
}

static void done_may_ask_again(void)
{
    struct question one, other;
    did("a question asks itself again in done, whether it was answered or not");
    begin(1, 1);
    ask(&other, "other");
    one = (struct question){.text = "again", .done = ask_again};
    asker_ask(&asker, &one);
    unsigned long number = number_of_next("other");
    unsigned long first = number_of_next("again");
    reply(first, "yes");
    unsigned long second = number_of_next("again");
    expect(first != second, "a new number for a new asking", "%lu again", second);
    reply(first, "old");
    reply(number, "fine");
    expect_text("what was heard", "again: yes; other: fine; ", story);
    pass_time(1.1);
    reply(number_of_next("again"), "yes");
    expect_text("what was heard then", "again: yes; other: fine; again: none; again: yes; ", story);
    end();
}

static void a_loss_answers_all(void)
{
    struct question questions[3], late = {.text = "late", .done = note};
    did("asked three questions, and closed the endpoint");
    begin(1, 3);
    ask(&questions[0], "a");
    ask(&questions[1], "b");
    ask(&questions[2], "c");
    transport_close(transport);
    expect_int("what asker_ask returns while it closes", -ENOTCONN, asker_ask(&asker, &late));
    turn();
    expect_int("the number of questions that heard of it", 3 * 9, (long long)strlen(story));
    expect_int("what asker_ask returns after that", -ENOTCONN, asker_ask(&asker, &late));
    pass_time(60);
    expect_int("the length of what they heard, a minute later", 3 * 9, (long long)strlen(story));
    end();
}

static void the_loop_may_end_with_open_questions(void)
{
    struct question questions[2];
    did("asked two questions, and closed the loop");
    begin(1, 3);
    ask(&questions[0], "a");
    ask(&questions[1], "b");
    expect_int("the number of datagrams", 2, count_asked());
    expect_int("the result of loop_close", 0, loop_close(loop));
    memset(questions, 0x55, sizeof questions);
    end();
}

static const struct grader_test tests[] = {
    GRADER_TEST(an_answer_reaches_its_question),
    GRADER_TEST(answers_may_come_in_any_order),
    GRADER_TEST(waits_double_and_have_an_end),
    GRADER_TEST(a_late_answer_counts),
    GRADER_TEST(a_second_answer_is_ignored),
    GRADER_TEST(what_is_no_answer_is_ignored),
    GRADER_TEST(a_number_ends_where_its_datagram_ends),
    GRADER_TEST(done_may_ask_again),
    GRADER_TEST(a_loss_answers_all),
    GRADER_TEST(the_loop_may_end_with_open_questions),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
