/* kernel.c: the calls between the library and the system. The linker sends each reference to f to __wrap_f. */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

static struct {
    unsigned long count;
    unsigned after, times;
    int error;
    bool failed;
    size_t most;
} plans[KERNEL_CALLS];

static char connects[1000]; /* what kernel_connects shows */
static struct {
    double at_most, asked;
    int found;
    double *clock;
} waiting = {.at_most = -1};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Counts the call; true when it is to fail, with errno set. */
static bool refused(enum kernel_call call)
{
    bool fails = false;
    pthread_mutex_lock(&lock);
    plans[call].count++;
    if (plans[call].times > 0) {
        if (plans[call].after > 0) {
            plans[call].after--;
        } else {
            plans[call].times--;
            plans[call].failed = fails = true;
            errno = plans[call].error;
        }
    }
    pthread_mutex_unlock(&lock);
    return fails;
}

void kernel_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(plans, 0, sizeof plans);
    waiting.at_most = -1;
    waiting.clock = NULL;
    connects[0] = '\0';
    pthread_mutex_unlock(&lock);
}

unsigned long kernel_count(enum kernel_call call)
{
    pthread_mutex_lock(&lock);
    unsigned long count = plans[call].count;
    pthread_mutex_unlock(&lock);
    return count;
}

void kernel_fail(enum kernel_call call, int error, unsigned after, unsigned times)
{
    pthread_mutex_lock(&lock);
    plans[call].error = error;
    plans[call].after = after;
    plans[call].times = times;
    plans[call].failed = false;
    pthread_mutex_unlock(&lock);
}

bool kernel_failed(enum kernel_call call)
{
    pthread_mutex_lock(&lock);
    bool failed = plans[call].failed;
    pthread_mutex_unlock(&lock);
    return failed;
}

void kernel_move_at_most(enum kernel_call call, size_t most)
{
    plans[call].most = most;
}

/* Bytes. */

static size_t moved(enum kernel_call call, size_t size)
{
    return plans[call].most > 0 && plans[call].most < size ? plans[call].most : size;
}

ssize_t __real_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
    return refused(KERNEL_SEND) ? -1 : __real_send(fd, data, moved(KERNEL_SEND, size), flags);
}

ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    return refused(KERNEL_RECEIVE) ? -1 : __real_recv(fd, data, moved(KERNEL_RECEIVE, size), flags);
}

/* The first `most` bytes of a message: whole buffers, then a part of one. */
static struct msghdr shortened(const struct msghdr *message, struct iovec *room, size_t capacity, size_t most)
{
    struct msghdr less = *message;
    size_t used = 0;
    for (size_t i = 0; i < (size_t)message->msg_iovlen && most > 0 && used < capacity; i++) {
        room[used] = message->msg_iov[i];
        if (room[used].iov_len > most)
            room[used].iov_len = most;
        most -= room[used++].iov_len;
    }
    less.msg_iov = room;
    less.msg_iovlen = used;
    return less;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec room[64];
    if (refused(KERNEL_SEND))
        return -1;
    if (plans[KERNEL_SEND].most == 0)
        return __real_sendmsg(fd, message, flags);
    struct msghdr less = shortened(message, room, 64, plans[KERNEL_SEND].most);
    return __real_sendmsg(fd, &less, flags);
}

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    return refused(KERNEL_RECEIVE) ? -1 : __real_recvmsg(fd, message, flags);
}

/* Connections. */

/* Datagrams go whole or not at all: they are never shortened. Without an address it is one of the tests' own peers,
   which gets past all this. */
ssize_t __real_sendto(
    int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size);
ssize_t __wrap_sendto(
    int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size);
ssize_t __wrap_sendto(
    int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
    return to != NULL && refused(KERNEL_SEND) ? -1 : __real_sendto(fd, data, size, flags, to, to_size);
}

ssize_t __real_recvfrom(
    int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);
ssize_t __wrap_recvfrom(
    int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);
ssize_t __wrap_recvfrom(
    int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
    return from != NULL && refused(KERNEL_RECEIVE) ? -1 : __real_recvfrom(fd, data, size, flags, from, from_size);
}

int __real_accept(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return refused(KERNEL_ACCEPT) ? -1 : __real_accept(fd, address, size);
}

static void note_connect(const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    size_t length = strlen(connects);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(connects + length, sizeof connects - length, "%s:%d ", host, ntohs(in->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(connects + length, sizeof connects - length, "[%s]:%d ", host, ntohs(in6->sin6_port));
    }
}

const char *kernel_connects(void)
{
    return connects;
}

int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    note_connect(address);
    return refused(KERNEL_CONNECT) ? -1 : __real_connect(fd, address, size);
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
    return refused(KERNEL_SOCKET) ? -1 : __real_socket(family, type, protocol);
}

int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
    return refused(KERNEL_LISTEN) ? -1 : __real_listen(fd, backlog);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context)
{
    int saved = errno;
    if (refused(KERNEL_THREAD)) {
        int error = errno;
        errno = saved;
        return error;
    }
    return __real_pthread_create(thread, attributes, start, context);
}

