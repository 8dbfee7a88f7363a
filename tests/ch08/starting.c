/* Starting a program: what it is given, and why it may fail. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ch08/children.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"

static const struct subprocess_options nothing = {
    .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_DEVNULL};

/* The call fails so, and no callback comes. */
static void check_failure(const char *const *arguments, const struct subprocess_options *options, int code,
    const char *text)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_exec(&child, arguments, options);
    CHECK_INT(child_outcome(&child), -code);
    const struct error *error = future_exception(&child.done);
    if (error != NULL && text != NULL)
        CHECK_TEXT(error->text, text);
    settle(loop);
    CHECK_INT(child.made, 0);
    CHECK_NO_ZOMBIE();
    child_end(&child);
    free_loop(loop);
}

static void a_program_that_is_not_there(void)
{
    const char *const arguments[] = {"weft-no-such-program", NULL}, *const path[] = {"/no/such/program", NULL};
    check_failure(arguments, NULL, ENOENT, "[Errno 2] No such file or directory: 'weft-no-such-program'");
    check_failure(path, NULL, ENOENT, "[Errno 2] No such file or directory: '/no/such/program'");
}

static void a_program_that_may_not_be_run(void)
{
    const char *const arguments[] = {"/etc/passwd", NULL}, *const folder[] = {"/tmp", NULL};
    check_failure(arguments, NULL, EACCES, "[Errno 13] Permission denied: '/etc/passwd'");
    check_failure(folder, NULL, EACCES, "[Errno 13] Permission denied: '/tmp'");
}

static void a_file_that_is_no_program(void)
{
    char path[] = "/tmp/weft-ch08-XXXXXX";
    int fd = mkstemp(path);
    const char *const arguments[] = {path, NULL};
    REQUIRE(fd >= 0);
    CHECK(write(fd, "\0\1\2\3", 4) == 4);
    fchmod(fd, 0755);
    close(fd);
    check_failure(arguments, NULL, ENOEXEC, NULL);
    unlink(path);
}

static void a_directory_that_is_not_there(void)
{
    const char *const arguments[] = {"true", NULL};
    const struct subprocess_options options = {.cwd = "/no/such/directory"};
    check_failure(arguments, &options, ENOENT, "[Errno 2] No such file or directory: '/no/such/directory'");
}

static void look_at_pipes(struct child *child)
{
    CHECK(transport_get_pid(child->transport) > 0);
    CHECK(!future_done(&child->done));
    for (int fd = 0; fd < 3; fd++)
        CHECK(transport_get_pipe_transport(child->transport, fd) != NULL);
    CHECK(transport_get_pipe_transport(child->transport, 3) == NULL);
    CHECK(transport_get_pipe_transport(child->transport, -1) == NULL);
}

