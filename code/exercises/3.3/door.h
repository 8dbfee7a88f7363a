/* door.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef DOOR_H
#define DOOR_H

#include "protocol_factory.h"

enum { DOOR_LONGEST = 64 }; /* bytes of a line, its "\n" not counted */

/* Whom a door lets in, and to whom. */
struct door {
    const char *word;       /* what the first line must be */
    protocol_factory *make; /* makes who takes over */
    void *context;          /* for make */
};

/* A protocol_factory: reads a line, however it is cut. Is it the word, the protocol that make returns
   takes the connection over: it hears connection_made, then what came behind the line in the same
   delivery, if anything did and it has not closed by then, then all that follows; and the
   door-keeper is gone. Another line, one that is too long, or no protocol from make: "No.\n" is
   sent and the connection closed. The context is a struct door, which outlives every connection. */
struct protocol *door_protocol(void *door);

#endif
