/* frame_client.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Sends each line of its input as a frame, and prints each frame that comes. */
#include "arguments.h"
#include "connection.h"
#include "frame_protocol.h"
#include "loop.h"
#include "text.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct client {
    struct frame_protocol frames;
    struct framer typed;
    struct handle input; /* when something was typed */
    struct loop *loop;
    struct future connected, lost;
};

static struct client *client_of(struct frame_protocol *frames)
{
    return (struct client *)frames;
}

static bool send_line(void *context, const char *line, size_t size)
{
    struct client *client = context;
    unsigned char prefix[4];
    const struct iovec buffers[] = {
        {.iov_base = prefix, .iov_len = sizeof prefix},
        {.iov_base = (char *)line, .iov_len = size},
    };
    if (frame_prefix(prefix, sizeof prefix, BYTE_ORDER_BIG, size) == 0)
        transport_writelines(client->frames.transport, buffers, 2);
    return true;
}

static void send_no_more(struct client *client)
{
    size_t size;
    const char *tail = framer_tail(&client->typed, &size);
    if (size > 0)
        send_line(client, tail, size);
    loop_remove_reader(client->loop, STDIN_FILENO);
    transport_write_eof(client->frames.transport);
}

static void read_input(void *context)
{
    struct client *client = context;
    struct transport *transport = client->frames.transport;
    char data[4096];
    ssize_t size = read(STDIN_FILENO, data, sizeof data);
    transport_cork(transport);
    int failed = size > 0 ? framer_feed(&client->typed, data, (size_t)size, send_line, client) : 0;
    if (failed)
        fprintf(stderr, "frame_client: cannot send this line: %s\n", strerror(-failed));
    if (size <= 0 || failed)
        send_no_more(client);
    transport_uncork(transport);
}

static void frame_received(struct frame_protocol *frames, const char *frame, size_t size)
{
    (void)frames;
    text_print(stdout, frame, size);
    printf("\n");
}

static void connection_lost(struct frame_protocol *frames, const struct error *exc)
{
    struct client *client = client_of(frames);
    if (exc != NULL)
        fprintf(stderr, "frame_client: %s\n", exc->text);
    loop_remove_reader(client->loop, STDIN_FILENO);
    if (!future_done(&client->lost))
        future_set_result(&client->lost, NULL);
}

static struct protocol *the_client(void *context)
{
    static const struct frame_callbacks callbacks = {
        .frame_received = frame_received,
        .connection_lost = connection_lost,
    };
    struct client *client = context;
    frame_protocol_init(&client->frames, &callbacks);
    framer_init_length_prefix(&client->frames.framer, 4, BYTE_ORDER_BIG, 64 * 1024);
    return &client->frames.protocol;
}

static int talk(struct client *client, const char *host, int port)
{
    void *transport = NULL;
    int failed = loop_create_connection(
        client->loop, &client->connected, the_client, client, host, port, NULL);
    if (failed)
        return failed;
    loop_run_until_complete(client->loop, &client->connected);
    failed = future_result(&client->connected, &transport);
    if (failed)
        return failed;
    failed = loop_add_reader(client->loop, STDIN_FILENO, &client->input);
    if (failed == 0)
        loop_run_until_complete(client->loop, &client->lost);
    transport_close(transport);
    transport_release(transport);
    return failed;
}

static void interrupt(void *context)
{
    struct client *client = context;
    future_cancel(&client->connected);
    future_cancel(&client->lost);
}

static int explain(struct client *client, int failed)
{
    const struct error *error = future_exception(&client->connected);
    if (failed == 0 || failed == -ECANCELED)
        return 0;
    fprintf(stderr, "frame_client: %s\n", error != NULL ? error->text : strerror(-failed));
    return 1;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the server (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "its port (8888)"},
    };
    int status = arguments_parse(argc, argv,
        "Sends each line of its input as a frame, and prints each frame that comes.", arguments, 2);
    if (status >= 0)
        return status;
    struct client client = {.loop = loop_create(NULL)};
    if (client.loop == NULL) {
        perror("frame_client: loop_create");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    framer_init_lines(&client.typed, 64 * 1024);
    handle_init(&client.input, read_input, &client);
    future_init(&client.connected, client.loop);
    future_init(&client.lost, client.loop);
    loop_add_signal_handler(client.loop, SIGINT, interrupt, &client);
    status = explain(&client, talk(&client, host, port));
    future_destroy(&client.connected);
    future_destroy(&client.lost);
    loop_free(client.loop);
    framer_clear(&client.typed);
    return status;
}
