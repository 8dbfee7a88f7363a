/* Judges a close with a limit: what arrives, when it gives up, and what is left behind. The loop tells our time. */
#include "grader.h"
#include "close_within.h"
#include "error.h"
#include "loop.h"
#include "socket_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 1000 * 1000 };

/* A connection whose peer is a plain socket in our hands. */
struct client {
    struct protocol protocol;
    struct transport *transport;
    int peer;
    int lost; /* how often connection_lost was called */
    int released;
};

static struct loop *loop;
static double now = 1000;
static char text[MUCH];

static double tell_time(void *context)
{
    (void)context;
    return now;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    ((struct client *)protocol)->transport = transport;
}

static void connection_lost(struct protocol *protocol, const struct error *exc)
{
    (void)exc;
    ((struct client *)protocol)->lost++;
}

static void released(struct protocol *protocol)
{
    ((struct client *)protocol)->released++;
}

static const struct protocol_callbacks callbacks = {
    .connection_made = connection_made,
    .connection_lost = connection_lost,
    .released = released,
};

static void nothing(void *context)
{
    (void)context;
}

/* Passes of the loop, none of which waits. */
static void turn(int passes)
{
    while (passes-- > 0) {
        struct handle soon;
        handle_init(&soon, nothing, NULL);
        loop_call_soon(loop, &soon);
        loop_run_once(loop);
    }
}

static void connect_client(struct client *client)
{
    int ends[2], small = 4096;
    *client = (struct client){.protocol = {&callbacks}};
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a pair of sockets", "%s", strerror(errno));
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    client->peer = ends[1];
    expect(socket_transport_create(loop, ends[0], &client->protocol, NULL) != NULL, "a transport", "%s",
        strerror(errno));
    turn(2);
}

static void begin(void)
{
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
    loop_set_clock(loop, tell_time, NULL);
    memset(text, '.', sizeof text);
}

/* How much has come to the peer, and whether its end has come too. */
static size_t take(struct client *client, bool *ended)
{
    static char piece[65536];
    size_t taken = 0;
    ssize_t size = 0;
    *ended = false;
    for (int idle = 0; idle < 5 && !*ended; turn(1)) {
        size = recv(client->peer, piece, sizeof piece, 0);
        taken += size > 0 ? (size_t)size : 0;
        *ended = size == 0;
        idle = size > 0 ? 0 : idle + 1;
    }
    return taken;
}

static void close_with_limit(struct client *client, double seconds)
{
    expect_int("what close_within returns", 0, close_within(client->transport, seconds));
}

static void end(struct client *client)
{
    loop_free(loop);
    expect_int("the number of calls of released", 1, client->released);
    close(client->peer);
}

static void what_is_unsent_goes_out(void)
{
    struct client client;
    bool ended;
    did("wrote %d bytes, called close_within(transport, 10), and let the peer read everything", MUCH);
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, 10);
    expect(transport_is_closing(client.transport), "the transport to be closing", "it is not");
    turn(3);
    expect_int("the number of bytes that came", MUCH, (long long)take(&client, &ended));
    expect(ended, "the end of the stream behind them", "nothing");
    expect_int("the number of calls of connection_lost", 1, client.lost);
    end(&client);
}

static void when_the_time_is_over_the_connection_is_lost(void)
{
    struct client client;
    did("wrote %d bytes to a peer that does not read, called close_within(transport, 10), and let 11 seconds go by",
        MUCH);
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, 10);
    turn(3);
    now += 11;
    turn(3);
    expect_int("the number of calls of connection_lost", 1, client.lost);
    end(&client);
}

static void not_before_the_time_is_over(void)
{
    struct client client;
    did("wrote %d bytes to a peer that does not read, called close_within(transport, 10), and let 9.5 seconds go by",
        MUCH);
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, 10);
    for (int i = 0; i < 19; i++) {
        now += 0.5;
        turn(2);
    }
    expect_int("the number of calls of connection_lost", 0, client.lost);
    did("let one more second go by");
    now += 1;
    turn(3);
    expect_int("the number of calls of connection_lost", 1, client.lost);
    end(&client);
}

