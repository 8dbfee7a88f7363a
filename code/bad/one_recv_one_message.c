/* one_recv_one_message.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Takes what one recv returns for one message. Wrong on purpose: chapter 4 tells how. */
#include "arguments.h"
#include "plain_socket.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void print_message(const char *message, ssize_t size)
{
    printf("Message of %zd bytes: \"", size);
    for (ssize_t i = 0; i < size; i++)
        if (message[i] == '\n')
            printf("\\n");
        else
            putchar(message[i]);
    printf("\"\n");
}

static void print_messages(int connection)
{
    char message[1024];
    ssize_t size;
    while ((size = recv(connection, message, sizeof message, 0)) > 0) {
        if (message[size - 1] == '\n')
            size--;
        print_message(message, size);
    }
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the IPv4 address to serve on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port to serve on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Takes one recv for one message.", arguments, 2);
    if (status >= 0)
        return status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = plain_listen(host, &port);
    if (listener < 0) {
        fprintf(stderr, "one_recv_one_message: cannot serve on %s port %d: %s\n",
            host, port, strerror(-listener));
        return 1;
    }
    printf("Serving on ('%s', %d)\n", host, port);
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) {
        fprintf(stderr, "one_recv_one_message: accept: %s\n", strerror(errno));
        return 1;
    }
    print_messages(connection);
    close(connection);
    close(listener);
    return 0;
}
