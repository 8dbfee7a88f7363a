/* Exercise 8.2: a family is asked, then made to end, and nobody else is. Every member holds a named pipe open; its end
   is the end of the last of them. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "family.h"
#include "grader.h"
#include "turns.h"

#define QUIETLY "exec >/dev/null 2>&1 9>members; "

struct home {
    struct loop *loop;
    struct family family;
    bool ended;
    int times;
    int members;    /* the named pipe */
    char said[500]; /* what they have written into it */
    size_t length;
    bool alone; /* nobody holds it any more */
    struct handle reader;
};

static volatile sig_atomic_t shots_at_us;

static void count_shot(int number)
{
    (void)number;
    shots_at_us++;
}

static double soon(void)
{
    return under_valgrind() ? 8 : 3;
}

static void ended(struct family *family)
{
    struct home *home = family->context;
    home->ended = true;
    home->times++;
}

static void hear(void *context)
{
    struct home *home = context;
    ssize_t size = read(home->members, home->said + home->length, sizeof home->said - 1 - home->length);
    if (size > 0)
        home->length += (size_t)size;
    if (size != 0)
        return;
    home->alone = true;
    loop_remove_reader(home->loop, home->members);
}

static void begin(struct home *home, const char *command, double grace)
{
    struct sigaction action = {.sa_handler = count_shot};
    *home = (struct home){.family = {.ended = ended, .context = home}};
    did("started the family %s", quoted(command, strlen(command)));
    setpgid(0, 0);
    sigaction(SIGTERM, &action, NULL);
    unlink("members");
    expect(mkfifo("members", 0600) == 0, "the grader's own pipe to be made", "it was not");
    home->members = open("members", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    home->loop = loop_create(NULL);
    handle_init(&home->reader, hear, home);
    loop_add_reader(home->loop, home->members, &home->reader);
    expect_int("what family_start returned", 0, family_start(&home->family, home->loop, command, grace));
}

/* Waits until the members have said this. */
static void until_said(struct home *home, const char *text)
{
    double end = seconds_now() + patience();
    while (strstr(home->said, text) == NULL && seconds_now() < end)
        turn_within(home->loop, 0.02);
    expect_contains("what the members said before they were asked to end", text, home->said);
}

static void until_ended(struct home *home)
{
    turn_until(home->loop, &home->ended, soon());
    expect(home->ended, "ended to be called", "not within %g s", soon());
    turn_for(home->loop, 0.02);
    expect_int("how often it was called", 1, home->times);
}

/* The news of the last death may be on its way. */
static void all_are_gone(struct home *home)
{
    expect(turn_until(home->loop, &home->alone, 1), "nobody of the family to be left after ended was called",
        "a member that lived on");
}

static void finish(struct home *home)
{
    int returncode = home->family.returncode;
    family_clear(&home->family);
    loop_remove_reader(home->loop, home->members);
    close(home->members);
    loop_free(home->loop);
    unlink("members");
    home->family.returncode = returncode;
    expect_int("how many signals you sent to yourself", 0, shots_at_us);
}

static void a_command_may_end_by_itself(void)
{
    struct home home;
    begin(&home, "exit 7", 1000);
    until_ended(&home);
    family_end(&home.family);
    turn_for(home.loop, 0.02);
    finish(&home);
    expect_int("how often ended was called", 1, home.times);
    expect_int("the return code", 7, home.family.returncode);
}

static void every_member_ends(void)
{
    struct home home;
    begin(&home, QUIETLY "sleep 6 & (sleep 6; sleep 6) & echo ready >&9; wait", 0.2);
    until_said(&home, "ready");
    did("asked it to end, with a grace of 0.2 s");
    family_end(&home.family);
    until_ended(&home);
    all_are_gone(&home);
    finish(&home);
    expect_int("the return code of the head", -SIGTERM, home.family.returncode);
}

static void a_deaf_grandchild_is_made_to_end(void)
{
    struct home home;
    begin(&home, QUIETLY "(trap '' TERM; echo deaf >&9; exec sleep 6) & wait", 0.2);
    until_said(&home, "deaf");
    did("asked it to end, with a grace of 0.2 s");
    family_end(&home.family);
    until_ended(&home);
    all_are_gone(&home);
    finish(&home);
}

static void a_deaf_head_is_made_to_end(void)
{
    struct home home;
    begin(&home, QUIETLY "trap '' TERM; echo ready >&9; sleep 6; sleep 6", 0.2);
    until_said(&home, "ready");
    did("asked it to end twice, with a grace of 0.2 s");
    family_end(&home.family);
    family_end(&home.family);
    until_ended(&home);
    all_are_gone(&home);
    finish(&home);
    expect_int("the return code of the head", -SIGKILL, home.family.returncode);
}

static void who_is_polite_may_tidy_up(void)
{
    struct home home;
    begin(&home,
        QUIETLY "(trap 'echo tidied >&9; exit' TERM; echo polite >&9; while :; do sleep 0.01; done) & wait", 0.5);
    until_said(&home, "polite");
    did("asked it to end, with a grace of 0.5 s");
    family_end(&home.family);
    until_ended(&home);
    all_are_gone(&home);
    finish(&home);
    expect_contains("what a member that tidies up when it is asked to end has said", "tidied", home.said);
}

static void it_may_be_ended_before_it_has_begun(void)
{
    struct home home;
    begin(&home, "exec sleep 6 >/dev/null 2>&1", 0.2);
    did("asked it to end before the loop ran");
    family_end(&home.family);
    until_ended(&home);
    finish(&home);
    expect_int("the return code of the head", -SIGTERM, home.family.returncode);
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_command_may_end_by_itself),
    GRADER_TEST(every_member_ends),
    GRADER_TEST(a_deaf_grandchild_is_made_to_end),
    GRADER_TEST(a_deaf_head_is_made_to_end),
    GRADER_TEST(who_is_polite_may_tidy_up),
    GRADER_TEST(it_may_be_ended_before_it_has_begun),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
