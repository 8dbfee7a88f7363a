/* Who has a turn between two datagrams. With nobody there the next is read in the same pass; whoever could tell the
   difference comes first. Runs are run_forever here, for loop_run_once has a caller between any two passes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ch06/posts.h"
#include "groups.h"

/* An open endpoint in which datagrams wait, and what happens in the first of them. */
struct queue {
    struct office office;
    struct address peer;
    int fd, port;
    int stop_at; /* with that many received the loop stops */
    void (*in_first)(struct queue *);
    struct handle soon;
    struct timer_handle timer;
    struct handle reader;
    int pair[2];
    struct post other;
};

static void on_datagram(struct post *post, const void *data, size_t size)
{
    struct queue *queue = post->context;
    (void)data;
    (void)size;
    if (post->received == 1 && queue->in_first != NULL)
        queue->in_first(queue);
    if (post->received == queue->stop_at)
        loop_stop(queue->office.loop);
}

static void begin(struct queue *queue, int datagrams, void (*in_first)(struct queue *))
{
    int peer_port;
    *queue = (struct queue){.in_first = in_first, .stop_at = datagrams};
    queue->fd = udp_peer(&peer_port);
    queue->peer = loopback(peer_port);
    office_open(&queue->office, &(struct datagram_options){.local_host = "127.0.0.1"});
    queue->office.post.context = queue;
    queue->office.post.on_datagram = on_datagram;
    queue->port = office_port(&queue->office);
    for (int i = 1; i <= datagrams; i++) {
        char text[12];
        snprintf(text, sizeof text, "%d", i);
        udp_send(queue->fd, queue->port, text);
    }
    kernel_reset();
}

static void end(struct queue *queue)
{
    close(queue->fd);
    office_end(&queue->office);
}

static void run(struct queue *queue)
{
    CHECK_INT(loop_run_forever(queue->office.loop), 0);
}

