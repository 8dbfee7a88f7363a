/* last_word.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
#include "last_word.h"
#include "loop.h"
#include "protocol.h"
#include <errno.h>
#include <stdlib.h>

int say_last_word(
    struct transport *transport, const void *word, size_t size, size_t most, double seconds)
{
    /* Yours: say it, and stay until one of the bounds is reached. */
    (void)most;
    (void)seconds;
    transport_write(transport, word, size);
    transport_close(transport);
    return 0;
}