/* Waits. */

void kernel_wait_at_most(double seconds)
{
    waiting.at_most = seconds;
}

double kernel_asked_wait(void)
{
    return waiting.asked;
}

int kernel_found(void)
{
    return waiting.found;
}

void kernel_wait_on_clock(double *clock)
{
    waiting.clock = clock;
}

bool kernel_moves_clock(void)
{
    return waiting.clock != NULL;
}

static double granted(double asked)
{
    waiting.asked = asked;
    if (waiting.clock != NULL && asked > 0)
        return 0;
    if (waiting.at_most >= 0 && (asked < 0 || asked > waiting.at_most))
        return waiting.at_most;
    return asked;
}

static int waited(int found)
{
    waiting.found = found;
    if (found == 0 && waiting.clock != NULL && waiting.asked > 0)
        *waiting.clock += waiting.asked;
    return found;
}

int __real_select(int count, fd_set *reading, fd_set *writing, fd_set *failing, struct timeval *timeout);
int __wrap_select(int count, fd_set *reading, fd_set *writing, fd_set *failing, struct timeval *timeout);
int __wrap_select(int count, fd_set *reading, fd_set *writing, fd_set *failing, struct timeval *timeout)
{
    double asked = timeout == NULL ? -1 : (double)timeout->tv_sec + (double)timeout->tv_usec / 1e6;
    double seconds = granted(asked);
    struct timeval granted_time = {.tv_sec = (time_t)seconds,
        .tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
    if (refused(KERNEL_WAIT))
        return -1;
    if (seconds == asked)
        return waited(__real_select(count, reading, writing, failing, timeout));
    return waited(__real_select(count, reading, writing, failing, &granted_time));
}

static int milliseconds(double seconds)
{
    return seconds < 0 ? -1 : (int)(seconds * 1e3);
}

int __real_poll(struct pollfd *entries, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout)
{
    double seconds = granted(timeout < 0 ? -1 : timeout / 1e3);
    return refused(KERNEL_WAIT) ? -1 : waited(__real_poll(entries, count, milliseconds(seconds)));
}

int __real_epoll_wait(int fd, struct epoll_event *events, int room, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int room, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int room, int timeout)
{
    double seconds = granted(timeout < 0 ? -1 : timeout / 1e3);
    return refused(KERNEL_WAIT) ? -1 : waited(__real_epoll_wait(fd, events, room, milliseconds(seconds)));
}

/* The heap: a table of the blocks that are allocated. */

enum { MOST_BLOCKS = 1 << 17,
    BUCKETS = 1 << 15 };

static struct block {
    const void *address;
    uint32_t next;
} blocks[MOST_BLOCKS]; /* entry 0 is none */
static uint32_t buckets[BUCKETS], spare, fresh = 1;
static size_t block_count, byte_count;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

static uint32_t *bucket_of(const void *address)
{
    uintptr_t bits = (uintptr_t)address >> 4;
    return &buckets[(bits ^ (bits >> 15)) % BUCKETS];
}

static void *remembered(void *address)
{
    if (address == NULL)
        return NULL;
    pthread_mutex_lock(&lock);
    uint32_t place = spare != 0 ? spare : fresh < MOST_BLOCKS ? fresh++
                                                              : 0;
    if (place == 0)
        abort();
    if (place == spare)
        spare = blocks[place].next;
    blocks[place].address = address;
    blocks[place].next = *bucket_of(address);
    *bucket_of(address) = place;
    block_count++;
    byte_count += malloc_usable_size(address);
    pthread_mutex_unlock(&lock);
    return address;
}

/* False for what the C library itself allocated. */
static bool forgotten(void *address)
{
    bool known = false;
    pthread_mutex_lock(&lock);
    for (uint32_t *place = bucket_of(address); *place != 0; place = &blocks[*place].next) {
        uint32_t found = *place;
        if (blocks[found].address != address)
            continue;
        *place = blocks[found].next;
        blocks[found].next = spare;
        spare = found;
        block_count--;
        byte_count -= malloc_usable_size(address);
        known = true;
        break;
    }
    pthread_mutex_unlock(&lock);
    return known;
}

void *__wrap_malloc(size_t size)
{
    return refused(KERNEL_MEMORY) ? NULL : remembered(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused(KERNEL_MEMORY) ? NULL : remembered(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (refused(KERNEL_MEMORY))
        return NULL;
    bool known = block == NULL || forgotten(block);
    void *moved_to = __real_realloc(block, size);
    return known && size > 0 ? remembered(moved_to) : moved_to;
}

void __wrap_free(void *block)
{
    if (block != NULL)
        forgotten(block);
    __real_free(block);
}

size_t heap_blocks(void)
{
    pthread_mutex_lock(&lock);
    size_t count = block_count;
    pthread_mutex_unlock(&lock);
    return count;
}

size_t heap_bytes(void)
{
    pthread_mutex_lock(&lock);
    size_t count = byte_count;
    pthread_mutex_unlock(&lock);
    return count;
}

unsigned long heap_allocations(void)
{
    return kernel_count(KERNEL_MEMORY);
}
