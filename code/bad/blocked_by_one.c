/* blocked_by_one.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "arguments.h"
#include "loop.h"
#include "plain_socket.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[64 * 1024 * 1024];

static void send_all(int socket, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        data += sent;
        size -= (size_t)sent;
    }
}

struct blocking_server {
    int listener;
    struct handle readable;
};

static void answer_one(void *context)
{
    struct blocking_server *server = context;
    int connection = accept(server->listener, NULL, NULL);
    if (connection < 0)
        return;
    send_all(connection, answer, sizeof answer);
    close(connection);
}

static void interrupted(void *context)
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
    int status = arguments_parse(argc, argv, "Send 64 MiB to whoever connects, one after the other.",
        arguments, sizeof arguments / sizeof *arguments);
    if (status >= 0)
        return status;
    struct blocking_server server = {.listener = plain_listen(host, &port)};
    if (server.listener < 0) {
        fprintf(stderr, "blocked_by_one: cannot listen on ('%s', %d): %s\n", host, port,
            strerror(-server.listener));
        return 1;
    }
    printf("Serving on ('%s', %d)\n", host, port);
    fflush(stdout);
    struct loop *loop = loop_create(NULL);
    if (loop == NULL) {
        perror("blocked_by_one: cannot create a loop");
        return 1;
    }
    handle_init(&server.readable, answer_one, &server);
    loop_add_reader(loop, server.listener, &server.readable);
    loop_add_signal_handler(loop, SIGINT, interrupted, loop);
    loop_run_forever(loop);
    loop_free(loop);
    close(server.listener);
    return 0;
}
