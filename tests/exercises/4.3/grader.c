/* 4.3, escape or count. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escaped.h"
#include "grader.h"

/* The lines that came, in brackets. */
static struct {
    char text[4096];
    size_t length;
    const char *last; /* where the last one lay */
    size_t most;      /* how many are wanted; 0: all */
    size_t count;
} taken;

static void put(const char *data, size_t size)
{
    for (size_t i = 0; i < size && taken.length + 1 < sizeof taken.text; i++)
        taken.text[taken.length++] = data[i];
    taken.text[taken.length] = '\0';
}

static bool take(void *context, const char *line, size_t size)
{
    (void)context;
    put("[", 1);
    put(line, size);
    put("]", 1);
    taken.last = line;
    return ++taken.count != taken.most;
}

static void begin(struct escaped *escaped, size_t limit)
{
    memset(&taken, 0, sizeof taken);
    escaped_init(escaped, limit);
}

/* Each piece lies in a block of exactly its size, which is gone afterwards. */
static int feed_piece(struct escaped *escaped, const char *data, size_t size)
{
    char *piece = malloc(size > 0 ? size : 1);
    expect(piece != NULL, "memory for the grader", "none");
    memcpy(piece, data, size);
    int answer = escaped_feed(escaped, piece, size, take, NULL);
    free(piece);
    return answer;
}

static void expect_lines(const char *stream, const char *expected)
{
    struct escaped escaped;
    did("fed %s", quoted(stream, strlen(stream)));
    begin(&escaped, 100);
    expect_int("what escaped_feed returns", 0, feed_piece(&escaped, stream, strlen(stream)));
    expect_text("the lines, in brackets,", expected, taken.text);
    escaped_clear(&escaped);
}

static void plain_lines_come_out(void)
{
    expect_lines("one\ntwo\n\nfour\n", "[one][two][][four]");
}

static void an_escaped_end_stands_in_the_line(void)
{
    expect_lines("a\\\nb\nc\n", "[a\nb][c]");
    expect_lines("\\\n\n", "[\n]");
}

static void an_escaped_backslash_escapes_nothing(void)
{
    expect_lines("a\\\\\nb\n", "[a\\][b]");
    expect_lines("a\\\\\\\nb\n", "[a\\\nb]");
}

static void any_byte_may_follow_a_backslash(void)
{
    expect_lines("a\\bc\\\rd\n\\x\n", "[abc\rd][x]");
}

static void every_cut_gives_the_same_lines(void)
{
    static const char stream[] = "ab\n\\\nc\\\\\n\n\\d\\\\\\\n\nx\\";
    size_t size = sizeof stream - 1;
    did("fed %s in three pieces, cut everywhere", quoted(stream, size));
    for (size_t first = 0; first <= size; first++)
        for (size_t second = first; second <= size; second++) {
            struct escaped escaped;
            begin(&escaped, 100);
            feed_piece(&escaped, stream, first);
            feed_piece(&escaped, stream + first, second - first);
            int answer = feed_piece(&escaped, stream + second, size - second);
            bool same = strcmp(taken.text, "[ab][\nc\\][][d\\\n]") == 0;
            expect(answer == 0 && same, "the lines to be [ab][\\nc\\\\][][d\\\\\\n]",
                "%s, when cut after %zu and %zu bytes", quoted(taken.text, taken.length), first, second);
            escaped_clear(&escaped);
        }
}

static void a_lone_backslash_is_an_open_line(void)
{
    struct escaped escaped;
    begin(&escaped, 100);
    did("fed \"a\\n\", then a backslash, then \"\\n\", then \"\\n\"");
    feed_piece(&escaped, "a\n", 2);
    expect_text("the lines, in brackets,", "[a]", taken.text);
    expect(!escaped_is_open(&escaped), "no line to be open after a whole one", "escaped_is_open says true");
    feed_piece(&escaped, "\\", 1);
    expect(escaped_is_open(&escaped), "a line to be open after the backslash", "escaped_is_open says false");
    feed_piece(&escaped, "\n", 1);
    expect(escaped_is_open(&escaped), "a line to be open after the escaped end", "escaped_is_open says false");
    feed_piece(&escaped, "\n", 1);
    expect_text("the lines, in brackets,", "[a][\n]", taken.text);
    expect(!escaped_is_open(&escaped), "no line to be open at the end", "escaped_is_open says true");
    escaped_clear(&escaped);
}

