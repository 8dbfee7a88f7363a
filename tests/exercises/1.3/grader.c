/* Judges idle work: what goes before it, how much of it a pass does, and what becomes of it in the end. */
#include "grader.h"
#include "idle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What happened: letters, in the order in which they were said. */
static char story[64];
static struct loop *loop;
static int passes; /* as counted by the clock, which each pass reads when a timer is armed */

static void say(void *context)
{
    const char *letter = context;
    size_t length = strlen(story);
    if (length + 1 < sizeof story)
        story[length] = *letter;
}

static void begin(void)
{
    loop = loop_create(&idle_methods);
    expect(loop != NULL, "a loop that waits with idle_methods", "none: %s", strerror(errno));
}

static void end(void)
{
    loop_free(loop);
}

static struct handle saying(const char *letter)
{
    return (struct handle){.function = say, .context = (void *)letter};
}

static void when_idle(struct handle *handle)
{
    expect_int("what loop_call_when_idle returns", 0, loop_call_when_idle(loop, handle));
}

static void say_and_stop(void *letter)
{
    say(letter);
    loop_stop(loop);
}

static struct handle ending(const char *letter)
{
    return (struct handle){.function = say_and_stop, .context = (void *)letter};
}

static const double beat = 0.01;
static struct timer_handle heart;
static int beats_left;

/* Says nothing until it has become tired; it lets even a loop come round that sleeps too soon. */
static void beat_again(void *context)
{
    (void)context;
    if (--beats_left > 0)
        loop_call_later(loop, beat, &heart);
    else
        say_and_stop("-");
}

static void run_for(double seconds)
{
    struct timer_handle last_call;
    timer_handle_init(&last_call, say_and_stop, "");
    loop_call_later(loop, seconds, &last_call);
    loop_run_forever(loop);
}

/* Runs the loop until somebody stops it; after a second without that, it says a dash. */
static void run(void)
{
    beats_left = 100;
    timer_handle_init(&heart, beat_again, NULL);
    loop_call_later(loop, beat, &heart);
    loop_run_forever(loop);
    timer_handle_cancel(&heart);
}

static void an_idle_handle_is_called_once(void)
{
    struct handle idle = ending("i");
    did("queued an idle handle that stops the loop, i, and ran the loop");
    begin();
    when_idle(&idle);
    expect_text("what was called before the loop ran", "", story);
    run();
    expect_text("what was called", "i", story);
    did("ran it for a moment more");
    run_for(0.01);
    expect_text("what was called", "i", story);
    end();
}

static struct handle second, third;

static void say_and_go_on(void *letter)
{
    say(letter);
    loop_call_soon(loop, *story != '\0' && strlen(story) == 1 ? &second : &third);
}

static void what_is_queued_goes_first(void)
{
    struct handle idle = ending("i"), first = {.function = say_and_go_on, .context = "1"};
    did("queued an idle handle, i, and after it with loop_call_soon a handle that queues a second one, which queues "
        "a third");
    begin();
    second = (struct handle){.function = say_and_go_on, .context = "2"};
    third = saying("3");
    when_idle(&idle);
    loop_call_soon(loop, &first);
    run();
    expect_text("what was called", "123i", story);
    end();
}

struct listener {
    struct handle handle;
    int fd;
};

static void hear(void *context)
{
    struct listener *listener = context;
    char letter[2] = "";
    if (read(listener->fd, letter, 1) == 1)
        say(letter);
    if (*letter == 'z')
        loop_stop(loop);
}

static void listen_to(struct listener *listener, int fd)
{
    listener->fd = fd;
    handle_init(&listener->handle, hear, listener);
    expect_int("what loop_add_reader returns", 0, loop_add_reader(loop, fd, &listener->handle));
}

static int pipe_ends[2];

static void make_pipe(const char *text)
{
    expect(pipe(pipe_ends) == 0 && write(pipe_ends[1], text, strlen(text)) == (ssize_t)strlen(text), "a pipe", "%s",
        strerror(errno));
}

