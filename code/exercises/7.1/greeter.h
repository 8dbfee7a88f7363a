/* greeter.h - tangled from chapters/07-tls.nw; edit that file, not this one. */
#ifndef GREETER_H
#define GREETER_H

#include <stdbool.h>
#include <stddef.h>

struct protocol;

/* Finds the common name (CN) in a subject as tls_peercert has it, undoes its escapes and writes it, with
   a NUL, to `name`, which has room > 0 bytes. Bytes below 32 and 127 become '?', so that the name is one
   line and no command to a terminal. False, and an empty name, if there is no CN or more than one, or the
   name is empty, or does not fit: half a name is another's. */
bool greeter_name(const char *subject, char *name, size_t room);

/* A protocol factory: says "Hello, NAME!\n" to a client that has shown a certificate, "Hello,
   stranger!\n" to one that has not, or has no name, and closes. A name of over 63 bytes is none. */
struct protocol *greeter_protocol(void *context);

#endif