static void a_limit_of_nothing_calls_back_into_nobody(void)
{
    struct client client;
    did("wrote %d bytes to a peer that does not read, and called close_within(transport, 0)", MUCH);
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, 0);
    expect_int("the number of calls of connection_lost before close_within returned", 0, client.lost);
    did("ran a few passes");
    turn(4);
    expect_int("the number of calls of connection_lost", 1, client.lost);
    end(&client);
}

static void try_limits(double first, double other)
{
    struct client client;
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, first);
    turn(1);
    close_with_limit(&client, other);
    now += 3;
    turn(3);
    expect_int("the number of calls of connection_lost", 1, client.lost);
    now += 10;
    turn(3);
    expect_int("the number of calls of connection_lost, ten seconds later", 1, client.lost);
    end(&client);
}

static void the_earliest_of_two_limits_counts(void)
{
    did("called close_within with 10 seconds and then with 2, while the peer does not read, and let 3 seconds go by");
    try_limits(10, 2);
    did("did the same with 2 seconds first and then with 10");
    try_limits(2, 10);
}

static void each_transport_has_a_limit_of_its_own(void)
{
    struct client one, other;
    did("called close_within(transport, 2) for two transports whose peers do not read, and let 3 seconds go by");
    begin();
    connect_client(&one);
    connect_client(&other);
    transport_write(one.transport, text, sizeof text);
    transport_write(other.transport, text, sizeof text);
    close_with_limit(&one, 2);
    close_with_limit(&other, 2);
    turn(2);
    now += 3;
    turn(3);
    expect_int("the number of calls of connection_lost for the first", 1, one.lost);
    expect_int("the number of calls of connection_lost for the second", 1, other.lost);
    close(other.peer);
    end(&one);
}

static void a_connection_that_is_lost_before_leaves_nothing_to_touch(void)
{
    struct client client;
    did("called close_within(transport, 10) with nothing unsent, so that the connection is lost at once, and let 20 "
        "seconds go by");
    begin();
    connect_client(&client);
    close_with_limit(&client, 10);
    turn(3);
    expect_int("the number of calls of connection_lost", 1, client.lost);
    now += 20;
    turn(3);
    expect_int("the number of calls of connection_lost, 20 seconds later", 1, client.lost);
    end(&client);
}

static void the_loop_may_be_closed_before_the_time_is_over(void)
{
    struct client client;
    did("wrote %d bytes to a peer that does not read, called close_within(transport, 10) twice, and freed the loop",
        MUCH);
    begin();
    connect_client(&client);
    transport_write(client.transport, text, sizeof text);
    close_with_limit(&client, 10);
    close_with_limit(&client, 12);
    turn(2);
    end(&client);
    expect_int("the number of calls of connection_lost", 0, client.lost);
}

static void one_that_is_lost_stays_as_it_is(void)
{
    struct client client;
    did("kept a transport by transport_retain until its connection was lost, and called close_within(transport, 5)");
    begin();
    connect_client(&client);
    struct transport *transport = transport_retain(client.transport);
    transport_abort(transport);
    turn(3);
    expect_int("what close_within returns", 0, close_within(transport, 5));
    now += 6;
    turn(3);
    did("freed the loop, and called it again");
    end(&client);
    expect_int("what close_within returns", 0, close_within(transport, 5));
    expect_int("the number of calls of connection_lost", 1, client.lost);
    transport_release(transport);
}

static const struct grader_test tests[] = {
    GRADER_TEST(what_is_unsent_goes_out),
    GRADER_TEST(when_the_time_is_over_the_connection_is_lost),
    GRADER_TEST(not_before_the_time_is_over),
    GRADER_TEST(a_limit_of_nothing_calls_back_into_nobody),
    GRADER_TEST(the_earliest_of_two_limits_counts),
    GRADER_TEST(each_transport_has_a_limit_of_its_own),
    GRADER_TEST(a_connection_that_is_lost_before_leaves_nothing_to_touch),
    GRADER_TEST(the_loop_may_be_closed_before_the_time_is_over),
    GRADER_TEST(one_that_is_lost_stays_as_it_is),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
