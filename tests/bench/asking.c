/* What it costs to ask which of many quiet sockets has something: select for all of them, or a recv each that returns
   at once. A line each: sockets, microseconds for select, microseconds for the round of recv; the least of many. */
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST = 1000, ROUNDS = 2000 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static void ask_the_kernel(const int *sockets, int count)
{
    struct timeval at_once = {.tv_sec = 0};
    fd_set ready;
    FD_ZERO(&ready);
    for (int i = 0; i < count; i++)
        FD_SET(sockets[i], &ready);
    select(sockets[count - 1] + 1, &ready, NULL, NULL, &at_once);
}

static void ask_everyone(const int *sockets, int count)
{
    char byte;
    for (int i = 0; i < count; i++)
        (void)!recv(sockets[i], &byte, 1, MSG_DONTWAIT);
}

static double least(void (*ask)(const int *sockets, int count), const int *sockets, int count)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double began = now();
        ask(sockets, count);
        double took = now() - began;
        if (took < best)
            best = took;
    }
    return best;
}

int main(void)
{
    static const int counts[] = {10, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000};
    int sockets[MOST];
    for (int i = 0; i < MOST; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (sockets[i] < 0 || sockets[i] >= FD_SETSIZE) {
            perror("asking: socket");
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        printf("%4d %8.2f %8.2f\n", counts[i], least(ask_the_kernel, sockets, counts[i]),
            least(ask_everyone, sockets, counts[i]));
    return 0;
}
