/* Unix-domain servers and connections. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"

/* A folder of its own, and a path in it. */
static char folder[100], path[150];

static void folder_begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/weft-tests-%ld", (long)getpid());
    REQUIRE(mkdir(folder, 0700) == 0);
    snprintf(path, sizeof path, "%s/socket", folder);
}

static void folder_end(void)
{
    unlink(path);
    CHECK_INT(rmdir(folder), 0);
}

static int serve(struct bench *bench, const char *where, const struct server_options *options)
{
    return loop_create_unix_server(bench->loop, &bench->done, factory_make, &bench->factory, where, options);
}

static int reach(struct bench *bench, const char *where, const struct connection_options *options)
{
    return loop_create_unix_connection(bench->loop, &bench->done, factory_make, &bench->factory, where, options);
}

static void serving_begin(struct bench *bench, const struct server_options *options)
{
    void *result = NULL;
    bench_begin(bench);
    CHECK_INT(serve(bench, path, options), 0);
    bench_run(bench);
    CHECK_OUTCOME(bench, 0, NULL);
    REQUIRE(future_result(&bench->done, &result) == 0);
    bench->server = result;
    settle(bench->loop);
    CHECK_TRACE("RET");
    trace_clear();
}

static void check_name(struct transport *transport, const char *key, const char *expected)
{
    char text[200];
    address_format(transport_get_extra_info(transport, key), text, sizeof text);
    CHECK_TEXT(text, expected);
}

