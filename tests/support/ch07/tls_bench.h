/* tls_bench.h: a connection under TLS. Either end is ours, or a plain OpenSSL in the test's own hands. */
#ifndef TLS_BENCH_H
#define TLS_BENCH_H
#include <openssl/ssl.h>

#include "ch07/party.h"
#include "connection.h"
#include "error.h"
#include "future.h"
#include "kernel.h"
#include "peers.h"
#include "server.h"
#include "tls.h"

/* A file of build/certificates; made by tests/tools/make_certificates if it is not there. */
const char *certificate(const char *file);

struct tls_end {
    struct party party;
    struct tls_context *context;
    struct future done;
    struct handle told; /* RET in the story */
    struct transport *transport;
    bool called;
};

struct tls_bench {
    struct loop *loop;
    struct tls_end client, server;
    double handshake_timeout, shutdown_timeout;
    const char *name; /* whom the client asks for: localhost */
    int fds[2];       /* the client's, the server's; -1 once they are the library's */
    SSL *peer;        /* a plain OpenSSL at one end */
    SSL_CTX *peer_context;
};

/* Contexts of a client that trusts our authority and of a server with a good certificate, unless told otherwise. */
void tls_begin(struct tls_bench *bench, const struct tls_context_options *client,
    const struct tls_context_options *server);
void tls_begin_over(struct tls_bench *bench, void (*pair)(int ends[2]));
/* Releases everything; checks that each protocol was released once, and lost if it was made. */
void tls_end(struct tls_bench *bench);

void call_client(struct tls_bench *bench); /* loop_create_connection with the socket */
void call_server(struct tls_bench *bench); /* loop_connect_accepted_socket */
void run_calls(struct tls_bench *bench);   /* until those calls are done */
/* Both, until both have CM and RET; the stories are empty then. */
void tls_meet(struct tls_bench *bench);
/* How the call ended: its code, and the error's text if one is given. */
#define CHECK_CALL(end, code, text) check_call((end), (code), (text), __FILE__, __LINE__)
void check_call(struct tls_end *end, int code, const char *text, const char *file, int line);
#define CHECK_STORY(end, expected) check_text((end)->party.story, (expected), #end, __FILE__, __LINE__)

/* The plain peer. Contexts: make one, change it, begin. */
SSL_CTX *peer_client_context(void);
SSL_CTX *peer_server_context(const char *certificate);
void peer_begin(struct tls_bench *bench, SSL_CTX *context, bool is_server); /* takes over the context */
int peer_fd(const struct tls_bench *bench);
/* These turn the loop meanwhile. Results: 1, or minus what SSL_get_error said; -1000 out of patience. */
int peer_handshake(struct tls_bench *bench);
int peer_write(struct tls_bench *bench, const char *text);
int peer_read(struct tls_bench *bench, char *text, size_t size); /* exactly size - 1 bytes */
#define CHECK_PEER_READS(bench, text) check_peer_reads((bench), (text), __FILE__, __LINE__)
void check_peer_reads(struct tls_bench *bench, const char *expected, const char *file, int line);
/* What comes next is the peer's end: SSL_ERROR_ZERO_RETURN after close_notify, SSL_ERROR_SSL or SSL_ERROR_SYSCALL. */
int peer_hears_end(struct tls_bench *bench);
void peer_says_goodbye(struct tls_bench *bench); /* close_notify */
void peer_leaves(struct tls_bench *bench);       /* closes the socket */
/* Our server with a plain client, or our client with a plain server, CM and RET; the story is empty. */
void meet_plain_client(struct tls_bench *bench);
void meet_plain_server(struct tls_bench *bench);

/* Bytes that OpenSSL has allocated, from the first call on; call it before anything else of OpenSSL. */
size_t openssl_bytes(void);
#endif
