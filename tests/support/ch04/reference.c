/* reference.c: what a stream of frames says, worked out the slow way, to compare the framers with. */
#include "reference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t length, room;
};

static void add(struct text *text, const char *bytes, size_t size)
{
    if (text->length + size + 1 > text->room) {
        text->room = 2 * (text->length + size + 1);
        text->bytes = realloc(text->bytes, text->room);
        if (text->bytes == NULL)
            abort();
    }
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
    text->bytes[text->length] = '\0';
}

static void add_shown(struct text *text, const char *before, const char *data, size_t size, const char *after)
{
    add(text, before, strlen(before));
    for (size_t i = 0; i < size; i++) {
        char escaped[8] = "";
        if (data[i] > ' ' && data[i] <= '~' && strchr("[]()\\", data[i]) == NULL)
            add(text, data + i, 1);
        else {
            int length = snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)data[i]);
            add(text, escaped, (size_t)length);
        }
    }
    add(text, after, strlen(after));
}

static size_t number(const struct cutting *cutting, const char *data)
{
    size_t value = 0;
    for (size_t i = 0; i < cutting->width; i++) {
        size_t weight = cutting->order == BYTE_ORDER_BIG ? cutting->width - 1 - i : i;
        value += (size_t)(unsigned char)data[i] << (8 * weight);
    }
    return value;
}

/* What the bytes begin with: a whole frame of `used` bytes; or not yet a whole one; or one that is over the limit. */
enum verdict { WHOLE,
    PARTIAL,
    REFUSED };

static enum verdict look(const struct cutting *cutting, const char *data, size_t size, size_t *used, size_t *start,
    size_t *length)
{
    const char *delimiter = cutting->kind == CUT_LINES ? "\n" : cutting->delimiter;
    size_t width = cutting->kind == CUT_LINES ? 1 : cutting->width;
    size_t slack = cutting->kind == CUT_LINES ? 2 : cutting->width;
    *start = 0;
    if (cutting->kind == CUT_FIXED) {
        *used = *length = cutting->width;
        return size >= cutting->width ? WHOLE : PARTIAL;
    }
    if (cutting->kind == CUT_PREFIXED) {
        if (size < width)
            return PARTIAL;
        *start = width;
        *length = number(cutting, data);
        *used = width + *length;
        return *length > cutting->limit ? REFUSED : size >= *used ? WHOLE
                                                                  : PARTIAL;
    }
    for (size_t at = 0; at + width <= size; at++)
        if (memcmp(data + at, delimiter, width) == 0) {
            *used = at + width;
            *length = at;
            if (cutting->kind == CUT_LINES && at > 0 && data[at - 1] == '\r')
                --*length;
            return *length > cutting->limit ? REFUSED : WHOLE;
        }
    return cutting->limit <= SIZE_MAX - slack && size >= cutting->limit + slack ? REFUSED : PARTIAL;
}

char *reference_cut(const struct cutting *cutting, const char *data, size_t size)
{
    struct text text = {0};
    size_t used = 0, start = 0, length = 0;
    add(&text, "", 0);
    while (size > 0) {
        enum verdict verdict = look(cutting, data, size, &used, &start, &length);
        if (verdict == REFUSED) {
            add(&text, "EMSGSIZE", 8);
            return text.bytes;
        }
        if (verdict == PARTIAL) {
            add_shown(&text, "tail(", data, size, ")");
            return text.bytes;
        }
        add_shown(&text, "[", data + start, length, "]");
        data += used;
        size -= used;
    }
    return text.bytes;
}

void cutting_begin(const struct cutting *cutting, struct framer *framer)
{
    switch (cutting->kind) {
    case CUT_LINES:
        framer_init_lines(framer, cutting->limit);
        break;
    case CUT_DELIMITED:
        framer_init_delimiter(framer, cutting->delimiter, cutting->width, cutting->limit);
        break;
    case CUT_PREFIXED:
        framer_init_length_prefix(framer, cutting->width, cutting->order, cutting->limit);
        break;
    case CUT_FIXED:
        framer_init_fixed(framer, cutting->width);
        break;
    }
}

static bool take(void *text, const char *frame, size_t size)
{
    add_shown(text, "[", frame, size, "]");
    return true;
}

static int feed_copy(struct framer *framer, const char *data, size_t size, struct text *text)
{
    char *piece = malloc(size > 0 ? size : 1);
    if (piece == NULL)
        abort();
    memcpy(piece, data, size);
    int result = framer_feed(framer, piece, size, take, text);
    memset(piece, '#', size);
    free(piece);
    return result;
}

char *framer_cut(const struct cutting *cutting, const char *data, size_t size, const size_t *cuts, size_t count)
{
    struct framer framer;
    struct text text = {0};
    size_t from = 0, left = 0;
    int result = 0;
    add(&text, "", 0);
    cutting_begin(cutting, &framer);
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : size;
        int one = feed_copy(&framer, data + from, to - from, &text);
        if (result == 0 && one == -EMSGSIZE)
            add(&text, "EMSGSIZE", 8);
        else if (one != 0)
            add(&text, "wrong", 5);
        result = result == 0 ? one : result;
        from = to;
    }
    const char *tail = framer_tail(&framer, &left);
    if (left > 0)
        add_shown(&text, "tail(", tail, left, ")");
    framer_clear(&framer);
    return text.bytes;
}