static void with_nobody_waiting_one_pass_reads_them_all(void)
{
    struct queue queue;
    begin(&queue, 3, NULL);
    run(&queue);
    CHECK_TRACE("DG(1);DG(2);DG(3)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 1);
    end(&queue);
}

static void a_pass_reads_sixteen_at_most(void)
{
    struct queue queue;
    begin(&queue, 33, NULL);
    queue.office.post.silent = true;
    run(&queue);
    CHECK_INT(queue.office.post.received, 33);
    CHECK_INT(kernel_count(KERNEL_WAIT), 3);
    end(&queue);
}

static void queue_a_call(struct queue *queue)
{
    handle_init(&queue->soon, trace_function, "soon");
    loop_call_soon(queue->office.loop, &queue->soon);
}

static void a_queued_call_comes_before_the_next(void)
{
    struct queue queue;
    begin(&queue, 3, queue_a_call);
    run(&queue);
    CHECK_TRACE("DG(1);soon;DG(2);DG(3)");
    end(&queue);
}

static void a_call_of_the_same_pass_comes_before_the_next(void)
{
    struct queue queue;
    begin(&queue, 2, NULL);
    loop_call_at(queue.office.loop, loop_time(queue.office.loop), &queue.timer);
    handle_init(&queue.timer.handle, trace_function, "timer");
    run(&queue);
    CHECK_TRACE("DG(1);timer;DG(2)");
    end(&queue);
}

static void set_a_timer_that_is_due(struct queue *queue)
{
    handle_init(&queue->timer.handle, trace_function, "timer");
    loop_call_later(queue->office.loop, 0, &queue->timer);
}

/* The next pass finds the second datagram and the timer, in this order. */
static void a_timer_that_is_due_comes_before_the_one_after_the_next(void)
{
    struct queue queue;
    begin(&queue, 3, set_a_timer_that_is_due);
    run(&queue);
    CHECK_TRACE("DG(1);DG(2);timer;DG(3)");
    end(&queue);
}

static void set_a_late_timer(struct queue *queue)
{
    handle_init(&queue->timer.handle, trace_function, "timer");
    loop_call_later(queue->office.loop, 3600, &queue->timer);
}

static void a_timer_that_is_not_due_changes_nothing(void)
{
    struct queue queue;
    begin(&queue, 3, set_a_late_timer);
    run(&queue);
    CHECK_TRACE("DG(1);DG(2);DG(3)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 1);
    handle_cancel(&queue.timer.handle);
    end(&queue);
}

static void read_the_pair(void *context)
{
    struct queue *queue = context;
    char byte;
    CHECK_INT(read(queue->pair[0], &byte, 1), 1);
    trace("pair");
}

static void write_into_the_pair(struct queue *queue)
{
    CHECK_INT(write(queue->pair[1], "x", 1), 1);
}

/* Both are ready in the second pass, in the selector's order. */
static void another_descriptor_comes_before_the_one_after_the_next(void)
{
    struct queue queue;
    begin(&queue, 3, write_into_the_pair);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, queue.pair) == 0);
    handle_init(&queue.reader, read_the_pair, &queue);
    CHECK_INT(loop_add_reader(queue.office.loop, queue.pair[0], &queue.reader), 0);
    run(&queue);
    bool pair_first = strstr(traced(), "pair;DG(2)") != NULL;
    CHECK_TRACE(pair_first ? "DG(1);pair;DG(2);DG(3)" : "DG(1);DG(2);pair;DG(3)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 3);
    CHECK_INT(loop_remove_reader(queue.office.loop, queue.pair[0]), 1);
    close(queue.pair[0]);
    close(queue.pair[1]);
    end(&queue);
}

static void watch_for_a_moment(struct queue *queue)
{
    CHECK_INT(loop_add_reader(queue->office.loop, queue->pair[0], &queue->reader), 0);
    CHECK_INT(loop_add_writer(queue->office.loop, queue->pair[0], &queue->soon), 0);
    CHECK_INT(loop_remove_writer(queue->office.loop, queue->pair[0]), 1);
    CHECK_INT(loop_remove_reader(queue->office.loop, queue->pair[0]), 1);
}

static void a_descriptor_that_is_watched_no_more_changes_nothing(void)
{
    struct queue queue;
    begin(&queue, 3, watch_for_a_moment);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, queue.pair) == 0);
    handle_init(&queue.reader, read_the_pair, &queue);
    handle_init(&queue.soon, trace_function, "writable");
    run(&queue);
    CHECK_TRACE("DG(1);DG(2);DG(3)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 1);
    close(queue.pair[0]);
    close(queue.pair[1]);
    end(&queue);
}

static void a_stop_leaves_the_rest_for_the_next_run(void)
{
    struct queue queue;
    begin(&queue, 3, NULL);
    queue.stop_at = 1;
    run(&queue);
    CHECK_TRACE("DG(1)");
    queue.stop_at = 3;
    run(&queue);
    CHECK_TRACE("DG(1);DG(2);DG(3)");
    end(&queue);
}

static void a_stop_before_the_run_means_one(void)
{
    struct queue queue;
    begin(&queue, 2, NULL);
    loop_stop(queue.office.loop);
    run(&queue);
    CHECK_TRACE("DG(1)");
    EXPECT(queue.office.loop, "DG(1);DG(2)");
    end(&queue);
}

static void a_single_pass_reads_one(void)
{
    struct queue queue;
    begin(&queue, 2, NULL);
    loop_stop(queue.office.loop);
    run(&queue);
    CHECK_INT(loop_run_once(queue.office.loop), 0);
    CHECK_TRACE("DG(1);DG(2)");
    udp_send(queue.fd, queue.port, "3");
    udp_send(queue.fd, queue.port, "4");
    CHECK_INT(loop_run_once(queue.office.loop), 0);
    CHECK_TRACE("DG(1);DG(2);DG(3)");
    EXPECT(queue.office.loop, "DG(1);DG(2);DG(3);DG(4)");
    end(&queue);
}

static void stop_when_lost(struct post *post)
{
    loop_stop(((struct queue *)post->context)->office.loop);
}

static void close_it(struct queue *queue)
{
    transport_close(queue->office.transport);
}

static void closed_in_the_first_it_reads_no_second(void)
{
    struct queue queue;
    begin(&queue, 2, close_it);
    queue.office.post.on_lost = stop_when_lost;
    run(&queue);
    CHECK_TRACE("DG(1);CL(None)");
    end(&queue);
}

