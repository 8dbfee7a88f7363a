/* What a child says and hears, and how it ends: each with both ways of watching. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ch08/children.h"
#include "groups.h"
#include "kernel.h"

static const struct subprocess_options only_output = {
    .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = SUBPROCESS_PIPE, .stderr_to = SUBPROCESS_DEVNULL};
static const struct subprocess_options no_pipes = {
    .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_DEVNULL};
static const struct subprocess_options in_and_out = {.stderr_to = SUBPROCESS_DEVNULL};

static void check_command(const char *command, const struct subprocess_options *options, const char *expected)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_shell(&child, command, options);
    CHILD_ENDS(&child, expected);
    child_end(&child);
    free_loop(loop);
}

static void output_and_status_once(void)
{
    check_command("echo out; exit 3", &only_output, "PD(1,out\n);PL(1,None);PX(3);CL(None)");
}

static void output_and_status(void)
{
    with_both_watchers(output_and_status_once);
}

static void without_pipes_only_the_end_comes_once(void)
{
    check_command("exit 0", &no_pipes, "PX(0);CL(None)");
}

static void without_pipes_only_the_end_comes(void)
{
    with_both_watchers(without_pipes_only_the_end_comes_once);
}

static void both_outputs_are_kept_apart_once(void)
{
    const struct subprocess_options options = {.stdin_from = SUBPROCESS_DEVNULL};
    check_command(
        "echo o; echo e >&2; echo p", &options, "PD(1,o\np\n);PL(1,None);PD(2,e\n);PL(2,None);PX(0);CL(None)");
}

static void both_outputs_are_kept_apart(void)
{
    with_both_watchers(both_outputs_are_kept_apart_once);
}

static void a_child_that_kills_itself_once(void)
{
    check_command("kill -TERM $$", &no_pipes, "PX(-15);CL(None)");
}

static void a_child_that_kills_itself(void)
{
    with_both_watchers(a_child_that_kills_itself_once);
}

static void a_child_that_closes_its_output_and_lives_on_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_shell(&child, "echo last; exec >&-; read line; exit 4", &in_and_out);
    CHECK(child_says(&child, 1, "last\n"));
    while (child.closed[1] == NULL)
        CHECK_INT(loop_run_once(loop), 0);
    CHECK_INT(child.exited, 0);
    child_hears(&child, "go on\n");
    CHILD_ENDS(&child, "PL(0,None);PD(1,last\n);PL(1,None);PX(4);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void a_child_that_closes_its_output_and_lives_on(void)
{
    with_both_watchers(a_child_that_closes_its_output_and_lives_on_once);
}

static void input_comes_back_and_its_end_ends_the_child_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const cat[] = {"cat", NULL};
    child_begin(&child, loop);
    child_exec(&child, cat, &in_and_out);
    child_hears(&child, "hello");
    CHECK(child_says(&child, 1, "hello"));
    child_hears_end(&child);
    CHILD_ENDS(&child, "PL(0,None);PD(1,hello);PL(1,None);PX(0);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void input_comes_back_and_its_end_ends_the_child(void)
{
    with_both_watchers(input_comes_back_and_its_end_ends_the_child_once);
}

static void check_signal(int number)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const sleep[] = {"sleep", "1000", NULL};
    char expected[60];
    child_begin(&child, loop);
    child_exec(&child, sleep, &no_pipes);
    int sent = number == SIGKILL ? transport_kill(child.result)
        : number == SIGTERM      ? transport_terminate(child.result)
                                 : transport_send_signal(child.result, number);
    CHECK_INT(sent, 0);
    snprintf(expected, sizeof expected, "PX(-%d);CL(None)", number);
    CHILD_ENDS(&child, expected);
    CHECK_INT(transport_kill(child.result), -ESRCH);
    CHECK_INT(transport_terminate(child.result), -ESRCH);
    CHECK_INT(transport_send_signal(child.result, SIGUSR1), -ESRCH);
    child_end(&child);
    free_loop(loop);
}

static void a_signal_is_the_status_and_afterwards_nobody_is_there_once(void)
{
    check_signal(SIGKILL);
    check_signal(SIGTERM);
    check_signal(SIGUSR1);
}

static void a_signal_is_the_status_and_afterwards_nobody_is_there(void)
{
    with_both_watchers(a_signal_is_the_status_and_afterwards_nobody_is_there_once);
}

static void a_signal_may_be_caught_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_shell(&child, "trap 'exit 7' TERM; echo ready; while :; do read line || sleep 0.01; done", &in_and_out);
    CHECK(child_says(&child, 1, "ready"));
    CHECK_INT(transport_send_signal(child.result, 0), 0);
    CHECK_INT(transport_send_signal(child.result, 1000), -EINVAL);
    child_hears_end(&child);
    CHECK_INT(transport_terminate(child.result), 0);
    CHILD_ENDS(&child, "PL(0,None);PD(1,ready\n);PL(1,None);PX(7);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void a_signal_may_be_caught(void)
{
    with_both_watchers(a_signal_may_be_caught_once);
}

static void kill_again(struct child *child)
{
    CHECK_INT(transport_kill(child->transport), 0);
}

static void to_kill_between_its_end_and_the_loss_is_harmless_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child.on_exit = kill_again;
    child_shell(&child, "exit 0", &no_pipes);
    CHILD_ENDS(&child, "PX(0);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void to_kill_between_its_end_and_the_loss_is_harmless(void)
{
    with_both_watchers(to_kill_between_its_end_and_the_loss_is_harmless_once);
}

static void closing_kills_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const sleep[] = {"sleep", "1000", NULL};
    child_begin(&child, loop);
    child_exec(&child, sleep, NULL);
    transport_close(child.result);
    CHECK(transport_is_closing(child.result));
    CHECK_INT(child.lost, 0);
    CHILD_ENDS(&child, "PL(0,None);PL(1,None);PL(2,None);PX(-9);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void closing_kills(void)
{
    with_both_watchers(closing_kills_once);
}

static void close_now(struct child *child)
{
    transport_close(child->transport);
}

static void close_at_data(struct child *child, int fd, const void *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    transport_close(child->transport);
}

static void killed_at_every_stage_it_ends_well_once(void)
{
    for (int stage = 0; stage < 4; stage++) {
        struct child child;
        struct loop *loop = new_loop_of_children();
        child_begin(&child, loop);
        child.on_made = stage == 0 ? close_now : NULL;
        child.on_data = stage == 1 ? close_at_data : NULL;
        child.on_exit = stage == 2 ? close_now : NULL;
        child_shell(&child, stage == 2 ? "exit 0" : "echo x; exec sleep 1000", &only_output);
        if (stage == 3)
            transport_abort(child.result);
        child_is_lost(&child);
        CHECK_INT(child.returncode, stage == 2 ? 0 : -9);
        CHECK_TEXT(child.loss, "None");
        CHECK_NO_ZOMBIE();
        child_end(&child);
        free_loop(loop);
    }
}

static void killed_at_every_stage_it_ends_well(void)
{
    with_both_watchers(killed_at_every_stage_it_ends_well_once);
}

static void a_grandchild_that_holds_the_output_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const struct subprocess_options options = {.stderr_to = SUBPROCESS_DEVNULL};
    child_begin(&child, loop);
    child_shell(&child, "exec 3<&0; (read line <&3; echo late) & exit 0", &options);
    while (child.exited == 0)
        CHECK_INT(loop_run_once(loop), 0);
    settle(loop);
    CHECK_INT(child.lost, 0);
    CHECK(child.closed[1] == NULL);
    child_hears(&child, "now\n");
    CHILD_ENDS(&child, "PL(0,None);PD(1,late\n);PL(1,None);PX(0);CL(None)");
    CHECK(child.exited_first);
    child_end(&child);
    free_loop(loop);
}

static void a_grandchild_that_holds_the_output(void)
{
    with_both_watchers(a_grandchild_that_holds_the_output_once);
}

static void a_child_that_never_reads_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    static char much[200000];
    const struct subprocess_options options = {.stdout_to = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_DEVNULL};
    const char *const sleep[] = {"sleep", "1000", NULL};
    child_begin(&child, loop);
    child_exec(&child, sleep, &options);
    struct transport *input = transport_get_pipe_transport(child.result, 0);
    CHECK_INT(transport_write(input, much, sizeof much), 0);
    CHECK_INT(child.paused, 1);
    CHECK_INT(child.resumed, 0);
    CHECK_INT(transport_kill(child.result), 0);
    CHILD_ENDS(&child, "PL(0,EPIPE);PX(-9);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void a_child_that_never_reads(void)
{
    with_both_watchers(a_child_that_never_reads_once);
}

static void a_child_that_reads_late_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    static char much[500000];
    child_begin(&child, loop);
    child_shell(&child, "echo ready; wc -c", &in_and_out);
    struct transport *input = transport_get_pipe_transport(child.result, 0);
    CHECK_INT(transport_write(input, much, sizeof much), 0);
    CHECK_INT(child.paused, 1);
    child_hears_end(&child);
    CHILD_ENDS(&child, "PL(0,None);PD(1,ready\n500000\n);PL(1,None);PX(0);CL(None)");
    CHECK_INT(child.resumed, 1);
    child_end(&child);
    free_loop(loop);
}

static void a_child_that_reads_late(void)
{
    with_both_watchers(a_child_that_reads_late_once);
}

static void a_mebibyte_of_output_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_shell(&child, "head -c 1048576 /dev/zero", &only_output);
    child_is_lost(&child);
    CHECK_INT(child.sizes[1], 1048576);
    CHECK_INT(child.returncode, 0);
    child_end(&child);
    free_loop(loop);
}

static void a_mebibyte_of_output(void)
{
    with_both_watchers(a_mebibyte_of_output_once);
}

static void closing_its_output_ends_a_child_that_writes_for_ever_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const yes[] = {"yes", NULL};
    child_begin(&child, loop);
    child_exec(&child, yes, &only_output);
    CHECK(child_says(&child, 1, "y\ny\n"));
    transport_close(transport_get_pipe_transport(child.result, 1));
    child_is_lost(&child);
    CHECK_INT(child.returncode, -SIGPIPE);
    child_end(&child);
    free_loop(loop);
}

static void closing_its_output_ends_a_child_that_writes_for_ever(void)
{
    with_both_watchers(closing_its_output_ends_a_child_that_writes_for_ever_once);
}

static void a_loop_that_is_closed_takes_its_children_along_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const sleep[] = {"sleep", "1000", NULL};
    child_begin(&child, loop);
    child_exec(&child, sleep, NULL);
    pid_t pid = transport_get_pid(child.result);
    CHECK_INT(loop_close(loop), 0);
    CHECK(kill(pid, 0) == -1 && errno == ESRCH);
    CHECK_NO_ZOMBIE();
    CHECK_INT(child.released, 1);
    CHECK_INT(child.lost, 0);
    transport_release(child.result);
    future_destroy(&child.done);
    free_loop(loop);
}

static void a_loop_that_is_closed_takes_its_children_along(void)
{
    with_both_watchers(a_loop_that_is_closed_takes_its_children_along_once);
}

static void functions_for_children_refuse_other_transports_once(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    int code;
    child_begin(&child, loop);
    child_shell(&child, "cat", &in_and_out);
    struct transport *input = transport_get_pipe_transport(child.result, 0);
    CHECK_INT(transport_get_pid(input), -1);
    CHECK(!transport_get_returncode(input, &code));
    CHECK(transport_get_pipe_transport(input, 0) == NULL);
    CHECK_INT(transport_kill(input), -ENOTSUP);
    CHECK_INT(transport_write(child.result, "x", 1), -ENOTSUP);
    child_end(&child);
    free_loop(loop);
}

static void functions_for_children_refuse_other_transports(void)
{
    with_both_watchers(functions_for_children_refuse_other_transports_once);
}

static const struct test tests[] = {
    TEST(output_and_status),
    TEST(without_pipes_only_the_end_comes),
    TEST(both_outputs_are_kept_apart),
    TEST(a_child_that_kills_itself),
    TEST(a_child_that_closes_its_output_and_lives_on),
    TEST(input_comes_back_and_its_end_ends_the_child),
    TEST(a_signal_is_the_status_and_afterwards_nobody_is_there),
    TEST(a_signal_may_be_caught),
    TEST(to_kill_between_its_end_and_the_loss_is_harmless),
    TEST(closing_kills),
    TEST(killed_at_every_stage_it_ends_well),
    TEST(a_grandchild_that_holds_the_output),
    TEST(a_child_that_never_reads),
    TEST(a_child_that_reads_late),
    TEST(a_mebibyte_of_output),
    TEST(closing_its_output_ends_a_child_that_writes_for_ever),
    TEST(a_loop_that_is_closed_takes_its_children_along),
    TEST(functions_for_children_refuse_other_transports),
};
const struct test_group end_group = TEST_GROUP("living", tests);
