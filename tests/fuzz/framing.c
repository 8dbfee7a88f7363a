/* framing.c: a fuzzer for the framers. The first bytes of an input choose the limit and where the stream is cut; the
   rest is the stream. However it is cut, a framer must give what tests/support/ch04/reference.c gives, and no piece may
   be read beyond its end (AddressSanitizer watches). One program for each framing: FRAMING_LINES, _DELIMITER, _PREFIX
   or _FIXED. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

enum { MOST_CUTS = 8,
    HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Byte 0: which variant of the framing. Byte 1: the limit. Bytes 2 and 3: the seed of the cuts. */
static struct cutting chosen_by(const uint8_t *head)
{
    static const struct {
        const char *bytes;
        size_t size;
    } delimiters[] = {
        {"\n", 1}, {"--", 2}, {"END", 3}, {"aab", 3}, {"abab", 4}, {"\r\n\r\n", 4}, {"\0", 1}, {"aaaa", 4}};
    struct cutting cutting = {.limit = head[1] == 255 ? SIZE_MAX : head[1] % 64u};
#if defined FRAMING_LINES
    cutting.kind = CUT_LINES;
#elif defined FRAMING_DELIMITER
    cutting.kind = CUT_DELIMITED;
    cutting.delimiter = delimiters[head[0] % 8].bytes;
    cutting.width = delimiters[head[0] % 8].size;
#elif defined FRAMING_PREFIX
    cutting.kind = CUT_PREFIXED;
    cutting.width = (size_t)1 << head[0] % 3;
    cutting.order = head[0] & 4 ? BYTE_ORDER_LITTLE : BYTE_ORDER_BIG;
#else
    cutting.kind = CUT_FIXED;
    cutting.width = 1 + head[0] % 16u;
#endif
    (void)delimiters;
    return cutting;
}

static int rising(const void *one, const void *other)
{
    size_t a = *(const size_t *)one, b = *(const size_t *)other;
    return (a > b) - (a < b);
}

static void compare(const struct cutting *cutting, const char *stream, size_t size, const char *expected,
    const size_t *cuts, size_t count)
{
    char *actual = framer_cut(cutting, stream, size, cuts, count);
    if (strcmp(actual, expected) != 0) {
        fprintf(stderr, "limit %zu, width %zu, %zu bytes, cut at", cutting->limit, cutting->width, size);
        for (size_t i = 0; i < count; i++)
            fprintf(stderr, " %zu", cuts[i]);
        fprintf(stderr, "\nexpected %s\nbut got  %s\n", expected, actual);
        abort();
    }
    free(actual);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    const struct cutting cutting = chosen_by(data);
    const char *stream = (const char *)data + HEAD;
    size -= HEAD;
    char *expected = reference_cut(&cutting, stream, size);
    compare(&cutting, stream, size, expected, NULL, 0);

    uint32_t seed = data[2] * 256u + data[3] + 1;
    size_t cuts[MOST_CUTS];
    for (size_t i = 0; i < MOST_CUTS; i++) {
        seed = seed * 1664525u + 1013904223u;
        cuts[i] = (seed >> 8) % (size + 1);
    }
    qsort(cuts, MOST_CUTS, sizeof *cuts, rising);
    compare(&cutting, stream, size, expected, cuts, MOST_CUTS);

    size_t *each = malloc((size + 1) * sizeof *each);
    if (each == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        each[i] = i;
    compare(&cutting, stream, size, expected, each, size);
    free(each);
    free(expected);
    return 0;
}
