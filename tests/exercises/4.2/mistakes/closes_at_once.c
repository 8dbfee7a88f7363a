#include "last_word.h"
#include "loop.h"
#include "protocol.h"
#include <errno.h>
#include <stdlib.h>

int say_last_word(
    struct transport *transport, const void *word, size_t size, size_t most, double seconds)
{
    (void)most;
    (void)seconds;
    transport_write(transport, word, size);
    transport_close(transport);
    return 0;
}
