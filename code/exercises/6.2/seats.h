/* seats.h - tangled from chapters/06-datagrams.nw; edit that file, not this one. */
#ifndef SEATS_H
#define SEATS_H
#include <stdbool.h>
#include <stddef.h>

struct loop;
struct protocol;

enum { SEATS = 100 };

/* One hall. Zeroed memory with the first three set is a good one, with every seat free. */
struct hall {
    struct loop *loop;
    double memory;     /* seconds of loop_time */
    size_t most;       /* questions that may be remembered */
    size_t remembered; /* how many are */
    bool taken[SEATS + 1];
    void *records; /* private */
};

/* A protocol_factory for an endpoint without a remote address; the context is a struct hall that
   outlives it. A question is "NUMBER SEAT", two numbers of one to nine digits, one blank. The answer
   goes to who asked: "NUMBER yes" if the seat was free, and is his now; "NUMBER no" if it was not, or if
   there is none with that number. What is no question gets no answer.
   A question with the number of an earlier one, from the same address and port, is the same question: it
   gets the same answer again and books nothing. It is remembered for `memory` seconds after it last
   came, and forgotten when a question comes after that.
   With `most` remembered questions, a new one gets no answer and books nothing: its sender will ask again.
   When the endpoint is lost, all is forgotten but the seats. */
struct protocol *seat_server(void *hall);

#endif
