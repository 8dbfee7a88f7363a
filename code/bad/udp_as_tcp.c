/* udp_as_tcp.c - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
/* Uses UDP as if it were TCP. Wrong on purpose: chapter 6 tells how. */
#include "arguments.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char *call)
{
    fprintf(stderr, "udp_as_tcp: %s: %s\n", call, strerror(errno));
    exit(1);
}

static int open_end(struct sockaddr_in *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        give_up("socket");
    if (bind(fd, (struct sockaddr *)&address, size) < 0)
        give_up("bind");
    if (name != NULL && getsockname(fd, (struct sockaddr *)name, &size) < 0)
        give_up("getsockname");
    return fd;
}

static void direct(int fd, const struct sockaddr_in *address)
{
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        give_up("connect");
}

static void carry(int hop, long number, const struct sockaddr_in *to)
{
    static char kept[64];
    static size_t kept_size;
    char line[64];
    ssize_t size = recv(hop, line, sizeof line, 0);
    if (size < 0)
        give_up("recv");
    if (number == 3) {
        kept_size = (size_t)size;
        memcpy(kept, line, kept_size);
        return;
    }
    sendto(hop, line, (size_t)size, 0, (const struct sockaddr *)to, sizeof *to);
    if (number == 4)
        sendto(hop, kept, kept_size, 0, (const struct sockaddr *)to, sizeof *to);
}

static void send_lines(int sender, int hop, const struct sockaddr_in *to, long lines)
{
    char line[64];
    for (long number = 1; number <= lines; number++) {
        int size = snprintf(line, sizeof line, "line %ld of the file\n", number);
        if (send(sender, line, (size_t)size, 0) < 0)
            give_up("send");
        carry(hop, number, to);
    }
    printf("Sent %ld lines, and every call succeeded.\n", lines);
}

static void read_lines(int receiver, long lines)
{
    char piece[10];
    long pieces = 0;
    ssize_t size;
    while ((size = recv(receiver, piece, sizeof piece, MSG_DONTWAIT)) >= 0)
        if (++pieces <= 4)
            printf("Received '%.*s'\n", (int)size, piece);
    printf("%s of the lines came.\n", pieces < lines / 2 ? "Less than half" : "At least half");
}

int main(int argc, char **argv)
{
    int sender, hop, receiver;
    struct sockaddr_in to_hop, to_receiver;
    long lines = 100000;
    const struct argument arguments[] = {
        {"--lines", ARGUMENT_NUMBER, &lines, "how many lines to send (100000)"},
    };
    int status = arguments_parse(argc, argv, "Sends a file to itself over UDP.", arguments, 1);
    if (status >= 0)
        return status;
    hop = open_end(&to_hop);
    receiver = open_end(&to_receiver);
    sender = open_end(NULL);
    direct(sender, &to_hop);
    send_lines(sender, hop, &to_receiver, lines);
    read_lines(receiver, lines);
    close(sender);
    close(hop);
    close(receiver);
    return 0;
}
