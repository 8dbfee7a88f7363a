/* Names: numbers at once, others in threads that are joined. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ch03/serving.h"
#include "groups.h"
#include "kernel.h"

static void free_result(struct future *done)
{
    void *result = NULL;
    if (future_result(done, &result) == 0)
        free(result);
}

static void a_numeric_host_is_known_at_once_and_without_a_thread(void)
{
    struct bench bench;
    struct fake_names names;
    void *result = NULL;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "127.0.0.1", 80, NULL), 0);
    CHECK(future_done(&bench.done));
    REQUIRE(future_result(&bench.done, &result) == 0 && result != NULL);
    const struct addrinfo *info = result;
    CHECK_INT(info->ai_family, AF_INET);
    CHECK_INT(ntohs(((struct sockaddr_in *)info->ai_addr)->sin_port), 80);
    CHECK_TRACE("");
    EXPECT(bench.loop, "RET");
    free(result);
    bench_again(&bench);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "::1", 443, NULL), 0);
    REQUIRE(future_result(&bench.done, &result) == 0 && result != NULL);
    info = result;
    CHECK_INT(info->ai_family, AF_INET6);
    free(result);
    CHECK_INT(names_calls(&names), 0);
    CHECK_INT(kernel_count(KERNEL_THREAD), 0);
    bench_end(&bench);
}

static void a_canonical_name_is_never_given(void)
{
    struct bench bench;
    void *result = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    bench_begin(&bench);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "127.0.0.1", 80, &hints), 0);
    REQUIRE(future_result(&bench.done, &result) == 0 && result != NULL);
    CHECK(((struct addrinfo *)result)->ai_canonname == NULL);
    free(result);
    bench_end(&bench);
}

static void other_names_are_looked_up_in_a_thread_and_given_back(void)
{
    struct bench bench;
    struct fake_names names;
    void *result = NULL;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    names_add(&names, "::1", 9);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    CHECK(!future_done(&bench.done));
    EXPECT(bench.loop, "RET");
    REQUIRE(future_result(&bench.done, &result) == 0 && result != NULL);
    const struct addrinfo *info = result;
    CHECK_INT(info->ai_family, AF_INET);
    CHECK_INT(ntohs(((struct sockaddr_in *)info->ai_addr)->sin_port), 7);
    REQUIRE(info->ai_next != NULL);
    CHECK_INT(info->ai_next->ai_family, AF_INET6);
    CHECK(info->ai_next->ai_next == NULL);
    free(result);
    CHECK_INT(names_calls(&names), 1);
    CHECK_INT(names_frees(&names), 1);
    CHECK(!names.interruptible); /* signals are for the loop's thread */
    CHECK_INT(kernel_count(KERNEL_THREAD), 1);
    bench_end(&bench);
}

static void the_loop_goes_on_while_a_name_is_looked_up(void)
{
    struct bench bench;
    struct fake_names names;
    struct handle meanwhile = TRACES("meanwhile");
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    names_hold(&names);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    names_wait_for_lookup(&names);
    loop_call_soon(bench.loop, &meanwhile);
    pass(bench.loop);
    CHECK_TRACE("meanwhile");
    names_release(&names);
    EXPECT(bench.loop, "meanwhile;RET");
    free_result(&bench.done);
    bench_end(&bench);
}

static void an_unknown_name_is_an_error_of_the_resolver_in_pythons_words(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names.failure = EAI_NONAME;
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_OUTCOME(&bench, -EPROTO, "[Errno -2] Name or service not known");
    CHECK(error_is(future_exception(&bench.done), &error_resolver, EAI_NONAME));
    CHECK_INT(names_frees(&names), 0);
    bench_end(&bench);
}

static void ports_out_of_range_and_closed_loops_are_refused(void)
{
    struct bench bench;
    bench_begin(&bench);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "127.0.0.1", -1, NULL), -EINVAL);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "127.0.0.1", 65536, NULL), -EINVAL);
    CHECK(!future_done(&bench.done));
    loop_close(bench.loop);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "127.0.0.1", 80, NULL), -EBADF);
    handle_cancel(&bench.told);
    future_destroy(&bench.done);
    free_loop(bench.loop);
    CHECK_TRACE("");
}

static void cancelled_while_a_name_is_looked_up_the_late_result_is_disposed_of(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    names_hold(&names);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    names_wait_for_lookup(&names);
    CHECK(future_cancel(&bench.done));
    EXPECT(bench.loop, "RET");
    names_release(&names);
    settle(bench.loop);
    CHECK_TRACE("RET");
    bench_end(&bench);
    CHECK_INT(names_frees(&names), 1);
}

static void a_loop_closed_while_a_name_is_looked_up_waits_for_the_thread(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    loop_close(bench.loop);
    CHECK_INT(names_calls(&names), 1);
    CHECK_INT(names_frees(&names), 1);
    CHECK(!future_done(&bench.done));
    bench_end(&bench);
    CHECK_TRACE("");
}

static bool all_done(void *context)
{
    struct future *lookups = context;
    for (int i = 0; i < 20; i++)
        if (!future_done(&lookups[i]))
            return false;
    return true;
}

