/* kernel.h: stands between the library and the system's calls (by the linker's --wrap), to count them, to let them
   fail, to give them short counts, to bound their waiting, and to know every heap block. */
#ifndef KERNEL_H
#define KERNEL_H
#include <stdbool.h>
#include <stddef.h>

enum kernel_call {
    KERNEL_SEND,    /* send, sendmsg, sendto */
    KERNEL_RECEIVE, /* recv, recvmsg, recvfrom */
    KERNEL_ACCEPT,  /* accept */
    KERNEL_CONNECT, /* connect */
    KERNEL_SOCKET,  /* socket */
    KERNEL_LISTEN,  /* listen */
    KERNEL_WAIT,    /* select, poll, epoll_wait */
    KERNEL_THREAD,  /* pthread_create */
    KERNEL_MEMORY,  /* malloc, calloc, realloc */
    KERNEL_CALLS
};

void kernel_reset(void);                           /* everything as the system has it, all counts 0 */
unsigned long kernel_count(enum kernel_call call); /* calls since then */
/* After `after` more calls that go their way, the next `times` calls fail with errno `error`. */
void kernel_fail(enum kernel_call call, int error, unsigned after, unsigned times);
bool kernel_failed(enum kernel_call call); /* whether such a failure was handed out since kernel_fail */
/* A send or a receive moves at most `most` bytes; 0: as many as it likes. */
void kernel_move_at_most(enum kernel_call call, size_t most);

/* The addresses that connect was called with since kernel_reset: "127.0.0.1:80 [::1]:80 ". */
const char *kernel_connects(void);

/* Waits. */
void kernel_wait_at_most(double seconds); /* < 0: as long as asked */
double kernel_asked_wait(void);           /* what the last wait was asked to last; -1 for ever */
int kernel_found(void);                   /* what the last wait found */
/* Nothing ready and a wait of t > 0 seconds asked for: *clock grows by t, and no time passes. */
void kernel_wait_on_clock(double *clock);
bool kernel_moves_clock(void);

/* The heap, as far as the library and the tests themselves use it. */
size_t heap_blocks(void);             /* allocated now */
size_t heap_bytes(void);              /* in them, as malloc_usable_size counts */
unsigned long heap_allocations(void); /* since kernel_reset */
#endif
