/* polite_echo.h - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
#ifndef POLITE_ECHO_H
#define POLITE_ECHO_H

struct protocol;

/* A protocol_factory; the context is not used. Sends back what comes, all of it and in order. While the
   client does not read, no more than 320 KiB wait for it in the transport's write buffer, and the rest in
   the kernel, at last in the client. A client that ends its side still gets all that it sent. */
struct protocol *polite_echo(void *context);

#endif
