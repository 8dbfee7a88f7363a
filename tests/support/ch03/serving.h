/* serving.h: recording protocols that hear the peer's end, factories of them, servers and
   connections in a test's hands. */
#ifndef SERVING_H
#define SERVING_H
#include <netdb.h>

#include "ch02/recording.h"
#include "connection.h"
#include "future.h"
#include "peers.h"
#include "resolver.h"
#include "server.h"

extern const struct protocol_callbacks recording_end_callbacks; /* recording's, and EOF */
void hear_the_end(struct wire *wire);                           /* the wire's protocol gets them */

/* Makes recording protocols, at most eight. Traces factoryN when it names them. */
struct factory {
    struct recording made[8];
    size_t count, most; /* beyond `most` it fails */
    bool names;         /* "1", "2", …; else nameless and silent */
    void (*prepare)(struct factory *, struct recording *);
    void *context;
};
void factory_init(struct factory *factory);
struct protocol *factory_make(void *factory);

/* A loop with a future, whose callback writes RET, and a factory. */
struct bench {
    struct loop *loop;
    struct future done;
    struct handle told;
    struct factory factory;
    struct server *server;
    struct transport *transport;
    int port;
};
void bench_begin(struct bench *bench);
/* Releases what it has, closes the loop, checks that each protocol was released once. */
void bench_end(struct bench *bench);
/* A server on 127.0.0.1, port 0; runs until it serves. The trace is empty then. */
void bench_listen(struct bench *bench, const struct server_options *options);
void bench_run(struct bench *bench); /* until done */
/* Checks how `done` ended: 0 and its text NULL, or a code and the error's text. */
#define CHECK_OUTCOME(bench, code, text) check_outcome((bench), (code), (text), __FILE__, __LINE__)
void check_outcome(struct bench *bench, int code, const char *text, const char *file, int line);
void bench_again(struct bench *bench); /* `done` begins anew */

/* A resolver that answers what it is told to. */
struct fake_names {
    struct addrinfo infos[8];
    struct sockaddr_storage addresses[8];
    size_t count;
    int failure;        /* an EAI_*, 0: the infos */
    int calls, frees;   /* under the lock */
    bool interruptible; /* a lookup ran in a thread that would have got signals */
    bool held;          /* lookups wait until names_release */
    int waiting;
};
void names_init(struct loop *loop, struct fake_names *names);
void names_add(struct fake_names *names, const char *numeric, int port);
void names_hold(struct fake_names *names);
void names_release(struct fake_names *names);
void names_wait_for_lookup(struct fake_names *names); /* until one is held */
int names_calls(struct fake_names *names);
int names_frees(struct fake_names *names);

/* A listener whose queue is full: to connect there takes for ever. */
struct full_listener {
    int fd, fillers[4], port;
};
void full_listener_begin(struct full_listener *listener);
void full_listener_end(struct full_listener *listener);
#endif
