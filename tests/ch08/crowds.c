/* Many children, and none left behind. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ch08/children.h"
#include "groups.h"
#include "peers.h"

enum { BURST = 50 };

struct crowd {
    struct child *children;
    size_t count;
};

static bool all_are_lost(void *context)
{
    const struct crowd *crowd = context;
    for (size_t i = 0; i < crowd->count; i++)
        if (crowd->children[i].lost == 0)
            return false;
    return true;
}

static void a_burst(struct loop *loop, struct crowd *crowd, const char *const *arguments,
    const struct subprocess_options *options, int returncode)
{
    for (size_t i = 0; i < crowd->count; i++) {
        child_begin(&crowd->children[i], loop);
        child_exec(&crowd->children[i], arguments, options);
        if (returncode < 0)
            CHECK_INT(transport_send_signal(crowd->children[i].result, -returncode), 0);
    }
    CHECK(run_until(loop, all_are_lost, crowd));
    for (size_t i = 0; i < crowd->count; i++) {
        CHECK_INT(crowd->children[i].returncode, returncode);
        child_end(&crowd->children[i]);
    }
}

static void a_thousand_children_once(void)
{
    const char *const quick[] = {"/bin/true", NULL};
    const struct subprocess_options options = {
        .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_DEVNULL};
    struct loop *loop = new_loop_of_children();
    struct crowd crowd = {calloc(BURST, sizeof *crowd.children), BURST};
    int bursts = under_valgrind() ? 1 : 20;
    for (int i = 0; i < bursts; i++)
        a_burst(loop, &crowd, quick, &options, 0);
    CHECK_NO_ZOMBIE();
    free(crowd.children);
    free_loop(loop);
}

static void a_thousand_children_in_bursts(void)
{
    with_both_watchers(a_thousand_children_once);
}

static void killed_together_once(void)
{
    const char *const slow[] = {"/bin/sleep", "1000", NULL};
    struct loop *loop = new_loop_of_children();
    struct crowd crowd = {calloc(20, sizeof *crowd.children), 20};
    a_burst(loop, &crowd, slow, NULL, -SIGTERM);
    CHECK_NO_ZOMBIE();
    free(crowd.children);
    free_loop(loop);
}

static void killed_together_each_is_told_once(void)
{
    with_both_watchers(killed_together_once);
}

/* Without a watcher of its own, a child of somebody else in this process is left alone. */
static void strangers_are_left_alone_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const quick[] = {"/bin/true", NULL};
    pid_t stranger = fork();
    if (stranger == 0)
        raise(SIGKILL);
    child_begin(&child, loop);
    child_exec(&child, quick, NULL);
    child_is_lost(&child);
    child_end(&child);
    int status = 0;

    CHECK_INT(waitpid(stranger, &status, 0), stranger);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    free_loop(loop);
}

static void other_peoples_children_are_left_alone(void)
{
    with_both_watchers(strangers_are_left_alone_once);
}

static const struct test tests[] = {
    TEST(a_thousand_children_in_bursts),
    TEST(killed_together_each_is_told_once),
    TEST(other_peoples_children_are_left_alone),
};
const struct test_group crowd_group = TEST_GROUP("crowds", tests);
