/* switch_server.c - tangled from chapters/03-protocols.nw; edit that file, not this one. */
/* Counts lines and words, wrongly: chapter 3 tells how. */
#include "arguments.h"
#include "plain_socket.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum stage { NOBODY, COUNTING, ANSWERING };

struct client {
    enum stage stage;
    int fd;
    long lines, words;
};

enum { CLIENTS = 16 };
static struct client clients[CLIENTS];

static bool count(struct client *client, const char *text, size_t size)
{
    bool inside = false;
    for (size_t i = 0; i < size; i++) {
        bool blank = isspace((unsigned char)text[i]) != 0;
        client->lines += text[i] == '\n';
        client->words += !blank && !inside;
        inside = !blank;
    }
    return size >= 2 && memcmp(text + size - 2, ".\n", 2) == 0;
}

static void readable(struct client *client)
{
    char text[4096];
    ssize_t size = recv(client->fd, text, sizeof text, 0);
    switch (size) {
    case -1:
    case 0:
        close(client->fd);
        client->stage = NOBODY;
        break;
    default:
        switch (client->stage) {
        case COUNTING:
            if (count(client, text, (size_t)size))
                client->stage = ANSWERING;
            break;
        case ANSWERING:
        case NOBODY:
            break;
        }
    }
}

static void writable(struct client *client)
{
    char answer[80];
    switch (client->stage) {
    case ANSWERING:
        snprintf(answer, sizeof answer, "%ld lines, %ld words\n", client->lines - 1, client->words - 1);
        send(client->fd, answer, strlen(answer), MSG_NOSIGNAL);
        client->lines = client->words = 0;
        client->stage = COUNTING;
        break;
    case COUNTING:
    case NOBODY:
        break;
    }
}

static void wait_for_clients(int listener, fd_set *reads, fd_set *writes)
{
    int highest = listener;
    FD_ZERO(reads);
    FD_ZERO(writes);
    FD_SET(listener, reads);
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].stage == NOBODY)
            continue;
        FD_SET(clients[i].fd, clients[i].stage == ANSWERING ? writes : reads);
        highest = clients[i].fd > highest ? clients[i].fd : highest;
    }
    if (select(highest + 1, reads, writes, NULL, NULL) < 0)
        exit(1);
}

static void welcome(int listener)
{
    int fd = accept(listener, NULL, NULL);
    for (int i = 0; i < CLIENTS; i++)
        if (fd >= 0 && clients[i].stage == NOBODY) {
            clients[i] = (struct client){.stage = COUNTING, .fd = fd};
            return;
        }
    close(fd);
}

static void serve_all(int listener)
{
    for (;;) {
        fd_set reads, writes;
        wait_for_clients(listener, &reads, &writes);
        for (struct client *client = clients; client < clients + CLIENTS; client++)
            if (client->stage != NOBODY && FD_ISSET(client->fd, &writes))
                writable(client);
            else if (client->stage != NOBODY && FD_ISSET(client->fd, &reads))
                readable(client);
        if (FD_ISSET(listener, &reads))
            welcome(listener);
    }
}

int main(int argc, char **argv)
{
    int port = 8888;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "the port to listen on; 0: any (8888)"},
    };
    int status = arguments_parse(argc, argv, "Counts lines and words, wrongly.", arguments, 1);
    if (status >= 0)
        return status;
    int listener = plain_listen("127.0.0.1", &port);
    if (listener < 0) {
        fprintf(stderr, "switch_server: cannot listen: %s\n", strerror(-listener));
        return 1;
    }
    printf("Serving on ('127.0.0.1', %d)\n", port);
    fflush(stdout);
    serve_all(listener);
}
