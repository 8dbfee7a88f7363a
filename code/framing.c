/* framing.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
#include "framing.h"
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    const char *bytes;
    size_t size;
};

/* How many of these bytes belong to the frame that has begun, or begins here, if they make it whole;
   0 when it needs more. Enough to see that it must be refused also makes it whole. */
typedef size_t frame_end(const struct framer *, const char *data, size_t size);

/* What the taker sees of a whole frame. Its size may be over the limit: whoever asked looks first. */
typedef struct piece frame_inside(const struct framer *, const char *data, size_t size);

struct framing {
    frame_end *end;
    frame_inside *inside;
    int (*cut)(struct framer *, struct piece *input, frame_taker *, void *context);
};

static inline int cut_with(frame_end *end, frame_inside *inside, struct framer *framer,
    struct piece *input, frame_taker *take, void *context)
{
    struct piece rest = *input; /* a copy, so that it may live in registers */
    size_t used;
    while (!framer->stopped && (used = end(framer, rest.bytes, rest.size)) > 0) {
        struct piece frame = inside(framer, rest.bytes, used);
        if (frame.size > framer->limit)
            return -EMSGSIZE;
        rest.bytes += used;
        rest.size -= used;
        framer->stopped = !take(context, frame.bytes, frame.size);
    }
    *input = rest;
    return 0;
}

static size_t end_of_line(const struct framer *framer, const char *data, size_t size)
{
    const char *newline = memchr(data, '\n', size);
    (void)framer;
    return newline != NULL ? (size_t)(newline - data) + 1 : 0;
}

static struct piece inside_line(const struct framer *framer, const char *data, size_t size)
{
    size--;
    if (size > 0 && data[size - 1] == '\r')
        size--;
    (void)framer;
    return (struct piece){data, size};
}

static int cut_lines(
    struct framer *framer, struct piece *input, frame_taker *take, void *context)
{
    return cut_with(end_of_line, inside_line, framer, input, take, context);
}

void framer_init_lines(struct framer *framer, size_t limit)
{
    static const struct framing lines = {end_of_line, inside_line, cut_lines};
    *framer = (struct framer){.framing = &lines, .limit = limit, .overhead = 2};
}

static size_t search(const struct framer *framer, const char *data, size_t size)
{
    const char *at = data, *end = data + size;
    while ((size_t)(end - at) >= framer->width) {
        at = memchr(at, framer->delimiter[0], (size_t)(end - at) - framer->width + 1);
        if (at == NULL)
            return 0;
        if (memcmp(at, framer->delimiter, framer->width) == 0)
            return (size_t)(at - data) + framer->width;
        at++;
    }
    return 0;
}

static bool ends_across(const struct framer *framer, const char *data, size_t after)
{
    size_t before = framer->width - after;
    return framer->begun_size >= before
        && memcmp(framer->begun + framer->begun_size - before, framer->delimiter, before) == 0
        && memcmp(data, framer->delimiter + before, after) == 0;
}

static size_t end_of_delimited(const struct framer *framer, const char *data, size_t size)
{
    if (framer->begun_size > 0)
        for (size_t after = 1; after < framer->width && after <= size; after++)
            if (ends_across(framer, data, after))
                return after;
    return search(framer, data, size);
}

static struct piece inside_delimited(const struct framer *framer, const char *data, size_t size)
{
    return (struct piece){data, size - framer->width};
}

static int cut_delimited(
    struct framer *framer, struct piece *input, frame_taker *take, void *context)
{
    return cut_with(end_of_delimited, inside_delimited, framer, input, take, context);
}

void framer_init_delimiter(
    struct framer *framer, const char *delimiter, size_t size, size_t limit)
{
    static const struct framing delimited = {end_of_delimited, inside_delimited, cut_delimited};
    assert(size > 0);
    *framer = (struct framer){
        .framing = &delimited, .limit = limit, .overhead = size,
        .delimiter = delimiter, .width = size,
    };
}

static size_t length_of(const struct framer *framer, size_t here, const char *data)
{
    uint32_t length = 0;
    for (size_t i = 0; i < framer->width; i++) {
        size_t place = framer->order == BYTE_ORDER_BIG ? i : framer->width - 1 - i;
        const char *byte = place < here ? framer->begun + place : data + (place - here);
        length = (length << 8) | (unsigned char)*byte;
    }
    return length;
}

static size_t end_of_prefixed(const struct framer *framer, const char *data, size_t size)
{
    size_t here = framer->begun_size < framer->width ? framer->begun_size : framer->width;
    size_t missing = framer->width - here;
    if (size < missing)
        return 0;
    size_t length = length_of(framer, here, data);
    if (length > framer->limit)
        return missing;
    size_t more = length - (framer->begun_size - here);
    return more <= size - missing ? missing + more : 0;
}