static void both_ends_know_the_path_and_it_outlives_the_server(void)
{
    struct bench bench;
    char shown[200];
    void *result = NULL;
    struct stat status;
    folder_begin();
    snprintf(shown, sizeof shown, "'%s'", path);
    serving_begin(&bench, NULL);
    bench_again(&bench);
    CHECK_INT(reach(&bench, path, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, 0, NULL);
    future_result(&bench.done, &result);
    bench.transport = result;
    settle(bench.loop);
    REQUIRE(bench.factory.count == 2);
    struct transport *other = bench.factory.made[0].transport;
    if (other == bench.transport)
        other = bench.factory.made[1].transport;
    check_name(bench.transport, "peername", shown);
    check_name(bench.transport, "sockname", "''");
    check_name(other, "peername", "''");
    check_name(other, "sockname", shown);
    trace_clear();
    transport_write(bench.transport, "ping", 4);
    EXPECT(bench.loop, "DR(ping)");
    server_close(bench.server);
    bench_end(&bench);
    CHECK_INT(stat(path, &status), 0);
    folder_end();
}

static void a_second_server_takes_the_path_over(void)
{
    struct bench one, two;
    folder_begin();
    serving_begin(&one, NULL);
    serving_begin(&two, NULL); /* silently */
    int peer = connect_to_path(path);
    settle(one.loop);
    CHECK_TRACE("");
    EXPECT(two.loop, "CM");
    peer_close(peer);
    bench_end(&one);
    bench_end(&two);
    folder_end();
}

static void a_file_that_is_no_socket_is_left_alone(void)
{
    struct bench bench;
    char expected[300];
    struct stat status;
    folder_begin();
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    close(file);
    bench_begin(&bench);
    CHECK_INT(serve(&bench, path, NULL), 0);
    bench_run(&bench);
    snprintf(expected, sizeof expected, "[Errno 98] Address '%s' is already in use", path);
    CHECK_OUTCOME(&bench, -EADDRINUSE, expected);
    CHECK_INT(stat(path, &status), 0);
    CHECK(S_ISREG(status.st_mode));
    bench_end(&bench);
    folder_end();
}

static void where_nobody_listens_the_system_says_why(void)
{
    struct bench bench;
    folder_begin();
    bench_begin(&bench);
    CHECK_INT(reach(&bench, path, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -ENOENT, "[Errno 2] No such file or directory");
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(file);
    bench_again(&bench);
    CHECK_INT(reach(&bench, path, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -ECONNREFUSED, "[Errno 111] Connection refused");
    bench_end(&bench);
    unlink(path);
    serving_begin(&bench, &(struct server_options){.start_serving = OPTION_OFF});
    bench_again(&bench);
    CHECK_INT(reach(&bench, path, NULL), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, -ECONNREFUSED, "[Errno 111] Connection refused");
    bench_end(&bench);
    CHECK_INT(bench.factory.count, 0);
    folder_end();
}

static void a_path_too_long_is_an_error(void)
{
    struct bench bench;
    char longest[200];
    memset(longest, 'p', sizeof longest);
    longest[199] = '\0';
    bench_begin(&bench);
    CHECK_INT(serve(&bench, longest, NULL), 0);
    bench_run(&bench);
    CHECK(future_result(&bench.done, NULL) < 0);
    CHECK_TEXT(future_exception(&bench.done)->text, "AF_UNIX path too long");
    bench_again(&bench);
    CHECK_INT(reach(&bench, longest, NULL), 0);
    bench_run(&bench);
    CHECK(future_result(&bench.done, NULL) < 0);
    CHECK_TEXT(future_exception(&bench.done)->text, "AF_UNIX path too long");
    bench_end(&bench);
}

static void without_memory_neither_server_nor_connection_is_made(void)
{
    folder_begin();
    for (int connects = 0; connects < 2; connects++) {
        struct bench listening;
        unsigned after = 0;
        bool refused = true;
        if (connects)
            serving_begin(&listening, NULL);
        for (; after < 60 && refused; after++) {
            struct bench bench;
            void *result = NULL;
            bench_begin(&bench);
            kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
            int failed = connects ? reach(&bench, path, NULL) : serve(&bench, path, NULL);
            if (failed == 0)
                bench_run(&bench);
            else
                CHECK_INT(failed, -ENOMEM);
            refused = kernel_failed(KERNEL_MEMORY);
            kernel_fail(KERNEL_MEMORY, 0, 0, 0);
            if (failed == 0 && future_result(&bench.done, &result) != 0) {
                CHECK(refused);
                CHECK(error_is(future_exception(&bench.done), &error_os, ENOMEM));
            }
            if (connects)
                bench.transport = result;
            else
                bench.server = result;
            bench_end(&bench);
        }
        CHECK(after > 1 && !refused);
        if (connects)
            bench_end(&listening);
        trace_clear();
    }
    folder_end();
}

static void an_abstract_name_leaves_no_file(void)
{
    struct bench bench;
    char name[60];
    void *result = NULL;
    snprintf(name, sizeof name, "weft-tests-%ld", (long)getpid());
    bench_begin(&bench);
    CHECK_INT(serve(&bench, name, &(struct server_options){.abstract = true}), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, 0, NULL);
    future_result(&bench.done, &result);
    bench.server = result;
    bench_again(&bench);
    CHECK_INT(reach(&bench, name, &(struct connection_options){.abstract = true}), 0);
    bench_run(&bench);
    CHECK_OUTCOME(&bench, 0, NULL);
    future_result(&bench.done, &result);
    bench.transport = result;
    CHECK(access(name, F_OK) != 0);
    bench_end(&bench);
}

static void wrong_arguments_are_refused_at_once(void)
{
    struct bench bench;
    int ends[2];
    unix_pair(ends);
    bench_begin(&bench);
    CHECK_INT(serve(&bench, NULL, NULL), -EINVAL);
    CHECK_INT(serve(&bench, "/tmp/x", &(struct server_options){.sock = &ends[0]}), -EINVAL);
    CHECK_INT(reach(&bench, NULL, NULL), -EINVAL);
    CHECK_INT(reach(&bench, "/tmp/x", &(struct connection_options){.sock = &ends[0]}), -EINVAL);
    settle(bench.loop);
    CHECK(!future_done(&bench.done));
    CHECK_TRACE("");
    bench_end(&bench);
    close(ends[0]);
    close(ends[1]);
}

static void a_connected_unix_socket_can_be_given(void)
{
    struct bench bench;
    int ends[2];
    void *result = NULL;
    unix_pair(ends);
    bench_begin(&bench);
    CHECK_INT(reach(&bench, NULL, &(struct connection_options){.sock = &ends[0]}), 0);
    EXPECT(bench.loop, "CM;RET");
    future_result(&bench.done, &result);
    bench.transport = result;
    peer_send(ends[1], "x");
    peer_close(ends[1]);
    EXPECT(bench.loop, "CM;RET;DR(x);EOF;CL(None)");
    bench_end(&bench);
}

static const struct test tests[] = {
    TEST(both_ends_know_the_path_and_it_outlives_the_server),
    TEST(a_second_server_takes_the_path_over),
    TEST(a_file_that_is_no_socket_is_left_alone),
    TEST(where_nobody_listens_the_system_says_why),
    TEST(a_path_too_long_is_an_error),
    TEST(without_memory_neither_server_nor_connection_is_made),
    TEST(an_abstract_name_leaves_no_file),
    TEST(wrong_arguments_are_refused_at_once),
    TEST(a_connected_unix_socket_can_be_given),
};
const struct test_group unix_group = TEST_GROUP("unix sockets", tests);
