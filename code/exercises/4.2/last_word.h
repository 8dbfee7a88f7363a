/* last_word.h - tangled from chapters/04-framing.nw; edit that file, not this one. */
#ifndef LAST_WORD_H
#define LAST_WORD_H

#include "transport.h"

/* Instead of transport_close, for a client that is still sending. Writes the word and ends our side
   behind it. The protocol is let go of, now, and a new one takes over, which throws away what
   comes. When the other side ends too, the transport is closed. When more than `most` bytes have come
   since the call, or `seconds` have passed since it, the transport is aborted, whatever else is
   going on. Returns 0; or -ENOMEM, and nothing has happened. */
int say_last_word(
    struct transport *, const void *word, size_t size, size_t most, double seconds);

#endif
