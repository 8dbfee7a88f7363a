/* peers.h: the other end, a plain socket in the test's own hands. */
#ifndef PEERS_H
#define PEERS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "loops.h"

/* A connected pair: ends[0] is ours (non-blocking), ends[1] theirs. TCP over the loopback interface with
   TCP_NODELAY, or a pair of Unix sockets. `buffer` > 0 is the size of the sending and receiving buffers,
   as small as the kernel lets them be. */
void tcp_pair(int ends[2]);
void small_tcp_pair(int ends[2], int buffer);
void unix_pair(int ends[2]);
bool bytes_are_under_way(void);

/* A listening socket on 127.0.0.1, and its port. */
int listen_on_loopback(int *port, int backlog);
int port_of(int fd);
int connect_to(int port); /* blocking, TCP_NODELAY; with this process's loop it completes in the backlog */
int connect_to_path(const char *path);
int refused_port(void); /* nobody listens there */
bool have_ipv6_loopback(void);

void peer_send(int fd, const char *text);
void peer_send_bytes(int fd, const void *data, size_t size);
void peer_end(int fd);   /* shutdown(SHUT_WR) */
void peer_reset(int fd); /* closes with an RST */
void peer_close(int fd);

/* Takes what the loop sends, turning the loop meanwhile. Returns how much came: `size`, or less at the end
   of the stream or after an error (errno in *error, 0 at the end). */
size_t peer_receive(struct loop *loop, int fd, void *data, size_t size, int *error);
/* Checks that exactly this comes next; that the end comes next; that a reset comes next; that nothing has come. */
void check_receives(struct loop *loop, int fd, const char *text, const char *file, int line);
void check_end_of_stream(struct loop *loop, int fd, int error, const char *file, int line);
void check_silence(int fd, const char *file, int line);
#define CHECK_RECEIVES(loop, fd, text) check_receives((loop), (fd), (text), __FILE__, __LINE__)
#define CHECK_END(loop, fd) check_end_of_stream((loop), (fd), 0, __FILE__, __LINE__)
#define CHECK_RESET(loop, fd) check_end_of_stream((loop), (fd), ECONNRESET, __FILE__, __LINE__)
#define CHECK_SILENCE(fd) check_silence((fd), __FILE__, __LINE__)
/* Takes everything up to the end of the stream, and counts it. */
size_t peer_drain(struct loop *loop, int fd, int *error);

/* The soft limit of descriptors; returns the one before. */
unsigned long limit_descriptors(unsigned long most);
/* The number that the next descriptor will get: unchanged when nothing is left open. */
int next_descriptor(void);
/* Opens descriptors until no more can be had, and gives `spare` of them back; close_all closes them. */
struct hoard {
    int fds[1200];
    size_t count;
};
void hoard_descriptors(struct hoard *hoard, size_t spare);
void hoard_end(struct hoard *hoard);
#endif
