/* What the parts of the conformance runner share. One scenario runs per process, so there is one `run`. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "connection.h"
#include "datagram.h"
#include "error.h"
#include "frame_protocol.h"
#include "future.h"
#include "loop.h"
#include "protocol.h"
#include "resolver.h"
#include "selector.h"
#include "server.h"
#include "pipe_transport.h"
#include "subprocess.h"
#include "tls.h"
#include "transport.h"

/* ---- scenarios, as language.py flattens them (scenario.c) */

struct word {
    bool is_text; /* a string of the scenario; else a word of its language */
    size_t size;
    const char *text; /* ends with a zero in both cases */
};

struct action {
    struct action *next;
    int first, last;         /* for which calls of its block; last 0: no end */
    const struct word *only; /* for these data only, or NULL */
    const char *verb;
    size_t count;
    struct word words[16];
};

struct block {
    struct block *next;
    char kind; /* P protocol, M callback of the protocol before it, C callback, F factory, T thread, X steps */
    const char *name;
    const char *detail; /* of a factory: what it makes; of a callback: "quiet" */
    bool quiet, flow, buffered, lines, datagrams;
    struct action *actions, **end;
};

struct scenario {
    struct scenario *next;
    const char *id;
    bool real_clock;
    struct block *blocks, **end;
};

struct scenario *scenarios_read(void);
const struct block *scenario_block(const struct scenario *, char kind, const char *name);

/* ---- things with a name */

enum kind { PARTY,
    CALLBACK,
    MAKER,
    FUTURE,
    OPERATION,
    PEER,
    THREAD,
    PORT,
    DIALLED,
    CONTEXT,
    ANSWER };

struct thing {
    enum kind kind;
    const char *name;
    struct thing *next;
};

enum callback_kind { MADE,
    DATA,
    END,
    LOST,
    PAUSED,
    RESUMED,
    ASKED,
    UPDATED,
    LINE,
    DATAGRAM,
    REFUSED,
    PIPE_DATA,
    PIPE_LOST,
    EXITED,
    CALLBACK_KINDS };

struct party {
    struct thing thing;
    union {
        struct protocol protocol;
        struct frame_protocol frames; /* of one that receives lines; begins with its protocol */
    };
    struct protocol_callbacks table; /* of the others */
    const struct block *block, *callbacks[CALLBACK_KINDS];
    struct transport *transport;
    int calls[CALLBACK_KINDS];
    bool kept;
    size_t offered;
    void *offer;      /* what get_buffer has returned last */
    const void *data; /* of the callback that is being heard */
    size_t size;
    size_t received, count, largest;
    uint32_t checksum;
    int handed, released;
    bool over, exited; /* has heard connection_lost, process_exited */
    bool *awaited;     /* which of them the loop runs for */
};

struct call { /* one scheduling of a callback */
    struct timer_handle timer;
    bool is_timer;
};

struct callback {
    struct thing thing;
    const struct block *block;
    struct call *latest;
    int runs;
};

struct peer;

struct operation {
    struct thing thing;
    struct future done;
    struct handle handle;
    struct server *server;
    struct transport *transport;
    struct peer *given; /* the socket that it takes over */
    bool is_server, is_connection, is_pipe, ended, awaited, quiet, factory_failed;
    struct party *upgraded; /* the party that start_tls gives another transport */
};

struct maker { /* a factory in the hands of one operation */
    struct thing thing;
    const char *makes;
    const struct block *block; /* NULL: it says nothing and cannot fail */
    struct operation *operation;
    int *runs;
};

struct named_future {
    struct thing thing;
    struct future future;
    bool dropped;
};

struct peer {
    struct thing thing;
    int fd;
    bool open, given;
    size_t sent;
    struct address address; /* of one that an endpoint speaks to */
};

struct named_thread {
    struct thing thing;
    pthread_t thread;
    const struct block *block;
    bool idle;
};

struct run {
    const struct scenario *scenario;
    struct loop *loop;
    double now;
    char directory[64];
    struct thing *things;
    struct party *performing;
    bool failing; /* a factory said fail */
    bool mute, no_waiting, filled, had_work;
    sem_t idle;
    int marked_fds, stuffing[1024], stuffed;
    unsigned long soft_limit;
};

extern struct run run;

void *keep(size_t size); /* zeroed; freed when the process ends */
char *keep_text(const char *format, ...);
void keep_nothing(void);
void *thing_find(enum kind kind, const char *name);
void *thing_get(enum kind kind, const char *name);              /* ends the process when there is none */
void *thing_new(enum kind kind, const char *name, size_t size); /* or the one that there is */

/* ---- events (events.c) */

void emit(const char *format, ...);
_Noreturn void not_in_this_tree(const char *what);
const char *shown(const void *data, size_t size);
const char *error_shown(const struct error *error);
const char *errno_name(int code);
int errno_code(const char *name);
int resolver_code(const char *name);
struct error *make_error(const struct word *word);
uint32_t adler32(uint32_t sum, const void *data, size_t size);
void know_port(int fd, const char *name);
void hear_exception(struct loop *, const struct exception_context *, void *context);
void hear_log(void *context, enum log_level level, const char *text);

/* ---- the loop's selector and its clock (gauge.c) */

extern const struct selector_methods gauge_methods;
bool one_pass(void); /* one pass that does not wait; whether it had anything to do */
void settle(void);
bool gauge_readable(int fd, int milliseconds);

/* ---- the kernel (kernel.c) */

struct far_end {
    int fd, state;
};

bool carry(void);
bool holds_unsent(int fd);
struct far_end far_end_of(int fd);
void far_end_wait(struct far_end);
int waiting_at(int listener);
void quick_pair(const char *family, const char *buffers, int ours_theirs[2]);
int count_fds(int *highest);

/* ---- protocols (party.c) */

struct party *party_get(const char *name);
struct protocol *make_protocol(void *maker); /* a protocol_factory */
struct maker *maker_for(const char *name, struct operation *operation);
void party_attach(struct party *, struct transport *);
bool party_raise(const struct word *error); /* false: nobody is performing */

/* ---- verbs (verbs.c, peers.c, show.c) */

typedef void verb_function(const struct action *action);
struct verb {
    const char *name;
    verb_function *function;
};
extern const struct verb loop_verbs[], peer_verbs[], child_verbs[], tls_verbs[];

void perform(const struct block *block, struct party *party, int call, const void *data, size_t size);
void run_callback(void *callback);
void run_scenario(const struct scenario *scenario);
const char *option(const struct action *action, const char *name); /* of name=value; NULL: not given */
size_t operands(const struct action *action);                      /* how many words stand before the options */
const char *word(const struct action *action, size_t index);       /* NULL: there are fewer */
struct party *target(const struct action *action);
int attempt(const char *verb, int result); /* says so when the call was refused */
struct operation *begin(const char *name);
void begun(struct operation *, const char *verb, int result);
const int *give(struct operation *, const char *peer);
struct peer *add_peer(const char *name, int fd);
void *payload(const struct word *data, size_t *size); /* of a string or a pattern */
int transport_descriptor(const struct transport *);                        /* -1: it has no socket */
struct tls_context *context_of(const struct action *);                     /* of tls=; NULL: not given */
void forget_context(struct thing *);
double seconds_of(const struct action *, const char *name);
int port_of(const char *word);
int listener_of(const char *word);
int descriptor_of(const char *word);
const char *path_of(const char *word);
void verb_show(const struct action *action);

#endif
