/* one_at_a_time.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "arguments.h"
#include "plain_socket.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int client)
{
    char data[4096];
    ssize_t size;
    puts("A client has come.");
    while ((size = recv(client, data, sizeof data, 0)) > 0)
        if (send(client, data, (size_t)size, MSG_NOSIGNAL) < 0)
            break;
    puts("It has left.");
    close(client);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the IPv4 address to serve on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port to serve on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Echo to one client at a time.", arguments, 2);
    if (status >= 0)
        return status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = plain_listen(host, &port);
    if (listener < 0) {
        fprintf(stderr, "one_at_a_time: cannot serve on %s port %d: %s\n",
            host, port, strerror(-listener));
        return 1;
    }
    printf("Serving on ('%s', %d)\n", host, port);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0)
            serve(client);
    }
}
