/* loop_call_soon_threadsafe. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "groups.h"
#include "loops.h"

struct sender {
    struct loop *loop;
    struct handle *first;
    size_t count;
};

static void *send_all(void *context)
{
    struct sender *sender = context;
    for (size_t i = 0; i < sender->count; i++)
        if (loop_call_soon_threadsafe(sender->loop, &sender->first[i]) != 0)
            return sender;
    return NULL;
}

static void stop_loop(void *loop)
{
    trace("x");
    loop_stop(loop);
}

static void a_thread_wakes_an_idle_loop(void)
{
    struct loop *loop = new_loop();
    struct handle stop;
    pthread_t thread;
    void *failed;
    handle_init(&stop, stop_loop, loop);
    struct sender sender = {loop, &stop, 1};
    REQUIRE(pthread_create(&thread, NULL, send_all, &sender) == 0);
    CHECK_INT(loop_run_forever(loop), 0);
    pthread_join(thread, &failed);
    CHECK(failed == NULL);
    CHECK_TRACE("x");
    free_loop(loop);
}

enum { THREADS = 4,
    EACH = 250 };

struct numbered {
    int thread, number;
};
static int reached[THREADS], out_of_order, total;

static void note_number(void *context)
{
    const struct numbered *one = context;
    if (reached[one->thread]++ != one->number)
        out_of_order++;
    total++;
}

static bool all_came(void *unused)
{
    (void)unused;
    return total >= THREADS * EACH;
}

static void each_handle_of_four_threads_runs_once_and_in_its_threads_order(void)
{
    static struct handle handles[THREADS][EACH];
    static struct numbered numbers[THREADS][EACH];
    struct sender senders[THREADS];
    pthread_t threads[THREADS];
    struct loop *loop = new_loop();
    total = out_of_order = 0;
    for (int i = 0; i < THREADS; i++) {
        reached[i] = 0;
        for (int j = 0; j < EACH; j++) {
            numbers[i][j] = (struct numbered){i, j};
            handle_init(&handles[i][j], note_number, &numbers[i][j]);
        }
        senders[i] = (struct sender){loop, handles[i], EACH};
        REQUIRE(pthread_create(&threads[i], NULL, send_all, &senders[i]) == 0);
    }
    CHECK(run_until(loop, all_came, NULL));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    settle(loop);
    CHECK_INT(total, THREADS * EACH);
    CHECK_INT(out_of_order, 0);
    free_loop(loop);
}

static void count_one(void *context)
{
    ++*(int *)context;
}

struct many {
    int *count, wanted;
};

static bool as_many(void *context)
{
    const struct many *many = context;
    return *many->count >= many->wanted;
}

static void a_hundred_thousand_calls_before_a_pass_neither_block_nor_get_lost(void)
{
    int count = 0, most = under_valgrind() ? 70000 : 100000;
    struct loop *loop = new_loop();
    struct handle *handles = malloc((size_t)most * sizeof *handles);
    REQUIRE(handles != NULL);
    for (int i = 0; i < most; i++) {
        handle_init(&handles[i], count_one, &count);
        if (loop_call_soon_threadsafe(loop, &handles[i]) != 0)
            FAIL("call %d was refused", i);
    }
    CHECK(run_until(loop, as_many, &(struct many){&count, most}));
    CHECK_INT(count, most);
    free_loop(loop);
    free(handles);
}

static void it_may_be_called_from_the_loops_own_thread(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a"), b = TRACES("b");
    CHECK_INT(loop_call_soon_threadsafe(loop, &a), 0);
    CHECK_INT(loop_call_soon_threadsafe(loop, &b), 0);
    EXPECT(loop, "a;b");
    free_loop(loop);
}

static void a_closed_loop_refuses_calls_of_threads(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a");
    loop_close(loop);
    CHECK_INT(loop_call_soon_threadsafe(loop, &a), -EBADF);
    struct sender sender = {loop, &a, 1};
    pthread_t thread;
    void *failed = NULL;
    REQUIRE(pthread_create(&thread, NULL, send_all, &sender) == 0);
    pthread_join(thread, &failed);
    CHECK(failed == &sender);
    free_loop(loop);
}

static void what_a_thread_gave_can_be_taken_back_on_its_way(void)
{
    struct loop *loop = new_loop();
    struct handle a = TRACES("a"), b = TRACES("b"), never = TRACES("never");
    loop_call_soon_threadsafe(loop, &a);
    loop_call_soon_threadsafe(loop, &b);
    CHECK(loop_cancel_threadsafe(loop, &a));
    CHECK(!loop_cancel_threadsafe(loop, &a));
    CHECK(!loop_cancel_threadsafe(loop, &never));
    EXPECT(loop, "b");
    CHECK(!loop_cancel_threadsafe(loop, &b));
    CHECK_INT(loop_call_soon_threadsafe(loop, &a), 0);
    EXPECT(loop, "b;a");
    free_loop(loop);
}

struct taker {
    struct handle handle;
    struct loop *loop;
    struct handle *other;
};

static void take_back(void *context)
{
    struct taker *taker = context;
    trace("taker");
    CHECK(loop_cancel_threadsafe(taker->loop, taker->other));
}

static void what_a_thread_gave_can_be_taken_back_by_an_earlier_one(void)
{
    struct loop *loop = new_loop();
    struct handle victim = TRACES("victim"), last = TRACES("last");
    struct taker taker = {.loop = loop, .other = &victim};
    handle_init(&taker.handle, take_back, &taker);
    loop_call_soon_threadsafe(loop, &taker.handle);
    loop_call_soon_threadsafe(loop, &victim);
    loop_call_soon_threadsafe(loop, &last);
    EXPECT(loop, "taker;last");
    free_loop(loop);
}

static void closing_drops_what_is_on_its_way(void)
{
    struct loop *loop = new_loop();
    struct handle *handle = malloc(sizeof *handle);
    REQUIRE(handle != NULL);
    handle_init(handle, trace_function, "never");
    loop_call_soon_threadsafe(loop, handle);
    loop_close(loop);
    CHECK(!handle_is_scheduled(handle));
    free(handle);
    free_loop(loop);
    CHECK_TRACE("");
}

static void *send_until_refused(void *context)
{
    struct sender *sender = context;
    size_t sent = 0;
    while (sent < sender->count && loop_call_soon_threadsafe(sender->loop, &sender->first[sent]) == 0)
        sent++;
    sender->count = sent;
    return NULL;
}

static void a_thread_that_sends_while_the_loop_closes_is_refused_in_the_end(void)
{
    enum { MOST = 5000 };
    static struct handle handles[MOST];
    int count = 0;
    pthread_t thread;
    struct loop *loop = new_loop();
    struct sender sender = {loop, handles, MOST};
    for (int i = 0; i < MOST; i++)
        handle_init(&handles[i], count_one, &count);
    REQUIRE(pthread_create(&thread, NULL, send_until_refused, &sender) == 0);
    CHECK(run_until(loop, as_many, &(struct many){&count, 100}));
    CHECK_INT(loop_close(loop), 0);
    pthread_join(thread, NULL);
    CHECK(count >= 100 && (size_t)count <= sender.count);
    for (int i = 0; i < MOST; i++)
        if (handle_is_scheduled(&handles[i]))
            FAIL("handle %d is still scheduled", i);
    free_loop(loop);
}

static const struct test tests[] = {
    TEST(a_thread_wakes_an_idle_loop),
    TEST(each_handle_of_four_threads_runs_once_and_in_its_threads_order),
    TEST(a_hundred_thousand_calls_before_a_pass_neither_block_nor_get_lost),
    TEST(it_may_be_called_from_the_loops_own_thread),
    TEST(a_closed_loop_refuses_calls_of_threads),
    TEST(what_a_thread_gave_can_be_taken_back_on_its_way),
    TEST(what_a_thread_gave_can_be_taken_back_by_an_earlier_one),
    TEST(closing_drops_what_is_on_its_way),
    TEST(a_thread_that_sends_while_the_loop_closes_is_refused_in_the_end),
};
const struct test_group thread_group = TEST_GROUP("threads", tests);
