/* greeter.c - tangled from chapters/07-tls.nw; edit that file, not this one. */
/* Greets each client by the name in its certificate. */
#include "greeter.h"
#include "protocol.h"
#include "tls.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

bool greeter_name(const char *subject, char *name, size_t room)
{
    (void)subject, (void)room;
    name[0] = '\0';
    return false;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    const char *greeting = "Hello!\n";
    (void)protocol;
    transport_write(transport, greeting, strlen(greeting));
    transport_close(transport);
}

static const struct protocol_callbacks greeter_callbacks = {
    .connection_made = connection_made,
};

static struct protocol greeter = {&greeter_callbacks};

struct protocol *greeter_protocol(void *context)
{
    (void)context;
    return &greeter;
}
