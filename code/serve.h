/* serve.h - tangled from chapters/03-protocols.nw; edit that file, not this one. */
#ifndef SERVE_H
#define SERVE_H

#include "protocol_factory.h"

struct loop;
struct server_options;

/* What every program that serves does: listens, prints "Serving on ('127.0.0.1', 8888)" with all
   addresses, and serves until SIGINT. Returns the program's exit status: 0; or 1, after one line
   "PROGRAM: what is wrong" on standard error, also for a loop that is NULL because it could not be
   made. Standard output becomes line-buffered. */
int serve(const char *program, struct loop *, protocol_factory *, void *context, const char *host,
    int port, const struct server_options *);

#endif
