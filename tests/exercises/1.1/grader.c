/* Judges a pipe of signals: what comes out, what happens when it is full, and what is left when it is closed. */
#include "grader.h"
#include "signal_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031 /* Linux; <fcntl.h> has it for those who ask for more than POSIX */
#endif

enum { SMALL_PIPE = 4096, MORE_THAN_FITS = 5000 };

static int heard; /* by the handler that was there before */

static void hear(int signal)
{
    (void)signal;
    heard++;
}

static void handle_by(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

static void open_and_catch_both(void)
{
    handle_by(SIGUSR1, SIG_IGN);
    handle_by(SIGUSR2, SIG_IGN);
    expect_int("what signal_pipe_open returns", 0, signal_pipe_open());
    expect_int("what signal_pipe_catch(SIGUSR1) returns", 0, signal_pipe_catch(SIGUSR1));
    expect_int("what signal_pipe_catch(SIGUSR2) returns", 0, signal_pipe_catch(SIGUSR2));
}

static const char *name_of(int signal)
{
    return signal == SIGUSR1 ? "SIGUSR1" : signal == SIGUSR2 ? "SIGUSR2" : signal == 0 ? "nothing" : "another number";
}

static void expect_next(int signal)
{
    expect_text("the next signal", name_of(signal), name_of(signal_pipe_next()));
}

static void a_signal_becomes_a_number(void)
{
    struct pollfd readable = {.events = POLLIN};
    did("caught SIGUSR1 and SIGUSR2, and sent SIGUSR2");
    open_and_catch_both();
    readable.fd = signal_pipe_descriptor();
    expect_int("the number of readable descriptors before the signal", 0, poll(&readable, 1, 0));
    raise(SIGUSR2);
    expect_int("the number of readable descriptors after it", 1, poll(&readable, 1, 0));
    expect_next(SIGUSR2);
    expect_next(0);
    signal_pipe_close();
}

static void signals_come_out_in_the_order_in_which_they_came(void)
{
    const int order[] = {SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR2};
    did("sent SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR2, one after the other");
    open_and_catch_both();
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        raise(order[i]);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        expect_next(order[i]);
    expect_next(0);
    signal_pipe_close();
}

/* SIGUSR2 once, and then SIGUSR1 until the pipe is full, and on. */
static void fill_the_pipe(void)
{
    open_and_catch_both();
    fcntl(signal_pipe_descriptor(), F_SETPIPE_SZ, SMALL_PIPE);
    raise(SIGUSR2);
    for (int i = 0; i < MORE_THAN_FITS; i++)
        raise(SIGUSR1);
}

static void a_full_pipe_stops_nobody(void)
{
    int kept = 0;
    did("made the pipe as small as the kernel lets it be, sent SIGUSR2 once and then SIGUSR1 %d times, with nobody "
        "reading",
        MORE_THAN_FITS);
    fill_the_pipe();
    expect(signal_pipe_next() == SIGUSR2, "the first signal to stand at the front still", "only the newest were kept");
    while (kept <= MORE_THAN_FITS && signal_pipe_next() == SIGUSR1)
        kept++;
    expect(kept > 500 && kept < MORE_THAN_FITS, "as many to be kept as fit, and the others to be lost", "%d of them",
        kept);
    did("read all of them, and sent one more");
    raise(SIGUSR2);
    expect_next(SIGUSR2);
    expect_next(0);
    signal_pipe_close();
}

static void what_a_signal_interrupts_finds_its_errno_unchanged(void)
{
    did("filled the pipe, set errno to ENOENT, and sent SIGUSR1");
    fill_the_pipe();
    errno = ENOENT;
    raise(SIGUSR1);
    expect_text("the reason in errno", strerror(ENOENT), strerror(errno));
    signal_pipe_close();
}

static void two_that_are_let_in_together_keep_their_order(void)
{
    sigset_t both, before;
    did("blocked SIGUSR1 and SIGUSR2, sent both, and let them in (the kernel begins with the lower number, SIGUSR1)");
    open_and_catch_both();
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigprocmask(SIG_BLOCK, &both, &before);
    raise(SIGUSR1);
    raise(SIGUSR2);
    sigprocmask(SIG_SETMASK, &before, NULL);
    expect_next(SIGUSR1);
    expect_next(SIGUSR2);
    signal_pipe_close();
}

static void expect_handled_as_before(void)
{
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    expect(now.sa_handler == hear, "SIGUSR1 to be handled by the program's own handler again", "%s",
        now.sa_handler == SIG_DFL   ? "that it does what it does by default"
        : now.sa_handler == SIG_IGN ? "that it is ignored"
                                    : "that it still goes to the signal pipe");
}

static void closing_gives_the_signals_back(void)
{
    did("installed a handler for SIGUSR1, opened the pipe, caught SIGUSR1 twice over, and closed the pipe");
    handle_by(SIGUSR1, hear);
    for (int round = 0; round < 2; round++) {
        expect_int("what signal_pipe_open returns", 0, signal_pipe_open());
        signal_pipe_catch(SIGUSR1);
        signal_pipe_catch(SIGUSR1);
        raise(SIGUSR1);
        expect_next(SIGUSR1);
        signal_pipe_close();
        expect_handled_as_before();
        raise(SIGUSR1);
        expect_int("the number of calls of the program's own handler", round + 1, heard);
        did("did all of it once more");
    }
}

static void nothing_is_written_after_closing(void)
{
    int others[2];
    char bytes[8];
    did("caught SIGUSR1 and SIGUSR2, closed the signal pipe, opened another pipe, and sent both");
    open_and_catch_both();
    signal_pipe_close();
    if (pipe(others) < 0 || fcntl(others[0], F_SETFL, O_NONBLOCK) < 0)
        expect(false, "a pipe", "%s", strerror(errno));
    raise(SIGUSR1);
    raise(SIGUSR2);
    ssize_t strange = read(others[0], bytes, sizeof bytes);
    expect_int("the number of bytes in the other pipe", 0, strange > 0 ? strange : 0);
    close(others[0]);
    close(others[1]);
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_signal_becomes_a_number),
    GRADER_TEST(signals_come_out_in_the_order_in_which_they_came),
    GRADER_TEST(a_full_pipe_stops_nobody),
    GRADER_TEST(what_a_signal_interrupts_finds_its_errno_unchanged),
    GRADER_TEST(two_that_are_let_in_together_keep_their_order),
    GRADER_TEST(closing_gives_the_signals_back),
    GRADER_TEST(nothing_is_written_after_closing),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
