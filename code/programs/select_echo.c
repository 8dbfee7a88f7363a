/* select_echo.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "arguments.h"
#include "plain_socket.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int let_in(int listener, fd_set *watched, int highest)
{
    int client = accept(listener, NULL, NULL);
    if (client < 0) {
        if (errno == EMFILE || errno == ENFILE)
            FD_CLR(listener, watched);
        return highest;
    }
    if (client >= FD_SETSIZE) {
        close(client);
        return highest;
    }
    FD_SET(client, watched);
    return client > highest ? client : highest;
}

static int echo(int client)
{
    char data[4096];
    ssize_t size = recv(client, data, sizeof data, 0);
    return size > 0 && send(client, data, (size_t)size, MSG_NOSIGNAL) == size;
}

static int serve_all(int listener, const sigset_t *while_waiting)
{
    fd_set watched;
    int highest = listener;
    FD_ZERO(&watched);
    FD_SET(listener, &watched);
    while (!interrupted) {
        static const struct timespec a_second = {.tv_sec = 1};
        fd_set ready = watched;
        bool resting = !FD_ISSET(listener, &watched);
        FD_SET(listener, &watched);
        if (pselect(highest + 1, &ready, NULL, NULL, resting ? &a_second : NULL, while_waiting) < 0) {
            if (errno == EINTR)
                continue;
            perror("select_echo: pselect");
            return 1;
        }
        for (int fd = 0, last = highest; fd <= last; fd++) {
            if (!FD_ISSET(fd, &ready))
                continue;
            if (fd == listener) {
                highest = let_in(listener, &watched, highest);
            } else if (!echo(fd)) {
                FD_CLR(fd, &watched);
                close(fd);
            }
        }
    }
    for (int fd = 0; fd <= highest; fd++)
        if (FD_ISSET(fd, &watched))
            close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    int port = 8888;
    const struct argument arguments[] = {
        {"--host", ARGUMENT_TEXT, &host, "the IPv4 address to serve on (127.0.0.1)"},
        {"--port", ARGUMENT_PORT, &port, "the port to serve on (8888; 0: any)"},
    };
    int status = arguments_parse(argc, argv, "Echo to many clients at once.", arguments, 2);
    if (status >= 0)
        return status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = plain_listen(host, &port);
    if (listener < 0) {
        fprintf(stderr, "select_echo: cannot serve on %s port %d: %s\n",
            host, port, strerror(-listener));
        return 1;
    }
    printf("Serving on ('%s', %d)\n", host, port);
    sigset_t while_working, while_waiting;
    const struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&while_working);
    sigaddset(&while_working, SIGINT);
    sigprocmask(SIG_BLOCK, &while_working, &while_waiting);
    sigdelset(&while_waiting, SIGINT);
    sigaction(SIGINT, &action, NULL);
    return serve_all(listener, &while_waiting);
}
