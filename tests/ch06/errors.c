/* Errors of single datagrams: who hears of them, when, and that nothing else happens. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ch02/recording.h"
#include "ch06/posts.h"
#include "groups.h"

static int closed_port(void)
{
    int port, fd = udp_peer(&port);
    close(fd);
    return port;
}

static void open_to(struct office *office, int port)
{
    office_open(office, &(struct datagram_options){.remote_host = "127.0.0.1", .remote_port = port});
}

static void a_refused_datagram_is_told_when_word_comes_back(void)
{
    struct office office;
    open_to(&office, closed_port());
    post_send(office.transport, "x", NULL);
    CHECK_TRACE("");
    EXPECT(office.loop, "ER(ECONNREFUSED)");
    post_send(office.transport, "x", NULL);
    EXPECT(office.loop, "ER(ECONNREFUSED);ER(ECONNREFUSED)");
    transport_close(office.transport);
    EXPECT(office.loop, "ER(ECONNREFUSED);ER(ECONNREFUSED);CL(None)");
    office_end(&office);
}

static void the_next_send_may_be_told_instead(void)
{
    struct office office;
    open_to(&office, closed_port());
    post_send(office.transport, "first", NULL);
    post_send(office.transport, "second", NULL);
    CHECK_TRACE("ER(ECONNREFUSED)");
    CHECK(!transport_is_closing(office.transport));
    office_end(&office);
}

static void unconnected_it_hears_of_no_refusal(void)
{
    struct office office;
    struct address nobody = loopback(closed_port());
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    post_send(office.transport, "x", &nobody);
    post_send(office.transport, "x", &nobody);
    settle(office.loop);
    CHECK_TRACE("");
    office_end(&office);
}

static void a_broadcast_without_leave_is_refused(void)
{
    struct office office;
    struct address all = loopback(9);
    all.of.in.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    post_send(office.transport, "x", &all);
    CHECK_TRACE("ER(EACCES)");
    office_end(&office);
}

static void an_address_of_another_family_is_an_error(void)
{
    struct office office;
    struct address path = {.size = sizeof(sa_family_t) + 3};
    path.of.un = (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "/x"};
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    CHECK_INT(transport_sendto(office.transport, "x", 1, &path), 0);
    CHECK_INT(office.post.errors, 1);
    CHECK(!transport_is_closing(office.transport));
    office_end(&office);
}

static void fail(struct post *post, const void *data, size_t size)
{
    (void)data;
    (void)size;
    struct error *error = error_new(&error_application, 1, "boom");
    transport_fail(post->transport, error);
    error_release(error);
}

static void fail_at_error(struct post *post)
{
    fail(post, NULL, 0);
}

static void a_failure_in_datagram_received_leaves_it_open(void)
{
    struct office office;
    int port, peer = udp_peer(&port);
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    office.post.on_datagram = fail;
    udp_send(peer, office_port(&office), "1");
    udp_send(peer, office_port(&office), "2");
    EXPECT(office.loop, "DG(1);EXH[Exception in callback|boom];DG(2);EXH[Exception in callback|boom]");
    CHECK(!transport_is_closing(office.transport));
    close(peer);
    office_end(&office);
}

static void a_failure_in_error_received_leaves_it_open(void)
{
    struct office office;
    open_to(&office, closed_port());
    office.post.on_error = fail_at_error;
    kernel_fail(KERNEL_SEND, EMSGSIZE, 0, 1);
    post_send(office.transport, "x", NULL);
    CHECK_TRACE("ER(EMSGSIZE);EXH[Exception in callback|boom]");
    CHECK(!transport_is_closing(office.transport));
    office_end(&office);
}

static void a_failure_outside_of_callbacks_is_the_end(void)
{
    struct office office;
    open_to(&office, closed_port());
    fail(&office.post, NULL, 0);
    EXPECT(office.loop, "EXH[Fatal error on transport|boom];CL(boom)");
    office_end(&office);
}

static void abort_at_error(struct post *post)
{
    transport_abort(post->transport);
}

static void aborted_in_error_received_it_ends(void)
{
    struct office office;
    open_to(&office, closed_port());
    office.post.on_error = abort_at_error;
    kernel_fail(KERNEL_SEND, ENOBUFS, 0, 1);
    post_send(office.transport, "x", NULL);
    CHECK_TRACE("ER(ENOBUFS)");
    EXPECT(office.loop, "ER(ENOBUFS);CL(None)");
    office_end(&office);
}

static void a_receive_that_fails_is_no_end(void)
{
    struct office office;
    int port, peer = udp_peer(&port);
    office_open(&office, &(struct datagram_options){.local_host = "127.0.0.1"});
    udp_send(peer, office_port(&office), "1");
    kernel_fail(KERNEL_RECEIVE, EIO, 0, 1);
    EXPECT(office.loop, "ER(EIO);DG(1)");
    kernel_fail(KERNEL_RECEIVE, EINTR, 0, 1);
    udp_send(peer, office_port(&office), "2");
    EXPECT(office.loop, "ER(EIO);DG(1);DG(2)");
    close(peer);
    office_end(&office);
}

static void without_memory_the_datagram_is_an_error_and_not_a_secret(void)
{
    struct office office;
    open_to(&office, closed_port());
    kernel_fail(KERNEL_SEND, EAGAIN, 0, 100);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    post_send(office.transport, "x", NULL);
    CHECK_TRACE("ER(ENOMEM)");
    CHECK_INT(transport_get_write_buffer_size(office.transport), 0);
    office_end(&office);
}

static void a_stream_has_no_sendto(void)
{
    struct wire wire;
    wire_begin(&wire, tcp_pair);
    CHECK_INT(transport_sendto(wire.transport, "x", 1, NULL), -ENOTSUP);
    wire_end(&wire);
}

static const struct test tests[] = {
    TEST(a_refused_datagram_is_told_when_word_comes_back),
    TEST(the_next_send_may_be_told_instead),
    TEST(unconnected_it_hears_of_no_refusal),
    TEST(a_broadcast_without_leave_is_refused),
    TEST(an_address_of_another_family_is_an_error),
    TEST(a_failure_in_datagram_received_leaves_it_open),
    TEST(a_failure_in_error_received_leaves_it_open),
    TEST(a_failure_outside_of_callbacks_is_the_end),
    TEST(aborted_in_error_received_it_ends),
    TEST(a_receive_that_fails_is_no_end),
    TEST(without_memory_the_datagram_is_an_error_and_not_a_secret),
    TEST(a_stream_has_no_sendto),
};
const struct test_group error_group = TEST_GROUP("errors of datagrams", tests);