static void connection_made_comes_before_the_result_and_the_pipes_are_there(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    int code = 99;
    child_begin(&child, loop);
    child.on_made = look_at_pipes;
    child_shell(&child, "cat", NULL);
    CHECK_INT(child.made, 1);
    CHECK(!transport_get_returncode(child.result, &code));
    CHECK(*(const pid_t *)transport_get_extra_info(child.result, "subprocess") == transport_get_pid(child.result));
    child_hears_end(&child);
    CHILD_ENDS(&child, "PL(0,None);PL(1,None);PL(2,None);PX(0);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void arguments_are_passed_on_as_they_are(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const arguments[] = {"printf", "<%s>", "a b", "$HOME", "", "*", NULL};
    child_begin(&child, loop);
    child_exec(&child, arguments, NULL);
    child_is_lost(&child);
    CHECK_TEXT(child.output[1], "<a b><$HOME><><*>");
    child_end(&child);
    free_loop(loop);
}

static void environment_and_directory(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const env[] = {"WEFT=warp", "PATH=/usr/bin:/bin", NULL};
    const struct subprocess_options options = {.env = env, .cwd = "/usr", .stdin_from = SUBPROCESS_DEVNULL,
        .stderr_to = SUBPROCESS_DEVNULL};
    child_begin(&child, loop);
    child_shell(&child, "echo $WEFT; pwd; echo \"[$HOME]\"", &options);
    CHILD_ENDS(&child, "PD(1,warp\n/usr\n[]\n);PL(1,None);PX(0);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void a_session_of_its_own(void)
{
    for (int own = 0; own < 2; own++) {
        struct child child;
        struct loop *loop = new_loop_of_children();
        const struct subprocess_options options = {.start_new_session = own == 1};
        child_begin(&child, loop);
        child_shell(&child, "cat", &options);
        pid_t pid = transport_get_pid(child.result);
        CHECK_INT(getsid(pid), own ? pid : getsid(0));
        child_end(&child);
        free_loop(loop);
    }
}

static void standard_error_may_join_standard_output(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const struct subprocess_options options = {.stdin_from = SUBPROCESS_DEVNULL, .stderr_to = SUBPROCESS_STDOUT};
    child_begin(&child, loop);
    child_shell(&child, "echo out; echo err >&2; echo out again", &options);
    CHILD_ENDS(&child, "PD(1,out\nerr\nout again\n);PL(1,None);PX(0);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static void a_descriptor_of_ours_may_be_its_output(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    int ends[2];
    char text[20] = "";
    REQUIRE(pipe(ends) == 0);
    const struct subprocess_options options = {
        .stdin_from = SUBPROCESS_DEVNULL, .stdout_to = ends[1], .stderr_to = SUBPROCESS_DEVNULL};
    child_begin(&child, loop);
    child_shell(&child, "echo to ours", &options);
    close(ends[1]);
    CHILD_ENDS(&child, "PX(0);CL(None)");
    CHECK_INT(read(ends[0], text, sizeof text - 1), 8);
    CHECK_TEXT(text, "to ours\n");
    CHECK_INT(read(ends[0], text, 1), 0);
    close(ends[0]);
    child_end(&child);
    free_loop(loop);
}

static void what_is_wrong_is_said_at_once(void)
{
    struct loop *loop = new_loop_of_children();
    struct future done;
    const char *const none[] = {NULL};
    future_init(&done, loop);
    CHECK_INT(loop_subprocess_exec(loop, &done, NULL, NULL, none, NULL), -EINVAL);
    loop_close(loop);
    const char *const arguments[] = {"true", NULL};
    CHECK_INT(loop_subprocess_exec(loop, &done, NULL, NULL, arguments, NULL), -EBADF);
    future_destroy(&done);
    free_loop(loop);
}

static void cancelled_before_connection_made_the_child_is_killed(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    const char *const arguments[] = {"sleep", "1000", NULL};
    child_begin(&child, loop);
    REQUIRE(loop_subprocess_exec(loop, &child.done, child_give, &child, arguments, NULL) == 0);
    CHECK(future_cancel(&child.done));
    child_is_lost(&child);
    settle(loop);
    CHECK_INT(child_outcome(&child), -ECANCELED);
    CHECK_NO_ZOMBIE();
    child_end(&child);
    free_loop(loop);
}

static void without_descriptors_nothing_is_left_behind(void)
{
    for (size_t spare = 0; spare < 12; spare++) {
        struct child child;
        struct loop *loop = new_loop_of_children();
        struct hoard hoard;
        child_begin(&child, loop);
        settle(loop);
        unsigned long before = limit_descriptors((unsigned long)next_descriptor() + 20);
        hoard_descriptors(&hoard, spare);
        child_shell(&child, "cat", NULL);
        int outcome = child_outcome(&child);
        CHECK(outcome == 0 || outcome == -EMFILE);
        hoard_end(&hoard);
        limit_descriptors(before);
        child_end(&child);
        CHECK_NO_ZOMBIE();
        free_loop(loop);
    }
}

static void without_memory_nothing_is_left_behind(void)
{
    for (unsigned after = 0; after < 12; after++) {
        struct child child;
        struct loop *loop = new_loop_of_children();
        child_begin(&child, loop);
        const char *const arguments[] = {"cat", NULL};
        void *result = NULL;
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int failed = loop_subprocess_exec(loop, &child.done, child_give, &child, arguments, NULL);
        kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 0);
        settle(loop);
        CHECK(failed == 0 || failed == -ENOMEM);
        if (failed == 0 && future_result(&child.done, &result) == 0)
            child.result = result;
        if (failed != 0)
            child.released = 1;
        child_end(&child);
        CHECK_NO_ZOMBIE();
        free_loop(loop);
    }
}

static void a_null_device_says_nothing(void)
{
    struct child child;
    struct loop *loop = new_loop_of_children();
    child_begin(&child, loop);
    child_shell(&child, "cat; echo lost; echo lost >&2; exit 7", &nothing);
    CHILD_ENDS(&child, "PX(7);CL(None)");
    child_end(&child);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(a_program_that_is_not_there),
    TEST(a_program_that_may_not_be_run),
    TEST(a_file_that_is_no_program),
    TEST(a_directory_that_is_not_there),
    TEST(connection_made_comes_before_the_result_and_the_pipes_are_there),
    TEST(arguments_are_passed_on_as_they_are),
    TEST(environment_and_directory),
    TEST(a_session_of_its_own),
    TEST(standard_error_may_join_standard_output),
    TEST(a_descriptor_of_ours_may_be_its_output),
    TEST(what_is_wrong_is_said_at_once),
    TEST(cancelled_before_connection_made_the_child_is_killed),
    TEST(without_descriptors_nothing_is_left_behind),
    TEST(without_memory_nothing_is_left_behind),
    TEST(a_null_device_says_nothing),
};
const struct test_group start_group = TEST_GROUP("starting", tests);
