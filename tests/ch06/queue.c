/* A socket that takes nothing: datagrams wait in order, the marks of flow control count their bytes, and the end comes
   behind the last of them. The endpoint is connected; the kernel's send is made to fail. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch06/posts.h"
#include "groups.h"

struct lane {
    struct office office;
    int fd, port;
};

static void begin(struct lane *lane)
{
    lane->fd = udp_peer(&lane->port);
    office_open(&lane->office,
        &(struct datagram_options){.remote_host = "127.0.0.1", .remote_port = lane->port});
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1000000);
}

static void end(struct lane *lane)
{
    close(lane->fd);
    office_end(&lane->office);
}

static void let_go(unsigned times)
{
    kernel_fail(KERNEL_SEND, EAGAIN, times, 1000000);
}

static void put(struct lane *lane, const char *text)
{
    post_send(lane->office.transport, text, NULL);
}

#define CHECK_WAITING(lane, size) CHECK_INT(transport_get_write_buffer_size((lane)->office.transport), (size))

static void what_the_socket_does_not_take_waits_in_order(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    let_go(1000);
    put(&lane, "three");
    CHECK_NO_DATAGRAM(lane.fd);
    CHECK_WAITING(&lane, 8);
    settle(lane.office.loop);
    CHECK_DATAGRAM(lane.fd, "one");
    CHECK_DATAGRAM(lane.fd, "three");
    CHECK_WAITING(&lane, 0);
    CHECK(is_idle(lane.office.loop));
    end(&lane);
}

static void an_interrupted_send_is_tried_again(void)
{
    struct lane lane;
    begin(&lane);
    kernel_fail(KERNEL_SEND, EINTR, 0, 1);
    put(&lane, "x");
    CHECK_TRACE("");
    settle(lane.office.loop);
    CHECK_DATAGRAM(lane.fd, "x");
    end(&lane);
}

static void the_bytes_that_wait_are_copied(void)
{
    struct lane lane;
    char text[] = "before";
    begin(&lane);
    put(&lane, text);
    memcpy(text, "after!", 6);
    let_go(1000);
    settle(lane.office.loop);
    CHECK_DATAGRAM(lane.fd, "before");
    end(&lane);
}

static void seams_are_kept_for_empty_datagrams_too(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "a");
    put(&lane, "");
    put(&lane, "b");
    CHECK_WAITING(&lane, 2);
    let_go(1000);
    settle(lane.office.loop);
    CHECK_DATAGRAM(lane.fd, "a");
    CHECK_DATAGRAM(lane.fd, "");
    CHECK_DATAGRAM(lane.fd, "b");
    end(&lane);
}

static void set_marks(struct lane *lane)
{
    CHECK_INT(transport_set_write_buffer_limits(lane->office.transport, 10, 4), 0);
}

static void above_the_high_mark_it_pauses_inside_sendto(void)
{
    struct lane lane;
    begin(&lane);
    set_marks(&lane);
    put(&lane, "12345");
    put(&lane, "12345");
    CHECK_TRACE("");
    put(&lane, "1");
    CHECK_TRACE("PW");
    put(&lane, "1");
    CHECK_TRACE("PW");
    end(&lane);
}

static void at_the_low_mark_it_resumes(void)
{
    struct lane lane;
    begin(&lane);
    set_marks(&lane);
    put(&lane, "123456");
    put(&lane, "x");
    put(&lane, "1234");
    CHECK_TRACE("PW");
    let_go(1);
    pass(lane.office.loop);
    CHECK_WAITING(&lane, 5);
    CHECK_TRACE("PW");
    let_go(1);
    pass(lane.office.loop);
    CHECK_TRACE("PW;RW");
    CHECK_INT(lane.office.post.size_at_resume, 4);
    end(&lane);
}

static void the_default_marks_are_those_of_streams(void)
{
    struct lane lane;
    size_t low, high;
    begin(&lane);
    transport_get_write_buffer_limits(lane.office.transport, &low, &high);
    CHECK_INT(low, 16384);
    CHECK_INT(high, 65536);
    end(&lane);
}

static void close_sends_what_waits_before_the_end(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    put(&lane, "two");
    transport_close(lane.office.transport);
    CHECK(transport_is_closing(lane.office.transport));
    pass(lane.office.loop);
    pass(lane.office.loop);
    CHECK_TRACE("");
    let_go(1000);
    EXPECT(lane.office.loop, "CL(None)");
    CHECK_DATAGRAM(lane.fd, "one");
    CHECK_DATAGRAM(lane.fd, "two");
    end(&lane);
}

static void closed_while_paused_it_resumes_before_the_end(void)
{
    struct lane lane;
    begin(&lane);
    set_marks(&lane);
    put(&lane, "12345678901");
    transport_close(lane.office.transport);
    let_go(1000);
    EXPECT(lane.office.loop, "PW;RW;CL(None)");
    end(&lane);
}

static void while_it_drains_after_close_more_can_be_sent(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    transport_close(lane.office.transport);
    put(&lane, "two");
    let_go(1000);
    EXPECT(lane.office.loop, "CL(None)");
    CHECK_DATAGRAM(lane.fd, "one");
    CHECK_DATAGRAM(lane.fd, "two");
    end(&lane);
}

static void abort_drops_what_waits(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    transport_abort(lane.office.transport);
    CHECK_WAITING(&lane, 0);
    let_go(1000);
    EXPECT(lane.office.loop, "CL(None)");
    CHECK_NO_DATAGRAM(lane.fd);
    end(&lane);
}

static void closing_and_then_aborted_it_drops_what_waits(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    transport_close(lane.office.transport);
    transport_abort(lane.office.transport);
    EXPECT(lane.office.loop, "CL(None)");
    CHECK_NO_DATAGRAM(lane.fd);
    end(&lane);
}

static void an_error_while_draining_drops_only_its_own_datagram(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    put(&lane, "two");
    put(&lane, "three");
    kernel_fail(KERNEL_SEND, EMSGSIZE, 1, 1);
    EXPECT(lane.office.loop, "ER(EMSGSIZE)");
    CHECK_DATAGRAM(lane.fd, "one");
    CHECK_DATAGRAM(lane.fd, "three");
    CHECK_WAITING(&lane, 0);
    CHECK(is_idle(lane.office.loop));
    end(&lane);
}

static void an_error_of_the_last_one_does_not_keep_it_from_ending(void)
{
    struct lane lane;
    begin(&lane);
    put(&lane, "one");
    transport_close(lane.office.transport);
    kernel_fail(KERNEL_SEND, EMSGSIZE, 0, 1);
    EXPECT(lane.office.loop, "ER(EMSGSIZE);CL(None)");
    CHECK_NO_DATAGRAM(lane.fd);
    end(&lane);
}

static void abort_now(struct post *post)
{
    transport_abort(post->transport);
}

static void aborted_by_an_error_while_draining_it_drops_the_rest(void)
{
    struct lane lane;
    begin(&lane);
    lane.office.post.on_error = abort_now;
    put(&lane, "one");
    put(&lane, "two");
    kernel_fail(KERNEL_SEND, EMSGSIZE, 0, 1);
    EXPECT(lane.office.loop, "ER(EMSGSIZE);CL(None)");
    CHECK_NO_DATAGRAM(lane.fd);
    end(&lane);
}

static void aborted_in_the_resume_it_ends_once(void)
{
    struct lane lane;
    begin(&lane);
    set_marks(&lane);
    lane.office.post.on_resume = abort_now;
    put(&lane, "12345678901");
    let_go(1000);
    EXPECT(lane.office.loop, "PW;RW;CL(None)");
    end(&lane);
}

static void send_again(struct post *post)
{
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    post_send(post->transport, "again", NULL);
    post->on_resume = NULL;
}

static void what_is_sent_in_the_resume_is_sent_too(void)
{
    struct lane lane;
    begin(&lane);
    set_marks(&lane);
    lane.office.post.on_resume = send_again;
    put(&lane, "12345678901");
    let_go(1000);
    settle(lane.office.loop);
    CHECK_TRACE("PW;RW");
    CHECK_DATAGRAM(lane.fd, "12345678901");
    CHECK_DATAGRAM(lane.fd, "again");
    end(&lane);
}

static void after_close_a_full_socket_loses_what_comes_late(void)
{
    struct office office;
    int port, peer = udp_peer(&port);
    struct address to = loopback(port);
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    transport_close(office.transport);
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    post_send(office.transport, "late", &to);
    CHECK_INT(transport_get_write_buffer_size(office.transport), 0);
    EXPECT(office.loop, "CL(None)");
    CHECK_NO_DATAGRAM(peer);
    close(peer);
    office_end(&office);
}

static void each_that_waits_keeps_its_own_address(void)
{
    struct office office;
    int ports[2], peers[2] = {udp_peer(&ports[0]), udp_peer(&ports[1])};
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 1);
    for (int i = 0; i < 4; i++) {
        struct address to = loopback(ports[i % 2]);
        post_send(office.transport, (const char *const[]){"1", "2", "3", "4"}[i], &to);
    }
    settle(office.loop);
    CHECK_DATAGRAM(peers[0], "1");
    CHECK_DATAGRAM(peers[0], "3");
    CHECK_DATAGRAM(peers[1], "2");
    CHECK_DATAGRAM(peers[1], "4");
    close(peers[0]);
    close(peers[1]);
    office_end(&office);
}

static const struct test tests[] = {
    TEST(what_the_socket_does_not_take_waits_in_order),
    TEST(an_interrupted_send_is_tried_again),
    TEST(the_bytes_that_wait_are_copied),
    TEST(seams_are_kept_for_empty_datagrams_too),
    TEST(above_the_high_mark_it_pauses_inside_sendto),
    TEST(at_the_low_mark_it_resumes),
    TEST(the_default_marks_are_those_of_streams),
    TEST(close_sends_what_waits_before_the_end),
    TEST(closed_while_paused_it_resumes_before_the_end),
    TEST(while_it_drains_after_close_more_can_be_sent),
    TEST(abort_drops_what_waits),
    TEST(closing_and_then_aborted_it_drops_what_waits),
    TEST(an_error_while_draining_drops_only_its_own_datagram),
    TEST(an_error_of_the_last_one_does_not_keep_it_from_ending),
    TEST(aborted_by_an_error_while_draining_it_drops_the_rest),
    TEST(aborted_in_the_resume_it_ends_once),
    TEST(what_is_sent_in_the_resume_is_sent_too),
    TEST(after_close_a_full_socket_loses_what_comes_late),
    TEST(each_that_waits_keeps_its_own_address),
};
const struct test_group queue_group = TEST_GROUP("the queue of datagrams", tests);
