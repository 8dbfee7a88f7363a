/* protocol_factory.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef PROTOCOL_FACTORY_H
#define PROTOCOL_FACTORY_H

struct protocol;

/* Makes the protocol of one connection, or returns NULL if it cannot. The library calls `released`
   of what it got exactly once; the context stays its owner's, and must live as long as calls can
   come. */
typedef struct protocol *protocol_factory(void *context);

#endif
