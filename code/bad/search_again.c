/* search_again.c - tangled from chapters/04-framing.nw; edit that file, not this one. */
/* Times two searches for a newline that never comes: one goes on, one begins again. */
#include "arguments.h"
#include "framing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 16 * 1024, MIB = 1024 * 1024 };

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time;
}

static double seconds_since(struct timespec begin)
{
    struct timespec end = now();
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
}

static bool take_nothing(void *context, const char *frame, size_t size)
{
    (void)context, (void)frame, (void)size;
    return true;
}

static double search_on(const char *piece, size_t size)
{
    struct timespec begin = now();
    struct framer framer;
    framer_init_lines(&framer, size);
    for (size_t fed = 0; fed < size; fed += PIECE)
        if (framer_feed(&framer, piece, PIECE, take_nothing, NULL) != 0)
            abort();
    framer_clear(&framer);
    return seconds_since(begin);
}

static double search_again(const char *piece, size_t size)
{
    struct timespec begin = now();
    char *kept = NULL;
    for (size_t fed = 0; fed < size; fed += PIECE) {
        char *longer = malloc(fed + PIECE);
        if (longer == NULL)
            abort();
        if (fed > 0)
            memcpy(longer, kept, fed);
        memcpy(longer + fed, piece, PIECE);
        free(kept);
        kept = longer;
        if (memchr(kept, '\n', fed + PIECE) != NULL)
            abort();
    }
    free(kept);
    return seconds_since(begin);
}

int main(int argc, char **argv)
{
    long most = 8;
    const struct argument arguments[] = {
        {"--most", ARGUMENT_NUMBER, &most, "the longest message, in MiB (8)"},
    };
    int status = arguments_parse(argc, argv,
        "Times two searches for a newline that never comes.", arguments, 1);
    if (status >= 0)
        return status;
    static char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    for (long size = 1; size <= most; size *= 2) {
        double on = search_on(piece, (size_t)size * MIB);
        double again = search_again(piece, (size_t)size * MIB);
        printf("%3ld MiB %9.4f s %9.4f s\n", size, on, again);
        fflush(stdout);
    }
    return 0;
}
