/* close_within.h - tangled from chapters/02-transports.nw; edit that file, not this one. */
#ifndef CLOSE_WITHIN_H
#define CLOSE_WITHIN_H

#include "transport.h"

/* transport_close; and if connection_lost has not been called `seconds` from now,
   transport_abort. When it is called again for the same transport, the earliest
   limit counts. A transport that is lost, or whose loop is closed, stays as it is.
   Calls back into nobody.
   Returns 0; -ENOMEM, or -EINVAL when seconds is not a number: then the transport
   is being closed all the same, without a limit. */
int close_within(struct transport *, double seconds);

#endif
