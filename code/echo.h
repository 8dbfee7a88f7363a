/* echo.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef ECHO_H
#define ECHO_H

#include "future.h"
#include "protocol.h"
#include <stdbool.h>

/* What all connections of one echo server share. */
struct echo_server {
    bool quiet; /* print nothing */
};

/* A protocol_factory: sends back what comes, and says so on standard output. The context is a
   struct echo_server, which must outlive every connection. */
struct protocol *echo_server_protocol(void *echo_server);

/* What the echo client is to say, and who waits for its end. */
struct echo_client {
    const char *message;
    struct future *on_con_lost; /* gets NULL as its result when the connection is lost */
};

/* A protocol_factory: sends the message, prints what comes back. The context is a struct
   echo_client, which must outlive the connection. */
struct protocol *echo_client_protocol(void *echo_client);

#endif
