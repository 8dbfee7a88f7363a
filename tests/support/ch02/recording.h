/* recording.h: a protocol that writes down what it is told, and a connection made of it and a plain socket. */
#ifndef RECORDING_H
#define RECORDING_H
#include "error.h"
#include "loops.h"
#include "protocol.h"
#include "transport.h"

/* Writes CM; DR(text), successive ones joined; CL(None), CL(ECONNRESET), CL(text of other errors). With a
   name "a" it writes a.CM and so on. */
struct recording {
    struct protocol protocol;
    const char *name;
    struct transport *transport; /* NULL before connection_made and after connection_lost */
    bool counts_only;            /* DR is not traced, but the bytes are counted and compared with the pattern */
    size_t received, largest;
    int made, lost, released, ends;
    /* What it does besides; called after the event is written down. */
    void (*on_made)(struct recording *);
    void (*on_data)(struct recording *, const void *data, size_t size);
    void (*on_end)(struct recording *); /* eof_received: chapter 3 */
    bool keep_open;                     /* what eof_received returns */
    void (*on_lost)(struct recording *, const struct error *exc);
    void (*on_released)(struct recording *);
    void *context;
};

extern const struct protocol_callbacks recording_callbacks;
void recording_init(struct recording *recording, const char *name);
void recording_made(struct protocol *protocol, struct transport *transport);
void recording_data(struct protocol *protocol, const void *data, size_t size);
void recording_lost(struct protocol *protocol, const struct error *exc);
void recording_released(struct protocol *protocol);
/* Was handed over, saw one connection_made and one connection_lost, was released once. */
#define CHECK_LIVED(recording) check_lived((recording), __FILE__, __LINE__)
void check_lived(const struct recording *recording, const char *file, int line);

/* A loop, a recording protocol over a transport, and at the other end a plain socket. */
struct wire {
    struct loop *loop;
    struct recording protocol;
    struct transport *transport; /* the loop's until connection_lost */
    int ours, theirs;
};

void wire_prepare(struct wire *wire, void (*pair)(int ends[2])); /* the transport is still to be made */
void wire_start(struct wire *wire, struct handle *waiter);       /* made; no pass has run */
void wire_begin(struct wire *wire, void (*pair)(int ends[2]));   /* both; CM has come; the trace is empty */
void wire_end(struct wire *wire);                                /* aborts, checks that it lived once, frees all */
void tight_pair(int ends[2]);                                    /* TCP with the smallest buffers */
void tight_unix_pair(int ends[2]);

/* Bytes that tell where they belong. */
void pattern_fill(void *data, size_t size, size_t offset);
bool pattern_matches(const void *data, size_t size, size_t offset);
void write_pattern(struct transport *transport, size_t size, size_t offset); /* in one call */
/* Takes everything that comes up to the end of the stream; checks that it is the pattern; returns how much. */
size_t take_pattern(struct loop *loop, int fd, size_t offset);

/* A context for transport_fail. */
void fail_with(struct recording *recording, const char *text); /* a program's error */
void fail_with_errno(struct recording *recording, int code);   /* a system's error */
#endif
