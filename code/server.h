/* server.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef SERVER_H
#define SERVER_H

#include "future.h"
#include "loop.h"
#include "protocol_factory.h"
#include <stdbool.h>
#include <stddef.h>
#include "tls.h"

/* A switch that need not be set; what the default is, is said where it is used. */
enum option { OPTION_DEFAULT, OPTION_ON, OPTION_OFF };

/* How a server listens. Zero everywhere, or no struct at all: the defaults. None of it is needed
   once the call has returned. */
struct server_options {
    const char *const *hosts; /* several in place of host, NULL at the end; doubles count once */
    int family;               /* AF_INET or AF_INET6; 0: both */
    const int *sock;          /* a bound stream socket in place of host and port: the server's own
                                 once the call has succeeded */
    int backlog;              /* how many may wait, and are accepted at a time; 0: 100 */
    enum option reuse_address; /* SO_REUSEADDR; default: on */
    enum option reuse_port;    /* SO_REUSEPORT; default: off */
    enum option start_serving; /* listen at once; default: on */
    bool abstract;             /* Unix: the path is a name in Linux's abstract namespace */
    struct tls_context *tls; /* a server's; NULL: no TLS. Retained */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */
};

/* A server: counted, opaque (asyncio.Server). */
struct server;

/* Listens on every address of the host, NULL or "" meaning all of this machine, and makes a protocol
   for each connection (loop.create_server). port 0: any, a different one for each address.
   done's result: struct server *, with one reference for the caller.
   0; -EINVAL: bad port or option, or both host and sock; -EBADF: closed loop; -ENOMEM. */
int loop_create_server(struct loop *, struct future *done, protocol_factory *, void *context,
    const char *host, int port, const struct server_options *);

/* The same on a path (loop.create_unix_server). A socket file that is there already, in use or not,
   is replaced; another file is an error. The path stays when the server closes. path NULL: with
   options->sock. */
int loop_create_unix_server(struct loop *, struct future *done, protocol_factory *, void *context,
    const char *path, const struct server_options *);

struct server *server_retain(struct server *);
void server_release(struct server *); /* NULL is fine; a server that is released goes on serving */

/* Stops listening; connections live on, those not yet accepted are reset. Idempotent. */
void server_close(struct server *);
bool server_is_serving(const struct server *);

/* Begins to listen if it does not yet: 0, -EBADF if closed, or what listen() said, -errno. */
int server_start_serving(struct server *);

/* Serves until done is cancelled, which closes the server, or until server_close, which cancels
   done. 0; -EBUSY: somebody does already; -EBADF: closed. */
int server_serve_forever(struct server *, struct future *done);

/* Completes done, with NULL, when the server is closed and its last connection lost. Always 0. */
int server_wait_closed(struct server *, struct future *done);

/* Its listening descriptors, which stay its own: how many; 0 when closed. */
size_t server_sockets(const struct server *, const int **fds);
struct loop *server_get_loop(const struct server *);

#endif
