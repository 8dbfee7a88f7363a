/* What udp_echo_server is measured against: recvfrom, sendto, and again; or select before each, as in a program
   that has other things to wait for. */
#include "arguments.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    static char datagram[65536];
    int port = 9999;
    bool by_select = false;
    const struct argument arguments[] = {
        {"--port", ARGUMENT_PORT, &port, "where to receive (9999; 0: any)"},
        {"--select", ARGUMENT_FLAG, &by_select, "wait by select"},
    };
    int status = arguments_parse(argc, argv, "Sends every datagram back, and can do nothing else.", arguments, 2);
    if (status >= 0)
        return status;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t address_size = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0
        || getsockname(fd, (struct sockaddr *)&address, &address_size) < 0) {
        perror("bare_datagrams");
        return 1;
    }
    printf("Serving on ('127.0.0.1', %d)\n", ntohs(address.sin_port));
    fflush(stdout);
    fd_set watched;
    FD_ZERO(&watched);
    FD_SET(fd, &watched);
    for (;;) {
        fd_set ready = watched;
        if (by_select && select(fd + 1, &ready, NULL, NULL, NULL) < 1)
            continue;
        struct sockaddr_storage from;
        socklen_t from_size = sizeof from;
        ssize_t size = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &from_size);
        if (size >= 0)
            sendto(fd, datagram, (size_t)size, 0, (struct sockaddr *)&from, from_size);
    }
}
