/* short_write.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STORY_SIZE = 20 * 1000 * 1000 };

static void give_up(const char *call)
{
    fprintf(stderr, "short_write: %s: %s\n", call, strerror(errno));
    exit(1);
}

static void send_story(int socket, const char *story)
{
    if (write(socket, story, STORY_SIZE) < 0)
        give_up("write");
}

static size_t count_story(int socket)
{
    static char piece[65536];
    size_t arrived = 0;
    ssize_t size;
    while ((size = read(socket, piece, sizeof piece)) > 0)
        arrived += (size_t)size;
    if (size < 0)
        give_up("read");
    return arrived;
}

int main(void)
{
    char *story = malloc(STORY_SIZE);
    if (story == NULL)
        give_up("malloc");
    memset(story, '.', STORY_SIZE);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        give_up("socketpair");
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
        give_up("fcntl");
    send_story(pair[0], story);
    close(pair[0]);
    size_t arrived = count_story(pair[1]);
    printf("Sent:    %d bytes, and no call reported an error\n", STORY_SIZE);
    printf("Arrived: %zu %% of them\n", arrived / (STORY_SIZE / 100));
    close(pair[1]);
    free(story);
    return arrived == STORY_SIZE ? 0 : 1;
}
