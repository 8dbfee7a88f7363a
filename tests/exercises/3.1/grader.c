/* 3.1, the whole echo. The grader is the server: it answers in pieces, waits, lies and leaves. */
#include <stdio.h>
#include <string.h>

#include "grader.h"

struct meeting {
    struct program *program;
    int listener, fd;
};

static struct meeting meet(const char *message, const char *times)
{
    struct meeting meeting;
    int port;
    char text[20];
    const char *shown = strlen(message) > 40 ? "a long message" : quoted(message, strlen(message));
    did("let the program say %s, --times %s", shown, times);
    meeting.listener = listen_on(&port);
    snprintf(text, sizeof text, "%d", port);
    meeting.program = program_start("--port", text, "--times", times, message, NULL);
    double end = seconds_now() + patience();
    while (stays_silent(meeting.listener, 0.02) && seconds_now() < end)
        if (program_resident(meeting.program) == 0 && stays_silent(meeting.listener, 0))
            end = 0;
    meeting.fd = end > 0 ? accept_from(meeting.listener) : -1;
    expect(meeting.fd >= 0, "the program to connect", "nobody; its standard error: %s", program_error(meeting.program));
    return meeting;
}

static void hear(struct meeting *meeting, const char *message)
{
    char text[100] = "";
    size_t size = receive(meeting->fd, text, strlen(message), patience());
    expect_bytes("what the program says", message, strlen(message), text, size);
}

static void part(struct meeting *meeting, int status)
{
    close_socket(meeting->fd);
    close_socket(meeting->listener);
    expect_int("its exit status", status, program_wait(meeting->program));
}

static void expect_line(struct meeting *meeting, const char *line)
{
    expect_text("its next line", line, program_read_line(meeting->program));
}

static void an_echo_in_one_piece_ends_the_client(void)
{
    struct meeting meeting = meet("Hello", "1");
    hear(&meeting, "Hello");
    did("echoed \"Hello\" at once, and kept the connection open");
    send_text(meeting.fd, "Hello");
    expect_line(&meeting, "Echo 1: 5 bytes");
    expect(receives_end(meeting.fd, patience()), "the program to close the connection", "it stays open");
    part(&meeting, 0);
}

static void an_echo_in_pieces_is_waited_for(void)
{
    struct meeting meeting = meet("Hello", "1");
    hear(&meeting, "Hello");
    did("echoed \"Hel\", and nothing more for a while");
    send_text(meeting.fd, "Hel");
    expect(stays_silent(meeting.fd, 0.05), "the program to wait for the other two bytes",
        "it closed the connection, or said something");
    did("echoed \"lo\"");
    send_text(meeting.fd, "lo");
    expect_line(&meeting, "Echo 1: 5 bytes");
    part(&meeting, 0);
}

/* In pieces that no end of a delivery can be mistaken for. */
static void a_long_echo_is_one_echo(void)
{
    enum { SIZE = 100000 };
    static char message[SIZE + 1], echo[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        message[i] = (char)('a' + i % 23);
    struct meeting meeting = meet(message, "1");
    expect_int("the bytes that the program says", SIZE, (long long)receive(meeting.fd, echo, SIZE, patience()));
    did("echoed its 100000 bytes, 1000 at a time");
    for (size_t at = 0; at < SIZE; at += 1000)
        send_to(meeting.fd, echo + at, 1000);
    expect_line(&meeting, "Echo 1: 100000 bytes");
    part(&meeting, 0);
}

static void the_next_message_waits_for_the_whole_echo(void)
{
    struct meeting meeting = meet("Hello", "2");
    hear(&meeting, "Hello");
    did("echoed \"Hell\"");
    send_text(meeting.fd, "Hell");
    expect(stays_silent(meeting.fd, 0.05), "the second message to wait for the last byte",
        "it was said, or the connection closed");
    did("echoed \"o\"");
    send_text(meeting.fd, "o");
    expect_line(&meeting, "Echo 1: 5 bytes");
    hear(&meeting, "Hello");
    send_text(meeting.fd, "Hello");
    expect_line(&meeting, "Echo 2: 5 bytes");
    expect(receives_end(meeting.fd, patience()), "the program to close the connection",
        "it stays open, or more was said");
    part(&meeting, 0);
}

static void twenty_messages_are_said_one_after_the_other(void)
{
    char line[40];
    struct meeting meeting = meet("again", "20");
    for (int i = 1; i <= 20; i++) {
        hear(&meeting, "again");
        send_text(meeting.fd, "again");
        snprintf(line, sizeof line, "Echo %d: 5 bytes", i);
        expect_line(&meeting, line);
    }
    part(&meeting, 0);
}

static void an_empty_message_needs_no_answer(void)
{
    const char *line;
    struct meeting meeting = meet("", "2");
    did("sent nothing");
    line = program_read_line_within(meeting.program, patience() / 3);
    expect_text("its first line", "Echo 1: 0 bytes", line);
    line = program_read_line_within(meeting.program, patience() / 3);
    expect_text("its second line", "Echo 2: 0 bytes", line);
    part(&meeting, 0);
}

static void a_server_that_leaves_early_is_reported(void)
{
    struct meeting meeting = meet("Hello World!", "1");
    hear(&meeting, "Hello World!");
    did("echoed \"Hel\", and closed");
    send_text(meeting.fd, "Hel");
    part(&meeting, 1);
    expect_text("its standard error", "whole_echo: the server left after 3 of 12 bytes of echo 1\n",
        program_error(meeting.program));
}

static void another_text_is_no_echo(void)
{
    struct meeting meeting = meet("Hello", "1");
    hear(&meeting, "Hello");
    did("answered \"Hexlo\"");
    send_text(meeting.fd, "Hexlo");
    expect_int("its exit status", 1, program_wait(meeting.program));
    expect_text("its standard error", "whole_echo: echo 1 differs\n", program_error(meeting.program));
    close_socket(meeting.fd);
    close_socket(meeting.listener);
}

static void more_than_was_said_is_no_echo(void)
{
    struct meeting meeting = meet("Hello", "2");
    hear(&meeting, "Hello");
    did("answered \"HelloHello\" to the first message");
    send_text(meeting.fd, "HelloHello");
    expect_int("its exit status", 1, program_wait(meeting.program));
    expect_text("its standard error", "whole_echo: echo 1 differs\n", program_error(meeting.program));
    close_socket(meeting.fd);
    close_socket(meeting.listener);
}

static const struct grader_test tests[] = {
    GRADER_TEST(an_echo_in_one_piece_ends_the_client),
    GRADER_TEST(an_echo_in_pieces_is_waited_for),
    GRADER_TEST(a_long_echo_is_one_echo),
    GRADER_TEST(the_next_message_waits_for_the_whole_echo),
    GRADER_TEST(twenty_messages_are_said_one_after_the_other),
    GRADER_TEST(an_empty_message_needs_no_answer),
    GRADER_TEST(a_server_that_leaves_early_is_reported),
    GRADER_TEST(another_text_is_no_echo),
    GRADER_TEST(more_than_was_said_is_no_echo),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