static void close_pipe(void)
{
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static void what_is_readable_goes_first(void)
{
    struct handle idle = ending("i");
    struct listener listener;
    did("queued an idle handle, i, and watched a pipe in which three bytes, abc, wait, with a reader that takes one "
        "at a time");
    begin();
    make_pipe("abc");
    when_idle(&idle);
    listen_to(&listener, pipe_ends[0]);
    run();
    expect_text("what was called", "abci", story);
    end();
    close_pipe();
}

static void say_and_write(void *letter)
{
    say(letter);
    expect(write(pipe_ends[1], "x", 1) == 1, "to write into a pipe", "%s", strerror(errno));
}

static void one_a_pass_in_their_order(void)
{
    struct listener listener;
    struct handle idle[3] = {{.function = say_and_write, .context = "1"}, saying("2"), ending("3")};
    did("queued three idle handles; the first of them writes x into a pipe that the loop watches");
    begin();
    make_pipe("");
    listen_to(&listener, pipe_ends[0]);
    for (int i = 0; i < 3; i++)
        when_idle(&idle[i]);
    run();
    expect_text("what was called", "1x23", story);
    end();
    close_pipe();
}

static void it_does_not_wait_for_the_next_event(void)
{
    struct handle idle = ending("i");
    struct timer_handle late;
    did("armed a timer for in a second's time, t, queued an idle handle that stops the loop, i, and ran the loop");
    begin();
    timer_handle_init(&late, say_and_stop, "t");
    loop_call_later(loop, 1, &late);
    when_idle(&idle);
    loop_run_forever(loop);
    expect_text("what was called", "i", story);
    end();
}

static struct handle restless;
static long times;

static void go_on(void *context)
{
    (void)context;
    if (++times == 10)
        expect(write(pipe_ends[1], "xyz", 3) == 3, "to write into a pipe", "%s", strerror(errno));
    loop_call_when_idle(loop, &restless);
}

static void one_that_queues_itself_starves_nobody(void)
{
    struct listener listener;
    did("queued an idle handle that queues itself again and the tenth time writes xyz into a pipe, from which the "
        "loop reads a byte a pass");
    begin();
    make_pipe("");
    handle_init(&restless, go_on, NULL);
    when_idle(&restless);
    listen_to(&listener, pipe_ends[0]);
    run();
    expect_text("what was read", "xyz", story);
    expect(times >= 10, "the idle handle to be called again and again", "%ld calls", times);
    handle_cancel(&restless);
    end();
    close_pipe();
}

static double counting_clock(void *context)
{
    (void)context;
    passes++;
    loop_set_clock(loop, NULL, NULL);
    double now = loop_time(loop);
    loop_set_clock(loop, counting_clock, NULL);
    return now;
}

static void without_idle_work_the_loop_sleeps(void)
{
    const int enough = 20;
    struct handle idle = ending("i");
    did("queued an idle handle and let it be called, and then ran the loop for 50 ms, in which nothing happens");
    begin();
    when_idle(&idle);
    run();
    expect_text("what was called", "i", story);
    loop_set_clock(loop, counting_clock, NULL);
    run_for(0.05);
    expect(passes <= enough, "the loop to look at its clock a few times", "it looked %d times: it did not sleep",
        passes);
    end();
}

static void a_loop_that_is_to_stop_leaves_it_for_the_next_run(void)
{
    struct handle idle = ending("i");
    did("queued an idle handle, called loop_stop, and ran the loop");
    begin();
    when_idle(&idle);
    loop_stop(loop);
    loop_run_forever(loop);
    expect_text("what was called", "", story);
    did("ran the loop once more");
    run();
    expect_text("what was called", "i", story);
    end();
}

static struct handle victim;

static void say_and_cancel(void *letter)
{
    say(letter);
    handle_cancel(&victim);
}

static void it_can_be_taken_back(void)
{
    struct handle idle[2] = {{.function = say_and_cancel, .context = "1"}, ending("3")};
    did("queued three idle handles; the first one cancels the second");
    begin();
    victim = saying("2");
    when_idle(&idle[0]);
    when_idle(&victim);
    when_idle(&idle[1]);
    run();
    expect_text("what was called", "13", story);
    expect(!handle_is_scheduled(&victim), "the cancelled handle to be scheduled no more", "it still is");
    end();
}

static void the_end_of_the_loop_lets_go_of_it(void)
{
    struct handle idle = saying("i"), late = saying("l");
    did("queued an idle handle, and closed the loop without running it");
    begin();
    when_idle(&idle);
    expect_int("what loop_close returns", 0, loop_close(loop));
    expect(!handle_is_scheduled(&idle), "the handle to stand in no ring any more", "it still does");
    did("cancelled the handle, and queued another one on the closed loop");
    handle_cancel(&idle);
    expect_int("what loop_call_when_idle returns", -EBADF, loop_call_when_idle(loop, &late));
    end();
}

static void a_loop_with_another_selector_refuses(void)
{
    struct handle idle = saying("i");
    did("queued an idle handle on a loop that idle_methods serves, and one on a loop that select_methods serves");
    begin();
    when_idle(&idle);
    end();
    loop = loop_create(&select_methods);
    expect_int("what loop_call_when_idle returns", -ENOTSUP, loop_call_when_idle(loop, &idle));
    end();
}

static const struct grader_test tests[] = {
    GRADER_TEST(an_idle_handle_is_called_once),
    GRADER_TEST(what_is_queued_goes_first),
    GRADER_TEST(what_is_readable_goes_first),
    GRADER_TEST(one_a_pass_in_their_order),
    GRADER_TEST(it_does_not_wait_for_the_next_event),
    GRADER_TEST(one_that_queues_itself_starves_nobody),
    GRADER_TEST(without_idle_work_the_loop_sleeps),
    GRADER_TEST(a_loop_that_is_to_stop_leaves_it_for_the_next_run),
    GRADER_TEST(it_can_be_taken_back),
    GRADER_TEST(the_end_of_the_loop_lets_go_of_it),
    GRADER_TEST(a_loop_with_another_selector_refuses),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