static void many_lookups_at_once_are_all_answered(void)
{
    static struct future lookups[20];
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    for (int i = 0; i < 20; i++) {
        future_init(&lookups[i], bench.loop);
        CHECK_INT(loop_getaddrinfo(bench.loop, &lookups[i], "weft.example", 80, NULL), 0);
    }
    CHECK(run_until(bench.loop, all_done, lookups));
    for (int i = 0; i < 20; i++) {
        CHECK_INT(future_result(&lookups[i], NULL), 0);
        free_result(&lookups[i]);
        future_destroy(&lookups[i]);
    }
    CHECK_INT(names_calls(&names), 20);
    CHECK_INT(names_frees(&names), 20);
    bench_end(&bench);
}

static void of_many_waiting_lookups_any_may_be_cancelled(void)
{
    static struct future lookups[20];
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    names_hold(&names);
    for (int i = 0; i < 20; i++) {
        future_init(&lookups[i], bench.loop);
        CHECK_INT(loop_getaddrinfo(bench.loop, &lookups[i], "weft.example", 80, NULL), 0);
    }
    names_wait_for_lookup(&names);
    for (int i = 0; i < 20; i += 2)
        CHECK(future_cancel(&lookups[i]));
    names_release(&names);
    CHECK(run_until(bench.loop, all_done, lookups));
    for (int i = 0; i < 20; i++) {
        CHECK_INT(future_result(&lookups[i], NULL), i % 2 == 0 ? -ECANCELED : 0);
        free_result(&lookups[i]);
        future_destroy(&lookups[i]);
    }
    bench_end(&bench);
    CHECK_INT(names_calls(&names), names_frees(&names));
}

static void without_a_thread_the_lookup_fails_with_that_error(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    kernel_fail(KERNEL_THREAD, EAGAIN, 0, 1);
    int failed = loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL);
    if (failed == 0) {
        bench_run(&bench);
        CHECK_OUTCOME(&bench, -EAGAIN, "[Errno 11] Resource temporarily unavailable");
    } else {
        CHECK_INT(failed, -EAGAIN);
    }
    CHECK_INT(names_calls(&names), 0);
    bench_end(&bench);
}

static void without_memory_a_lookup_fails_and_leaves_nothing(void)
{
    struct bench bench;
    struct fake_names names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    names_add(&names, "127.0.0.2", 7);
    for (unsigned after = 0; after < 8; after++) {
        bench_again(&bench);
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        int failed = loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL);
        if (failed != 0) {
            CHECK_INT(failed, -ENOMEM);
            CHECK(!future_done(&bench.done));
        } else {
            bench_run(&bench);
            failed = future_result(&bench.done, NULL);
            CHECK(failed == 0 || kernel_failed(KERNEL_MEMORY));
        }
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        free_result(&bench.done);
        settle(bench.loop);
    }
    CHECK_INT(names_calls(&names), names_frees(&names));
    bench_end(&bench);
}

static void no_answer_is_an_empty_list(void)
{
    struct bench bench;
    struct fake_names names;
    void *result = &names;
    bench_begin(&bench);
    names_init(bench.loop, &names);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "weft.example", 80, NULL), 0);
    EXPECT(bench.loop, "RET");
    CHECK_INT(future_result(&bench.done, &result), 0);
    CHECK(result == NULL);
    bench_end(&bench);
}

static void the_c_librarys_resolver_says_of_localhost_what_it_says_elsewhere(void)
{
    struct bench bench;
    void *result = NULL;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *elsewhere = NULL;
    int failure = getaddrinfo("localhost", "80", &hints, &elsewhere);
    bench_begin(&bench);
    CHECK_INT(loop_getaddrinfo(bench.loop, &bench.done, "localhost", 80, &hints), 0);
    bench_run(&bench);
    if (failure == 0) {
        REQUIRE(future_result(&bench.done, &result) == 0 && result != NULL);
        const struct addrinfo *info = result;
        REQUIRE(info->ai_addrlen == elsewhere->ai_addrlen);
        CHECK(memcmp(info->ai_addr, elsewhere->ai_addr, info->ai_addrlen) == 0);
        freeaddrinfo(elsewhere);
    } else { /* a machine without /etc/hosts */
        CHECK(error_is(future_exception(&bench.done), &error_resolver, failure));
    }
    free(result);
    bench_end(&bench);
}

static const struct test tests[] = {
    TEST(a_numeric_host_is_known_at_once_and_without_a_thread),
    TEST(a_canonical_name_is_never_given),
    TEST(other_names_are_looked_up_in_a_thread_and_given_back),
    TEST(the_loop_goes_on_while_a_name_is_looked_up),
    TEST(an_unknown_name_is_an_error_of_the_resolver_in_pythons_words),
    TEST(ports_out_of_range_and_closed_loops_are_refused),
    TEST(cancelled_while_a_name_is_looked_up_the_late_result_is_disposed_of),
    TEST(a_loop_closed_while_a_name_is_looked_up_waits_for_the_thread),
    TEST(many_lookups_at_once_are_all_answered),
    TEST(of_many_waiting_lookups_any_may_be_cancelled),
    TEST(without_a_thread_the_lookup_fails_with_that_error),
    TEST(without_memory_a_lookup_fails_and_leaves_nothing),
    TEST(no_answer_is_an_empty_list),
    TEST(the_c_librarys_resolver_says_of_localhost_what_it_says_elsewhere),
};
const struct test_group name_group = TEST_GROUP("names", tests);
