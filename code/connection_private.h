/* connection_private.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef CONNECTION_PRIVATE_H
#define CONNECTION_PRIVATE_H

#include "connecting.h"
#include "connection.h"
#include <stddef.h>

struct transport;

/* A connection on its way to whoever asked for it; private to the library. */
struct opening {
    struct loop *loop;
    struct future *done; /* NULL: nobody wants it any more */
    protocol_factory *factory;
    void *context;
    struct handle closer; /* for loop_close */
    struct future remote, local; /* first stage: names are looked up */
    struct handle remote_found, local_found;
    size_t missing;               /* how many of them are not known yet */
    struct connecting connecting; /* second stage */
    struct handle begin;          /* how it starts when there is nothing to look up */
    int fd;                       /* third stage: connected, and no transport's yet; else -1 */
    bool in_factory;
    struct transport *transport; /* fourth stage: one reference, until done has it */
    struct handle attached;
    struct tls_settings *tls; /* NULL: no TLS */
    bool accepted;            /* this side is the server */
};

/* 0, -EINVAL, or -EBADF for a closed loop. options may be NULL, here and below. */
int opening_check(const struct loop *, const struct connection_options *);

/* A new one, or NULL. */
struct opening *opening_create(struct loop *, struct future *done, protocol_factory *,
    void *context, const struct connection_options *);

/* A new one whose socket is connected already, and which goes on by itself; or NULL. */
struct opening *opening_from_socket(struct loop *, struct future *done, protocol_factory *,
    void *context, int fd, const struct connection_options *);

/* Calls `begin` in the loop's next pass. */
void opening_begin(struct opening *, void (*begin)(void *opening));

/* Ends it: with an error for done, whose reference it takes; or without a word. */
void opening_fail(struct opening *, struct error *);
void opening_free(struct opening *);

#endif
