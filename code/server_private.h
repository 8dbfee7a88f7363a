/* server_private.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef SERVER_PRIVATE_H
#define SERVER_PRIVATE_H

#include "server.h"

/* 0, -EINVAL, or -EBADF for a closed loop. options may be NULL, here and below. */
int server_check_options(const struct loop *, const struct server_options *);

/* A server with room for some sockets, not listening yet, or NULL. It belongs to its loop until
   server_close. */
struct server *server_create(struct loop *, protocol_factory *, void *context,
    const struct server_options *, size_t room);

/* Gives it a bound socket, which it will close. */
void server_add_socket(struct server *, int fd);

/* The last step: begins to serve unless told not to, and completes done; on failure closes it. */
void server_hand_over(struct server *, enum option start_serving, struct future *done);

/* All steps for options->sock: 0, done complete; or -errno, and the socket is the caller's. */
int server_from_socket(struct loop *, struct future *done, protocol_factory *, void *context,
    const struct server_options *);

#endif
