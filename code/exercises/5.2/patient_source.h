/* patient_source.h - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
#ifndef PATIENT_SOURCE_H
#define PATIENT_SOURCE_H
#include <stddef.h>

struct protocol;

/* What all sources of one server share. */
struct patient_sources {
    size_t total;    /* bytes for each client */
    double patience; /* seconds of loop_time */
    int given_up;    /* how many clients were dropped because of their patience */
};

/* A protocol_factory: sends `total` times the letter x to the client, at most 64 KiB in one pass of the
   loop, heeds pause_writing and resume_writing, and closes. A client that keeps it paused for `patience`
   seconds without a resume is dropped (transport_abort) and counted, and so is one that has not taken the
   rest `patience` seconds after the last byte was written. The context is a struct patient_sources,
   which outlives the connection. */
struct protocol *patient_source(void *sources);

#endif
