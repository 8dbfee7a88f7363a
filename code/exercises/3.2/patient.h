/* patient.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef PATIENT_H
#define PATIENT_H

#include "protocol.h"

/* What all connections of one patient server share. */
struct patient {
    double delay; /* seconds from the end of the input to the answer */
    double beat;  /* seconds between two signs of life meanwhile; less than delay */
};

/* A protocol_factory: counts the bytes that come. When the input has ended it keeps the connection,
   writes "." every beat seconds, after delay seconds "N bytes\n", and closes. It writes nothing
   before the end of the input. The context is a struct patient, which outlives every connection. */
struct protocol *patient_protocol(void *patient);

#endif
