/* Judges an echo: how much it keeps for clients that do not read, and whether they get everything in the end. */
#include <errno.h>
#include <string.h>

#include "grader.h"
#include "loop.h"
#include "polite_echo.h"
#include "socket_transport.h"

enum { KIB = 1024,
    ALL = 4 * 1024 * KIB,
    ALLOWED = 320 * KIB };

struct client {
    int fd;
    struct transport *transport; /* the echo's */
    size_t sent, received;
};

static struct loop *loop;

static void turn(void)
{
    kernel_wait_at_most(0);
    for (int i = 0; i < 4; i++)
        loop_run_once(loop);
}

static void begin(void)
{
    loop = loop_create(NULL);
    expect(loop != NULL, "a loop", "%s", strerror(errno));
}

static struct client connect_client(void)
{
    int ends[2];
    struct protocol *protocol = polite_echo(NULL);
    expect(protocol != NULL, "a protocol from polite_echo", "NULL");
    unix_pair(ends);
    struct client client = {.fd = ends[1]};
    client.transport = transport_retain(socket_transport_create(loop, ends[0], protocol, NULL));
    turn();
    return client;
}

static void end(struct client *client)
{
    transport_release(client->transport);
    close_socket(client->fd);
}

/* What is sent: letters in turn, so that each piece of it can be compared in one go. */
static const char *letters_from(size_t position)
{
    static char letters[64 * KIB + 23];
    if (letters[0] == '\0')
        for (size_t i = 0; i < sizeof letters; i++)
            letters[i] = (char)('a' + i % 23);
    return letters + position % 23;
}

/* Sends on in pieces of this size, up to `most` bytes in all, until nobody takes any more. */
static void send_pieces_until_stuck(struct client *client, size_t piece_size, size_t most)
{
    for (int stuck = 0; stuck < 3 && client->sent < most;) {
        size_t size = most - client->sent < piece_size ? most - client->sent : piece_size;
        size_t taken = send_what_fits(client->fd, letters_from(client->sent), size);
        client->sent += taken;
        stuck = taken > 0 ? 0 : stuck + 1;
        turn();
    }
}

static void send_until_stuck(struct client *client, size_t most)
{
    send_pieces_until_stuck(client, 64 * KIB, most);
}

/* Reads until nothing comes any more, `most` bytes at most. */
static void read_all(struct client *client, size_t most)
{
    static char piece[64 * KIB];
    for (int quiet = 0; quiet < 3 && most > 0;) {
        size_t size = receive(client->fd, piece, most < sizeof piece ? most : sizeof piece, 0);
        expect(memcmp(piece, letters_from(client->received), size) == 0, "the bytes in the order in which they went",
            "others behind the first %zu", client->received);
        client->received += size;
        most -= size;
        quiet = size > 0 ? 0 : quiet + 1;
        turn();
    }
}

static void expect_little_kept(const struct client *client)
{
    size_t kept = transport_get_write_buffer_size(client->transport);
    expect(kept <= ALLOWED, "no more than 320 KiB in the write buffer", "%zu KiB in it", kept / KIB);
    expect(!transport_is_closing(client->transport), "the connection to stay open", "the echo closed it");
}

static void what_comes_is_sent_back(void)
{
    did("a client sent 1,000 bytes, and read");
    begin();
    struct client client = connect_client();
    send_until_stuck(&client, 1000);
    read_all(&client, 2000);
    expect_int("the number of bytes that came back", 1000, (long long)client.received);
    end(&client);
    loop_free(loop);
}

static void a_client_that_never_reads_costs_little(void)
{
    did("a client sent up to 4 MiB, and read nothing");
    begin();
    struct client client = connect_client();
    send_until_stuck(&client, ALL);
    expect_little_kept(&client);
    end(&client);
    loop_free(loop);
}

static void a_client_that_never_reads_is_made_to_wait(void)
{
    did("a client sent as much as it could, and read nothing");
    begin();
    struct client client = connect_client();
    send_until_stuck(&client, ALL);
    expect(client.sent < ALL, "its socket to be full before 4 MiB have gone in", "all of it was taken");
    end(&client);
    loop_free(loop);
}

static void when_it_reads_again_all_of_it_comes(void)
{
    did("a client sent as much as it could in pieces of 8 KiB, and read after that");
    begin();
    struct client client = connect_client();
    send_pieces_until_stuck(&client, 8 * KIB, ALL);
    expect_little_kept(&client);
    read_all(&client, ALL);
    expect_int("the number of bytes that came back", (long long)client.sent, (long long)client.received);
    send_until_stuck(&client, client.sent + 1000);
    read_all(&client, ALL);
    expect_int("the number after 1,000 more", (long long)client.sent, (long long)client.received);
    end(&client);
    loop_free(loop);
}

static void a_slow_client_is_served_at_its_own_speed(void)
{
    did("a client sent 1.5 MiB as fast as it could, and read 50,000 bytes now and then");
    begin();
    struct client client = connect_client();
    for (int i = 0; i < 40 && client.received < ALL * 3 / 8; i++) {
        send_until_stuck(&client, ALL * 3 / 8);
        expect_little_kept(&client);
        read_all(&client, 50000);
    }
    read_all(&client, ALL);
    expect_int("the number of bytes that came back", ALL * 3 / 8, (long long)client.received);
    end(&client);
    loop_free(loop);
}

static void an_end_does_not_cut_off_what_waits(void)
{
    did("a client sent as much as it could, ended its side, and read after that");
    begin();
    struct client client = connect_client();
    send_until_stuck(&client, ALL);
    expect_little_kept(&client);
    end_sending(client.fd);
    turn();
    read_all(&client, ALL);
    expect_int("the number of bytes that came back", (long long)client.sent, (long long)client.received);
    expect(receives_end(client.fd, 0), "the end behind them", "no end");
    end(&client);
    loop_free(loop);
}

static void others_do_not_notice(void)
{
    did("one client sent and did not read; another sent 1,000 bytes, and read");
    begin();
    struct client stalled = connect_client(), other = connect_client();
    send_until_stuck(&stalled, ALL);
    expect_little_kept(&stalled);
    send_until_stuck(&other, 1000);
    read_all(&other, 2000);
    expect_int("the number of bytes that came back to the other", 1000, (long long)other.received);
    end(&stalled);
    end(&other);
    loop_free(loop);
}

static const struct grader_test tests[] = {
    GRADER_TEST(what_comes_is_sent_back),
    GRADER_TEST(a_client_that_never_reads_costs_little),
    GRADER_TEST(a_client_that_never_reads_is_made_to_wait),
    GRADER_TEST(when_it_reads_again_all_of_it_comes),
    GRADER_TEST(a_slow_client_is_served_at_its_own_speed),
    GRADER_TEST(an_end_does_not_cut_off_what_waits),
    GRADER_TEST(others_do_not_notice),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
