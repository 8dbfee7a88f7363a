/* Judges a chat: who hears what, and what becomes of those who leave, break, or do not read. */
#include "grader.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CLIENTS = 4, PIECE = 16000, MUCH = 320 * PIECE };

static struct program *chat;
static int client[MOST_CLIENTS]; /* sockets */
static int come;                 /* how many clients have come */

static const char *name_of(int who)
{
    static const char *const names[MOST_CLIENTS] = {"the first client", "the second client", "the third client",
        "the fourth client"};
    return names[who];
}

/* What comes for a client, without the + that newcomers say. */
static size_t hear(int who, char *data, size_t size, double seconds)
{
    size_t heard = 0, came;
    while (heard < size && (came = receive(client[who], data + heard, size - heard, seconds)) > 0)
        for (size_t i = heard, end = heard + came; i < end; i++)
            if (data[i] != '+')
                data[heard++] = data[i];
    return heard;
}

static void expect_heard(int who, const char *text)
{
    char heard[64], what[64];
    snprintf(what, sizeof what, "what %s hears", name_of(who));
    size_t size = hear(who, heard, strlen(text), patience());
    expect_bytes(what, text, strlen(text), heard, size);
}

/* One more comes. The others hear him say +, so he is in the chat from here on. */
static void let_come(int fd)
{
    char plus[2] = "";
    client[come] = fd;
    if (come > 0)
        send_text(fd, "+");
    for (int who = 0; who < come; who++) {
        size_t size = receive(client[who], plus, 1, patience());
        expect(size == 1 && *plus == '+', "the + of a newcomer to reach the others", "%s",
            size == 1 ? "something else" : "that it did not come");
    }
    come++;
}

static int begin(int clients)
{
    chat = program_start("--port", "0", NULL);
    int port = program_port(chat);
    for (int i = 0; i < clients; i++)
        let_come(connect_to(port));
    return port;
}

static void interrupt_it(void)
{
    program_signal(chat, SIGINT);
    expect_int("the exit status after Ctrl-C", 0, program_wait(chat));
    expect_text("its standard error", "", program_error(chat));
}

static void end(void)
{
    interrupt_it();
    for (int who = 0; who < come; who++)
        close_socket(client[who]);
}

static void what_one_says_reaches_the_others(void)
{
    did("connected four clients; each newcomer says +, and the others wait to hear it");
    begin(4);
    did("let the third one say \"good morning\", and then the first one \"hello\"");
    send_text(client[2], "good morning");
    for (int who = 0; who < 4; who++)
        if (who != 2)
            expect_heard(who, "good morning");
    send_text(client[0], "hello");
    for (int who = 1; who < 4; who++)
        if (who != 2)
            expect_heard(who, "hello");
    end();
}

static void nobody_hears_himself(void)
{
    did("let the first of two clients say \"ping\", and then the second one \"pong\"");
    begin(2);
    send_text(client[0], "ping");
    expect_heard(1, "ping");
    send_text(client[1], "pong");
    expect_heard(0, "pong");
    did("let the first one speak again");
    send_text(client[0], "and?");
    expect_heard(1, "and?");
    end();
}

static void who_leaves_is_missed_by_nobody(void)
{
    did("let the second of three clients leave, and then the others speak");
    int port = begin(3);
    close_socket(client[1]);
    for (int i = 0; i < 3; i++) {
        send_text(client[0], "still here?");
        expect_heard(2, "still here?");
        send_text(client[2], "yes");
        expect_heard(0, "yes");
    }
    did("let somebody new come");
    client[1] = client[2];
    come = 2;
    let_come(connect_to(port));
    end();
}

static void a_broken_connection_ends_nothing(void)
{
    did("let the last of three clients vanish with a reset while the others talk");
    begin(3);
    send_text(client[0], "one");
    expect_heard(1, "one");
    close_with_reset(client[2]);
    come = 2;
    for (int i = 0; i < 20; i++) {
        send_text(client[0], "two");
        expect_heard(1, "two");
        send_text(client[1], "three");
        expect_heard(0, "three");
    }
    end();
}

static char said(size_t place)
{
    return (char)('A' + (place * 2654435761u >> 16) % 26);
}

/* The first client says it, piece by piece, and the second one hears each piece before the next. */
static void talk(size_t from, size_t to)
{
    char piece[PIECE], heard[PIECE];
    while (from < to) {
        for (size_t i = 0; i < PIECE; i++)
            piece[i] = said(from + i);
        send_to(client[0], piece, PIECE);
        size_t size = hear(1, heard, PIECE, patience());
        expect(size == PIECE && memcmp(piece, heard, PIECE) == 0, "the second client to hear every piece",
            "that after %zu bytes nothing more came, or something else", from + size);
        from += PIECE;
    }
}

static void a_silent_reader_stops_nobody(void)
{
    did("let the first of three clients say %d bytes, the second one hear them, and the third one read nothing", MUCH);
    int port = begin(2);
    let_come(connect_with_buffers(port, 4096));
    talk(0, MUCH);
    end();
}

/* What has come for the third client continues what he has heard. Ends when nothing comes for so long. */
static size_t hear_more(size_t place, double seconds)
{
    char heard[4096];
    size_t size;
    while ((size = hear(2, heard, sizeof heard, seconds)) > 0)
        for (size_t i = 0; i < size; i++, place++)
            expect(heard[i] == said(place), "the third client to hear a beginning, without a hole",
                "a hole after %zu bytes", place);
    return place;
}

static void who_does_not_keep_up_hears_a_beginning_and_an_end(void)
{
    did("let the first of three clients say %d bytes while the third one reads nothing; then the third one reads what "
        "has come for him, and the first one says more",
        MUCH);
    int port = begin(2);
    let_come(connect_with_buffers(port, 4096));
    talk(0, MUCH);
    size_t place = hear_more(0, 1);
    expect(place > 0 && place < MUCH, "the third client to hear a beginning", "%zu bytes", place);
    talk(MUCH, MUCH + PIECE);
    place = hear_more(place, patience());
    expect(receives_end(client[2], patience()), "the stream to end behind it", "nothing after %zu bytes, and no end",
        place);
    end();
}

static void interrupted_it_ends_well(void)
{
    did("let two clients come and one of them say \"bye\", and pressed Ctrl-C");
    begin(2);
    send_text(client[0], "bye");
    expect_heard(1, "bye");
    interrupt_it();
    did("looked whether the clients see the end");
    for (int who = 0; who < 2; who++) {
        expect(receives_end(client[who], patience()), "both to see it", "that %s did not", name_of(who));
        close_socket(client[who]);
    }
}

static const struct grader_test tests[] = {
    GRADER_TEST(what_one_says_reaches_the_others),
    GRADER_TEST(nobody_hears_himself),
    GRADER_TEST(who_leaves_is_missed_by_nobody),
    GRADER_TEST(a_broken_connection_ends_nothing),
    GRADER_TEST(a_silent_reader_stops_nobody),
    GRADER_TEST(who_does_not_keep_up_hears_a_beginning_and_an_end),
    GRADER_TEST(interrupted_it_ends_well),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
