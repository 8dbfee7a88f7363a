/* give_all.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "arguments.h"
#include "loop.h"
#include "plain_socket.h"
#include "socket_transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[64 * 1024 * 1024];

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    (void)protocol;
    transport_write(transport, answer, sizeof answer);
    transport_close(transport);
}

static const struct protocol_callbacks callbacks = {.connection_made = connection_made};
static struct protocol giver = {&callbacks};

struct giving_server {
    struct loop *loop;
    int listener;
    struct handle readable;
    struct timer_handle rested;
};

static void accept_one(void *context)
{
    struct giving_server *server = context;
    int connection = accept(server->listener, NULL, NULL);
    if (connection < 0) {
        if ((errno == EMFILE || errno == ENFILE)
            && loop_call_later(server->loop, 1, &server->rested) == 0)
            loop_remove_reader(server->loop, server->listener);
        return;
    }
    if (socket_transport_create(server->loop, connection, &giver, NULL) == NULL)
        close(connection);
}

static void accept_again(void *context)
{
    struct giving_server *server = context;
    loop_add_reader(server->loop, server->listener, &server->readable);
}

static void stop_giving(void *context)
{
    loop_stop(context);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "address to listen on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "port to listen on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Send 64 MiB to whoever connects, to all at once.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct giving_server server = {.listener = plain_listen(host, &port)};
    if (server.listener < 0) {
        fprintf(stderr, "give_all: cannot listen on ('%s', %d): %s\n", host, port,
            strerror(-server.listener));
        return 1;
    }
    printf("Serving on ('%s', %d)\n", host, port);
    fflush(stdout);
    server.loop = loop_create(NULL);
    if (server.loop == NULL) {
        perror("give_all: cannot create a loop");
        return 1;
    }
    handle_init(&server.readable, accept_one, &server);
    handle_init(&server.rested.handle, accept_again, &server);
    loop_add_reader(server.loop, server.listener, &server.readable);
    loop_add_signal_handler(server.loop, SIGINT, stop_giving, server.loop);
    loop_run_forever(server.loop);
    loop_free(server.loop);
    close(server.listener);
    return 0;
}
