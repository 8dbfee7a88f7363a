/* select_chat.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "arguments.h"
#include "plain_socket.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct chat {
    int listener, highest;
    fd_set watched; /* the listener and every client */
    fd_set ready;   /* whom select found in this pass and who has not had a turn yet */
};

static void let_in(struct chat *chat)
{
    int client = accept(chat->listener, NULL, NULL);
    if (client >= FD_SETSIZE) {
        close(client);
    } else if (client >= 0) {
        FD_SET(client, &chat->watched);
        if (client > chat->highest)
            chat->highest = client;
    }
}

static void let_out(struct chat *chat, int client)
{
    FD_CLR(client, &chat->watched);
    close(client);
}

/* Sends the bytes to every client but the speaker. Waits for nobody: a client that
   does not take all of them at once is let out. */
static void pass_on(struct chat *chat, int speaker, const char *data, size_t size)
{
    if (send(speaker, data, size, MSG_NOSIGNAL) < 0)
        let_out(chat, speaker);
}

static void hear(struct chat *chat, int client)
{
    char data[16384];
    ssize_t size = recv(client, data, sizeof data, 0);
    if (size > 0)
        pass_on(chat, client, data, (size_t)size);
    else
        let_out(chat, client);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int keep_chatting(struct chat *chat, const sigset_t *while_waiting)
{
    while (!interrupted) {
        chat->ready = chat->watched;
        int end = chat->highest + 1;
        if (pselect(end, &chat->ready, NULL, NULL, NULL, while_waiting) < 0) {
            if (errno == EINTR)
                continue;
            perror("select_chat: pselect");
            return 1;
        }
        for (int fd = 0, last = chat->highest; fd <= last; fd++) {
            if (!FD_ISSET(fd, &chat->ready))
                continue;
            if (fd == chat->listener)
                let_in(chat);
            else
                hear(chat, fd);
        }
    }
    for (int fd = 0; fd <= chat->highest; fd++)
        if (FD_ISSET(fd, &chat->watched))
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
    int status = arguments_parse(
        argc, argv, "Tell everyone what the others say.", arguments, 2);
    if (status >= 0)
        return status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct chat chat = {.listener = plain_listen(host, &port)};
    if (chat.listener < 0) {
        fprintf(stderr, "select_chat: cannot serve on %s port %d: %s\n",
            host, port, strerror(-chat.listener));
        return 1;
    }
    chat.highest = chat.listener;
    FD_SET(chat.listener, &chat.watched);
    printf("Serving on ('%s', %d)\n", host, port);
    sigset_t while_working, while_waiting;
    const struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&while_working);
    sigaddset(&while_working, SIGINT);
    sigprocmask(SIG_BLOCK, &while_working, &while_waiting);
    sigdelset(&while_waiting, SIGINT);
    sigaction(SIGINT, &action, NULL);
    return keep_chatting(&chat, &while_waiting);
}
