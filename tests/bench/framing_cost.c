/* What the framer costs: lines of 16 bytes through it, or through memchr and one call a line; and what it keeps of
   input that never ends its line. Run under callgrind with --toggle-collect=measured. */
#include "arguments.h"
#include "framing.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define OUT_OF_LINE __attribute__((noinline))

enum { LINE = 16, LIMIT = 64 * 1024 };

struct count {
    size_t lines, bytes;
};

OUT_OF_LINE static bool take(void *context, const char *line, size_t size)
{
    struct count *count = context;
    (void)line;
    count->lines++;
    count->bytes += size;
    return true;
}

static void search(struct count *count, const char *data, size_t size)
{
    const char *end = data + size, *newline;
    while ((newline = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        take(count, data, (size_t)(newline - data));
        data = newline + 1;
    }
}

/* Delivery after delivery, as a transport makes them. Returns how much went in before a refusal. */
OUT_OF_LINE size_t measured(struct count *count, const char *data, size_t size, size_t delivery, bool by_framer);

size_t measured(struct count *count, const char *data, size_t size, size_t delivery, bool by_framer)
{
    struct framer framer;
    framer_init_lines(&framer, LIMIT);
    size_t done = 0;
    int failed = 0;
    while (done < size && !failed) {
        size_t part = size - done < delivery ? size - done : delivery;
        if (by_framer)
            failed = framer_feed(&framer, data + done, part, take, count);
        else
            search(count, data + done, part);
        done += part;
    }
    framer_clear(&framer);
    return done;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static long high_water(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    const char *by = "framer";
    long mebibytes = 64, delivery = 256 * 1024;
    bool endless = false;
    const struct argument arguments[] = {
        {"--by", ARGUMENT_TEXT, &by, "framer or memchr (framer)"},
        {"--mebibytes", ARGUMENT_NUMBER, &mebibytes, "how much (64)"},
        {"--delivery", ARGUMENT_NUMBER, &delivery, "bytes that come at once (262144)"},
        {"--endless", ARGUMENT_FLAG, &endless, "one line that never ends, against a limit of 64 KiB"},
    };
    int status = arguments_parse(argc, argv, "Lines through the framer or through memchr.", arguments, 4);
    if (status >= 0)
        return status;
    size_t size = (size_t)mebibytes * 1024 * 1024;
    char *data = malloc(size);
    if (data == NULL || delivery < 1)
        return 1;
    memset(data, 'x', size);
    for (size_t i = LINE - 1; i < size && !endless; i += LINE)
        data[i] = '\n';
    struct count count = {0, 0};
    long before = high_water();
    double start = now();
    size_t done = measured(&count, data, size, (size_t)delivery, strcmp(by, "framer") == 0);
    printf("%zu lines, %zu bytes in, %ld KiB more memory, %.6f s\n", count.lines, done, high_water() - before,
        now() - start);
    free(data);
    return 0;
}
