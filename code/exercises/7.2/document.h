/* document.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "protocol.h"
#include <stddef.h>

enum document_end {
    DOCUMENT_WHOLE,  /* over TLS: the other side has said goodbye behind the last byte */
    DOCUMENT_CUT,    /* it has not, or the connection broke */
    DOCUMENT_UNKNOWN /* without TLS: the stream has ended, and nobody can tell */
};

/* What a server sends until it closes. Belongs to the caller, zeroed at first, and stays where it is until
   finished. */
struct document {
    struct protocol protocol; /* private */
    void (*finished)(struct document *, enum document_end); /* the caller's; called once */
    void *context;                                          /* the caller's */
    char *bytes; /* what has come; the caller frees it */
    size_t size;
    struct transport *transport; /* private */
};

/* A protocol factory; the context is the struct document *. */
struct protocol *document_protocol(void *document);

#endif
