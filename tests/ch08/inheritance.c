/* What a child inherits, and what it does not. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ch08/children.h"
#include "groups.h"
#include "peers.h"

static const struct subprocess_options only_output = {
    .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = SUBPROCESS_PIPE, .stderr_to = SUBPROCESS_DEVNULL};

static void only_three_descriptors_are_inherited(void)
{
    struct child child, other;
    struct loop *loop = new_loop_of_children();
    int port, leaky = fcntl(2, F_DUPFD, 20), listener = listen_on_loopback(&port, 1);
    fcntl(listener, F_SETFD, 0);
    child_begin(&other, loop);
    child_shell(&other, "cat", NULL);
    child_begin(&child, loop);
    child_shell(&child, "cd /proc/self/fd; echo *", &only_output);
    child_is_lost(&child);
    /* Number 3 may be the shell's own, while it reads the directory. */
    if (strcmp(child.output[1], "0 1 2\n") != 0 && strcmp(child.output[1], "0 1 2 3\n") != 0)
        FAIL("the child has %s", child.output[1]);
    child_end(&child);
    child_end(&other);
    close(leaky);
    close(listener);
    free_loop(loop);
}

static void no_signal_is_blocked_or_ignored_that_was_not_before(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    unsigned long long blocked = 1, ignored = 1;
    child_begin(&child, loop);
    loop_add_signal_handler(loop, SIGUSR1, trace_function, "USR1");
    child_shell(&child, "grep -E '^Sig(Blk|Ign)' /proc/self/status", &only_output);
    child_is_lost(&child);
    CHECK_INT(sscanf(child.output[1], "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    CHECK_INT(blocked, 0);
    CHECK_INT(ignored & 1ULL << (SIGPIPE - 1), 0);
    CHECK_INT(ignored & 1ULL << (SIGUSR1 - 1), 0);
    child_end(&child);
    free_loop(loop);
}

static void a_signal_handler_of_the_program_lives_on(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    loop_add_signal_handler(loop, SIGUSR1, trace_function, "USR1");
    child_shell(&child, "exit 0", &only_output);
    child_is_lost(&child);
    raise(SIGUSR1);
    EXPECT(loop, "USR1");
    child_end(&child);
    free_loop(loop);
}

static void with_standard_descriptors_closed_the_pipes_still_fit(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 30);
    close(0);
    child_begin(&child, loop);
    const char *const cat[] = {"cat", NULL};
    const struct subprocess_options options = {.stderr_to = SUBPROCESS_DEVNULL};
    child_exec(&child, cat, &options);
    child_hears(&child, "through 0");
    child_hears_end(&child);
    CHILD_ENDS(&child, "PL(0,None);PD(1,through 0);PL(1,None);PX(0);CL(None)");
    child_end(&child);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
    free_loop(loop);
}

static void after_a_thousand_failures_no_descriptor_is_missing(void)
{
    struct loop *loop = new_loop_of_children();
    const char *const nobody[] = {"/no/such/program", NULL};
    int before = next_descriptor();
    for (int i = 0; i < (under_valgrind() ? 10 : 1000); i++) {
        struct child child;
        child_begin(&child, loop);
        child_exec(&child, nobody, NULL);
        CHECK(future_exception(&child.done) != NULL);
        child_end(&child);
    }
    CHECK_INT(next_descriptor(), before);
    CHECK_NO_ZOMBIE();
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(only_three_descriptors_are_inherited),
    TEST(no_signal_is_blocked_or_ignored_that_was_not_before),
    TEST(a_signal_handler_of_the_program_lives_on),
    TEST(with_standard_descriptors_closed_the_pipes_still_fit),
    TEST(after_a_thousand_failures_no_descriptor_is_missing),
};
const struct test_group inherit_group = TEST_GROUP("inheritance", tests);