static void expect_with_limit(const char *stream, int answer, const char *lines)
{
    struct escaped escaped;
    size_t size = strlen(stream);
    did("fed %s, with a limit of 5", quoted(stream, size));
    for (size_t cut = 0; cut <= size; cut++) {
        begin(&escaped, 5);
        int got = feed_piece(&escaped, stream, cut);
        if (got == 0)
            got = feed_piece(&escaped, stream + cut, size - cut);
        expect(got == answer, answer == 0 ? "0" : "-EMSGSIZE", "%d, when cut after %zu bytes", got, cut);
        expect_text("the lines, in brackets,", lines, taken.text);
        escaped_clear(&escaped);
    }
}

static void the_limit_counts_what_is_handed_out(void)
{
    expect_with_limit("hello\n", 0, "[hello]");
    expect_with_limit("h\\e\\llo\n", 0, "[hello]");
    expect_with_limit("h\\e\\llo\\\n", -EMSGSIZE, "");
    expect_with_limit("ok\nhello!\nno\n", -EMSGSIZE, "[ok]");
}

static void too_long_is_refused_before_the_end_comes(void)
{
    expect_with_limit("ok\nhello!", -EMSGSIZE, "[ok]");
    expect_with_limit("hell\\\\\\", 0, "");
    expect_with_limit("hell\\\\\\x", -EMSGSIZE, "");
}

static void a_refusal_is_final(void)
{
    struct escaped escaped;
    did("fed \"too long\" with a limit of 5, then \"ok\\n\"");
    begin(&escaped, 5);
    expect_int("what escaped_feed returns", -EMSGSIZE, feed_piece(&escaped, "too long", 8));
    expect_int("what escaped_feed returns the second time", -EMSGSIZE, feed_piece(&escaped, "ok\n", 3));
    expect_text("the lines, in brackets,", "", taken.text);
    escaped_clear(&escaped);
}

static void a_taker_that_has_enough_hears_no_more(void)
{
    struct escaped escaped;
    did("fed four lines to a taker that wants two");
    begin(&escaped, 100);
    taken.most = 2;
    expect_int("what escaped_feed returns", 0, feed_piece(&escaped, "one\ntw\\o\nthree\n", 15));
    feed_piece(&escaped, "four\n", 5);
    expect_text("the lines, in brackets,", "[one][two]", taken.text);
    escaped_clear(&escaped);
}

static void a_plain_line_is_handed_out_where_it_lies(void)
{
    static const char stream[] = "es\\caped\nplain\n";
    struct escaped escaped;
    did("fed %s", quoted(stream, sizeof stream - 1));
    begin(&escaped, 100);
    escaped_feed(&escaped, stream, sizeof stream - 1, take, NULL);
    expect_text("the lines, in brackets,", "[escaped][plain]", taken.text);
    expect(taken.last == stream + 9, "the second line to lie in the piece that was fed", "a copy");
    did("fed \"plain\\n\" again, and counted the allocations");
    unsigned long before = heap_allocations();
    escaped_feed(&escaped, "plain\n", 6, take, NULL);
    expect_int("the number of allocations", 0, (long long)(heap_allocations() - before));
    escaped_clear(&escaped);
}

static void a_line_in_single_bytes_grows_by_doubling(void)
{
    enum { SIZE = 20000 };
    struct escaped escaped;
    did("fed a line of %d bytes, one at a time, and counted the allocations", SIZE);
    begin(&escaped, SIZE);
    unsigned long before = heap_allocations();
    for (int i = 0; i < SIZE; i++)
        escaped_feed(&escaped, "x", 1, take, NULL);
    expect_between("the number of allocations", 1, 60, (double)(heap_allocations() - before));
    escaped_feed(&escaped, "\n", 1, take, NULL);
    expect_int("the number of lines", 1, (long long)taken.count);
    escaped_clear(&escaped);
}

