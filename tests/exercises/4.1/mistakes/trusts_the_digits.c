/* Compares after it has multiplied. */
#include "netstring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take_digit(struct netstring *netstring, char byte)
{
    if (byte == ':' && netstring->digits > 0) {
        netstring->counted = true;
        return 0;
    }
    if (byte < '0' || byte > '9' || (netstring->digits > 0 && netstring->announced == 0))
        return -EPROTO;
    size_t digit = (size_t)(byte - '0');
    netstring->announced = 10 * netstring->announced + digit;
    if (netstring->announced > netstring->limit)
        return -EMSGSIZE;
    netstring->digits++;
    return 0;
}

static int keep_part(struct netstring *netstring, const char *data, size_t size)
{
    if (netstring->kept_room - netstring->kept_size < size) {
        size_t room = netstring->kept_size + size;
        if (room < 2 * netstring->kept_room)
            room = 2 * netstring->kept_room;
        char *larger = realloc(netstring->kept, room);
        if (larger == NULL)
            return -ENOMEM;
        netstring->kept = larger;
        netstring->kept_room = room;
    }
    memcpy(netstring->kept + netstring->kept_size, data, size);
    netstring->kept_size += size;
    return 0;
}

static int take_bytes(struct netstring *netstring, const char **at, const char *end, frame_taker *take, void *context)
{
    size_t missing = netstring->announced + 1 - netstring->kept_size;
    size_t there = (size_t)(end - *at), used = there < missing ? there : missing;
    const char *string = *at;
    if (netstring->kept_size > 0 || used < missing) {
        int error = keep_part(netstring, *at, used);
        if (error != 0)
            return error;
        string = netstring->kept;
    }
    *at += used;
    if (used < missing)
        return 0;
    if (string[netstring->announced] != ',')
        return -EPROTO;
    take(context, string, netstring->announced);
    netstring_clear(netstring);
    return 0;
}

void netstring_init(struct netstring *netstring, size_t limit)
{
    *netstring = (struct netstring){.limit = limit};
}

int netstring_feed(struct netstring *netstring, const void *data, size_t size, frame_taker *take, void *context)
{
    const char *at = data, *end = at + size;
    int refused = netstring->refused;
    while (at < end && refused == 0)
        refused = netstring->counted ? take_bytes(netstring, &at, end, take, context)
                                     : take_digit(netstring, *at++);
    if (refused != 0)
        netstring_clear(netstring);
    netstring->refused = refused;
    return refused;
}

void netstring_clear(struct netstring *netstring)
{
    free(netstring->kept);
    netstring_init(netstring, netstring->limit);
}
