/* tls_transport.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef TLS_TRANSPORT_H
#define TLS_TRANSPORT_H

#include "tls_private.h"
#include "transport_private.h"

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSING, TLS_OVER };

struct tls_layer {
    struct protocol protocol;   /* the face that it shows to the transport below */
    struct transport transport; /* the face that it shows to the protocol above */
    struct transport *below;    /* one reference, from its connection_made on */
    enum tls_state state;
    bool eof;  /* eof_received has been called */
    bool fin;  /* the transport below has come to its end while we were paused */
    bool held; /* the transport below is corked, by us */
    bool aborted;
    SSL *ssl;
    const char *lent; /* ciphertext that OpenSSL may read now, */
    size_t lent_size; /* and how much there is of it */
    struct write_buffer *kept; /* ciphertext that must wait, because the protocol is paused */
    struct tls_settings settings;
    struct timer_handle limit;   /* for the handshake, later for the end */
    struct handle soon;          /* for the beginning of start_tls, and for resuming */
    struct handle *waiter; /* NULL: nobody; queued when the handshake has ended */
    struct future *done;   /* start_tls: the same */
    struct error *failure; /* why it failed */
    struct tls_peercert *peercert; /* made when first asked for */
    struct tls_cipher cipher;
    char *alpn;
};

/* A layer between a transport and a protocol; its first member is for the transport below. NULL and
   errno on failure, and the protocol is the caller's still. EINVAL: a name is missing to check. */
struct tls_layer *tls_layer_create(
    struct loop *, struct protocol *, const struct tls_settings *, struct handle *waiter);

/* The transport below is known already. */
void tls_layer_put_over(struct tls_layer *, struct transport *below);

/* Behind its transport: the handshake's failure, or what connection_made failed with; NULL: none. */
const struct error *tls_layer_failure(const struct transport *);
bool transport_is_tls(const struct transport *);
const void *tls_layer_tell(struct tls_layer *, const char *name); /* tls_info.c */
void tls_layer_forget_told(struct tls_layer *);

#endif