static void without_memory_it_says_so(void)
{
    struct escaped escaped;
    did("fed \"begun\" when there was no memory, then \"ok\\n\" when there was");
    begin(&escaped, 100);
    fault_no_memory(0, 1);
    int answer = escaped_feed(&escaped, "begun", 5, take, NULL);
    faults_end();
    expect_int("what escaped_feed returns", -ENOMEM, answer);
    expect_int("what escaped_feed returns the second time", -ENOMEM, feed_piece(&escaped, "ok\n", 3));
    expect_text("the lines, in brackets,", "", taken.text);
    escaped_clear(&escaped);
}

static void what_is_escaped_comes_back(void)
{
    static const char *const lines[] = {"", "plain", "\\", "\n", "\\\n\\\\n", "two\nlines\\"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct escaped escaped;
        char stream[50], expected[50];
        size_t size = strlen(lines[i]), needed = size + 1;
        for (size_t at = 0; at < size; at++)
            needed += lines[i][at] == '\\' || lines[i][at] == '\n' ? 1 : 0;
        did("escaped %s, and fed what came out", quoted(lines[i], size));
        begin(&escaped, 100);
        memset(stream, '?', sizeof stream);
        size_t got = escape_line(stream, lines[i], size);
        expect_int("the size with its escapes and its end", (long long)needed, (long long)got);
        feed_piece(&escaped, stream, got);
        snprintf(expected, sizeof expected, "[%s]", lines[i]);
        expect_text("the lines, in brackets,", expected, taken.text);
        escaped_clear(&escaped);
    }
}

/* Lines of 80 bytes, in one piece; small under the tools, where times mean nothing. */
static char plain[1 << 20];

static bool count_line(void *context, const char *line, size_t size)
{
    (void)line;
    *(size_t *)context += size;
    return true;
}

/* The best of some rounds, since a round may be interrupted. */
static double fastest(bool with_escapes, size_t size)
{
    double best = 1e9;
    for (int round = 0; round < 9; round++) {
        struct escaped escaped;
        struct framer framer;
        size_t sum = 0;
        escaped_init(&escaped, 100);
        framer_init_lines(&framer, 100);
        double start = seconds_now();
        if (with_escapes)
            escaped_feed(&escaped, plain, size, count_line, &sum);
        else
            framer_feed(&framer, plain, size, count_line, &sum);
        double took = seconds_now() - start;
        best = took < best ? took : best;
        expect_int("the bytes in all lines", (long long)(size / 80 * 79), (long long)sum);
        escaped_clear(&escaped);
        framer_clear(&framer);
    }
    return best;
}

static void lines_without_a_backslash_cost_little(void)
{
    const char *mode = getenv("WEFT_MODE");
    bool measured = !under_valgrind() && (mode == NULL || strcmp(mode, "plain") == 0);
    size_t size = measured ? sizeof plain / 80 * 80 : 8000;
    memset(plain, 'x', size);
    for (size_t end = 79; end < size; end += 80)
        plain[end] = '\n';
    did("fed lines of 80 bytes without a backslash, %zu bytes in one piece", size);
    double lines = fastest(false, size), escapes = fastest(true, size);
    did("compared the time with framer_init_lines, the fastest of nine rounds each");
    if (measured)
        expect_between("the time, where that of framer_init_lines is 1,", 0, 3, escapes / lines);
}

static const struct grader_test tests[] = {
    GRADER_TEST(plain_lines_come_out),
    GRADER_TEST(an_escaped_end_stands_in_the_line),
    GRADER_TEST(an_escaped_backslash_escapes_nothing),
    GRADER_TEST(any_byte_may_follow_a_backslash),
    GRADER_TEST(every_cut_gives_the_same_lines),
    GRADER_TEST(a_lone_backslash_is_an_open_line),
    GRADER_TEST(the_limit_counts_what_is_handed_out),
    GRADER_TEST(too_long_is_refused_before_the_end_comes),
    GRADER_TEST(a_refusal_is_final),
    GRADER_TEST(a_taker_that_has_enough_hears_no_more),
    GRADER_TEST(a_plain_line_is_handed_out_where_it_lies),
    GRADER_TEST(a_line_in_single_bytes_grows_by_doubling),
    GRADER_TEST(without_memory_it_says_so),
    GRADER_TEST(what_is_escaped_comes_back),
    GRADER_TEST(lines_without_a_backslash_cost_little),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