static void fail_to_receive_next(struct queue *queue)
{
    (void)queue;
    kernel_fail(KERNEL_RECEIVE, ECONNREFUSED, 0, 1);
}

static void an_error_ends_the_pass_and_loses_nothing(void)
{
    struct queue queue;
    begin(&queue, 3, fail_to_receive_next);
    run(&queue);
    CHECK_TRACE("DG(1);ER(ECONNREFUSED);DG(2);DG(3)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 2);
    end(&queue);
}

static void stop_the_loop(struct post *post, const void *data, size_t size)
{
    (void)data;
    (void)size;
    loop_stop(transport_get_loop(post->transport));
}

static void hand_it_to_another(struct queue *queue)
{
    post_init(&queue->other);
    queue->other.on_datagram = stop_the_loop;
    queue->other.transport = queue->office.transport;
    queue->other.made = 1;
    transport_set_protocol(queue->office.transport, &queue->other.protocol);
}

static void a_new_protocol_gets_the_next(void)
{
    struct queue queue;
    begin(&queue, 2, hand_it_to_another);
    run(&queue);
    CHECK_TRACE("DG(1);DG(2)");
    CHECK_INT(kernel_count(KERNEL_WAIT), 1);
    CHECK_INT(queue.office.post.received, 1);
    CHECK_INT(queue.other.received, 1);
    queue.office.post.made = 0; /* its connection_lost goes to the other */
    end(&queue);
}

static void answer_a_full_socket(struct queue *queue)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    post_send(queue->office.transport, "answer", &queue->peer);
}

static void a_datagram_of_ours_that_waits_comes_before_the_one_after_the_next(void)
{
    struct queue queue;
    begin(&queue, 3, answer_a_full_socket);
    queue.stop_at = 2;
    run(&queue);
    CHECK_INT(kernel_count(KERNEL_WAIT), 2);
    CHECK_DATAGRAM(queue.fd, "answer");
    EXPECT(queue.office.loop, "DG(1);DG(2);DG(3)");
    end(&queue);
}

static void hear_the_signal(void *context)
{
    struct queue *queue = context;
    trace("at most %d before", queue->office.post.received <= 33 ? 33 : queue->office.post.received);
}

static void signal_ourselves(struct queue *queue)
{
    (void)queue;
    CHECK_INT(raise(SIGUSR1), 0);
}

/* Sixteen of the pass in which it came, sixteen while its byte is read, and one more. */
static void a_flood_does_not_keep_a_signal_out(void)
{
    struct queue queue;
    begin(&queue, 60, signal_ourselves);
    queue.office.post.silent = true;
    CHECK_INT(loop_add_signal_handler(queue.office.loop, SIGUSR1, hear_the_signal, &queue), 0);
    run(&queue);
    CHECK_TRACE("at most 33 before");
    CHECK_INT(loop_remove_signal_handler(queue.office.loop, SIGUSR1), 1);
    end(&queue);
}

static const struct test tests[] = {
    TEST(with_nobody_waiting_one_pass_reads_them_all),
    TEST(a_pass_reads_sixteen_at_most),
    TEST(a_queued_call_comes_before_the_next),
    TEST(a_call_of_the_same_pass_comes_before_the_next),
    TEST(a_timer_that_is_due_comes_before_the_one_after_the_next),
    TEST(a_timer_that_is_not_due_changes_nothing),
    TEST(another_descriptor_comes_before_the_one_after_the_next),
    TEST(a_descriptor_that_is_watched_no_more_changes_nothing),
    TEST(a_stop_leaves_the_rest_for_the_next_run),
    TEST(a_stop_before_the_run_means_one),
    TEST(a_single_pass_reads_one),
    TEST(closed_in_the_first_it_reads_no_second),
    TEST(an_error_ends_the_pass_and_loses_nothing),
    TEST(a_new_protocol_gets_the_next),
    TEST(a_datagram_of_ours_that_waits_comes_before_the_one_after_the_next),
    TEST(a_flood_does_not_keep_a_signal_out),
};
const struct test_group turn_group = TEST_GROUP("turns", tests);
