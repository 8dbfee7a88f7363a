/* Looks for the colon in each piece, as if a piece could not end in front of it. */
#include "netstring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void netstring_init(struct netstring *netstring, size_t limit)
{
    *netstring = (struct netstring){.limit = limit};
}

static int read_number(struct netstring *netstring, const char *data, size_t size, size_t *used)
{
    size_t i = 0, number = 0;
    for (; i < size && data[i] >= '0' && data[i] <= '9'; i++) {
        if (i > 0 && number == 0)
            return -EPROTO;
        if (number > netstring->limit / 10 || number * 10 > netstring->limit - (size_t)(data[i] - '0'))
            return -EMSGSIZE;
        number = number * 10 + (size_t)(data[i] - '0');
    }
    if (i == 0 || (i < size && data[i] != ':'))
        return -EPROTO;
    netstring->announced = number;
    netstring->counted = true;
    *used = i < size ? i + 1 : i;
    return 0;
}

static int read_bytes(struct netstring *netstring, const char *data, size_t size, size_t *used)
{
    size_t missing = netstring->announced + 1 - netstring->kept_size;
    *used = size < missing ? size : missing;
    char *larger = realloc(netstring->kept, netstring->kept_size + *used);
    if (larger == NULL)
        return -ENOMEM;
    memcpy(larger + netstring->kept_size, data, *used);
    netstring->kept = larger;
    netstring->kept_size += *used;
    return 0;
}

int netstring_feed(struct netstring *netstring, const void *data, size_t size, frame_taker *take,
    void *context)
{
    const char *at = data, *end = at + size;
    while (at < end && netstring->refused == 0) {
        size_t used = 0;
        netstring->refused = netstring->counted ? read_bytes(netstring, at, (size_t)(end - at), &used)
                                                : read_number(netstring, at, (size_t)(end - at), &used);
        at += used;
        if (netstring->refused != 0 || !netstring->counted || netstring->kept_size < netstring->announced + 1)
            continue;
        if (netstring->kept[netstring->announced] != ',') {
            netstring->refused = -EPROTO;
            break;
        }
        take(context, netstring->kept, netstring->announced);
        netstring_clear(netstring);
    }
    int refused = netstring->refused;
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
