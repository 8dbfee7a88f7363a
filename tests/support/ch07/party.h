/* party.h: a protocol that keeps its own story, for tests in which two of them talk to each other. */
#ifndef PARTY_H
#define PARTY_H
#include "loops.h"
#include "protocol.h"
#include "transport.h"

/* Writes CM; DR(text), successive ones joined; EOF; PW; RW; CL(None), CL(ECONNRESET) … into its story. */
struct party {
    struct protocol protocol;
    struct transport *transport; /* NULL before connection_made and after connection_lost */
    char story[2000];
    bool counts_only; /* data are compared with the pattern, and only counted */
    bool keep_open;   /* what eof_received returns */
    size_t received, deliveries;
    int made, lost, released, paused, resumed;
    void (*on_made)(struct party *);
    void (*on_data)(struct party *, const void *data, size_t size);
    void (*on_end)(struct party *);
    void *context;
};

void party_init(struct party *party);
void party_note(struct party *party, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct protocol *party_factory(void *party);
void party_say(struct party *party, const char *text);
void party_fail(struct party *party, const char *text); /* transport_fail with an error of the program's */

/* Passes until the story is `expected`, or cannot become it any more; settles; compares. */
void party_until(struct loop *loop, struct party *party, const char *expected, const char *file, int line);
#define UNTIL(loop, party, expected) party_until((loop), (party), (expected), __FILE__, __LINE__)
/* Passes until so many bytes have come, or it is lost. */
bool party_receives(struct loop *loop, struct party *party, size_t size);
#endif