static struct piece inside_prefixed(const struct framer *framer, const char *data, size_t size)
{
    (void)size;
    return (struct piece){data + framer->width, length_of(framer, 0, data)};
}

static int cut_prefixed(
    struct framer *framer, struct piece *input, frame_taker *take, void *context)
{
    return cut_with(end_of_prefixed, inside_prefixed, framer, input, take, context);
}

void framer_init_length_prefix(
    struct framer *framer, size_t width, enum byte_order order, size_t limit)
{
    static const struct framing prefixed = {end_of_prefixed, inside_prefixed, cut_prefixed};
    assert(width == 1 || width == 2 || width == 4);
    *framer = (struct framer){
        .framing = &prefixed, .limit = limit, .overhead = width, .width = width, .order = order,
    };
}

static size_t end_of_fixed(const struct framer *framer, const char *data, size_t size)
{
    size_t more = framer->width - framer->begun_size;
    (void)data;
    return more <= size ? more : 0;
}

static struct piece inside_fixed(const struct framer *framer, const char *data, size_t size)
{
    (void)framer;
    return (struct piece){data, size};
}

static int cut_fixed(
    struct framer *framer, struct piece *input, frame_taker *take, void *context)
{
    return cut_with(end_of_fixed, inside_fixed, framer, input, take, context);
}

void framer_init_fixed(struct framer *framer, size_t size)
{
    static const struct framing fixed = {end_of_fixed, inside_fixed, cut_fixed};
    assert(size > 0);
    *framer = (struct framer){.framing = &fixed, .limit = size, .width = size};
}

static size_t longest(const struct framer *framer)
{
    size_t most = SIZE_MAX - framer->overhead;
    return framer->limit < most ? framer->limit + framer->overhead : SIZE_MAX;
}

static bool make_room(struct framer *framer, size_t needed)
{
    if (needed <= framer->begun_room)
        return true;
    size_t room = needed < 2 * framer->begun_room ? 2 * framer->begun_room : needed;
    char *begun = realloc(framer->begun, room);
    if (begun == NULL)
        return false;
    framer->begun = begun;
    framer->begun_room = room;
    return true;
}

static int keep(struct framer *framer, const char *data, size_t size, size_t most)
{
    if (size > most - framer->begun_size)
        return -EMSGSIZE;
    if (!make_room(framer, framer->begun_size + size))
        return -ENOMEM;
    memcpy(framer->begun + framer->begun_size, data, size);
    framer->begun_size += size;
    return 0;
}

static int finish_begun(
    struct framer *framer, struct piece *input, frame_taker *take, void *context)
{
    size_t share = framer->framing->end(framer, input->bytes, input->size);
    bool whole = share > 0;
    if (!whole)
        share = input->size;
    size_t most = whole ? longest(framer) : longest(framer) - 1;
    int failed = keep(framer, input->bytes, share, most);
    input->bytes += share;
    input->size -= share;
    if (failed || !whole)
        return failed;
    struct piece frame = framer->framing->inside(framer, framer->begun, framer->begun_size);
    if (frame.size > framer->limit)
        return -EMSGSIZE;
    framer->stopped = !take(context, frame.bytes, frame.size);
    framer_clear(framer);
    return 0;
}

int framer_feed(
    struct framer *framer, const void *data, size_t size, frame_taker *take, void *context)
{
    struct piece input = {data, size};
    int failed = 0;
    if (framer->begun_size > 0 && size > 0)
        failed = finish_begun(framer, &input, take, context);
    if (failed == 0 && input.size > 0)
        failed = framer->framing->cut(framer, &input, take, context);
    if (failed == 0 && input.size > 0 && !framer->stopped)
        failed = keep(framer, input.bytes, input.size, longest(framer) - 1);
    if (failed)
        framer->stopped = true;
    if (framer->stopped)
        framer_clear(framer);
    return failed;
}

const char *framer_tail(const struct framer *framer, size_t *size)
{
    *size = framer->begun_size;
    return framer->begun;
}

void framer_clear(struct framer *framer)
{
    free(framer->begun);
    framer->begun = NULL;
    framer->begun_size = framer->begun_room = 0;
}

int frame_prefix(void *prefix, size_t width, enum byte_order order, size_t size)
{
    unsigned char *bytes = prefix;
    assert(width == 1 || width == 2 || width == 4);
    if (size > UINT32_MAX >> (32 - 8 * width))
        return -EMSGSIZE;
    for (size_t i = 0; i < width; i++) {
        bytes[order == BYTE_ORDER_BIG ? width - 1 - i : i] = (unsigned char)size;
        size /= 256;
    }
    return 0;
}
