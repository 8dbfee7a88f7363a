/* Limits: the largest frame passes, one byte more is refused, and no input makes a framer keep more. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "kernel.h"
#include "reference.h"

/* As it comes, and byte by byte. */
static void cut_whole_and_in_bytes(const struct cutting *cutting, const char *data, size_t size, const char *expected,
    int line)
{
    size_t *cuts = calloc(size + 1, sizeof *cuts);
    REQUIRE(cuts != NULL);
    for (size_t i = 0; i < size; i++)
        cuts[i] = i;
    char *reference = reference_cut(cutting, data, size);
    char *whole = framer_cut(cutting, data, size, NULL, 0), *bytes = framer_cut(cutting, data, size, cuts, size);
    check_text(reference, expected, "what it should be", __FILE__, line);
    check_text(whole, expected, "in one piece", __FILE__, line);
    check_text(bytes, expected, "byte by byte", __FILE__, line);
    free(reference);
    free(whole);
    free(bytes);
    free(cuts);
}

#define CUT(cutting, stream, expected) \
    cut_whole_and_in_bytes(&(cutting), stream, sizeof(stream) - 1, expected, __LINE__)

static void lines_up_to_the_limit_and_one_byte_more(void)
{
    const struct cutting five = {.kind = CUT_LINES, .limit = 5};
    CUT(five, "12345\n1\n", "[12345][1]");
    CUT(five, "12345\r\n1\n", "[12345][1]");
    CUT(five, "1\n123456\n1\n", "[1]EMSGSIZE");
    CUT(five, "1\n123456\r\n1\n", "[1]EMSGSIZE");
    CUT(five, "1234\r\r\n", "[1234\\x0d]");
    CUT(five, "12345\r\r\n", "EMSGSIZE");
}

static void a_line_that_does_not_end_is_refused_before_its_end(void)
{
    const struct cutting five = {.kind = CUT_LINES, .limit = 5};
    CUT(five, "12345", "tail(12345)");
    CUT(five, "12345\r", "tail(12345\\x0d)");
    CUT(five, "1\n1234567", "[1]EMSGSIZE");
    CUT(five, "123456789", "EMSGSIZE");
}

static void a_delimited_frame_up_to_the_limit_and_one_byte_more(void)
{
    const struct cutting ends = {.kind = CUT_DELIMITED, .limit = 4, .delimiter = "END", .width = 3};
    CUT(ends, "1234ENDx", "[1234]tail(x)");
    CUT(ends, "12345ENDx", "EMSGSIZE");
    CUT(ends, "1END1234EN", "[1]tail(1234EN)");
    CUT(ends, "1END1234ENx", "[1]EMSGSIZE");
    CUT(ends, "1ENENDx", "[1EN]tail(x)");
}

static void a_length_at_the_limit_and_one_more(void)
{
    const struct cutting one = {.kind = CUT_PREFIXED, .limit = 3, .width = 1};
    const struct cutting two = {.kind = CUT_PREFIXED, .limit = 3, .width = 2, .order = BYTE_ORDER_LITTLE};
    CUT(one, "\3abc\3xyz", "[abc][xyz]");
    CUT(one, "\3abc\4wxyz", "[abc]EMSGSIZE");
    CUT(two, "\3\0abc\4\0wxyz", "[abc]EMSGSIZE");
    CUT(two, "\3\0abc\0\1", "[abc]EMSGSIZE");
}

static void a_length_over_the_limit_is_refused_as_soon_as_it_is_known(void)
{
    const struct cutting four = {.kind = CUT_PREFIXED, .limit = 65536, .width = 4, .order = BYTE_ORDER_BIG};
    CUT(four, "\xff\xff\xff\xff", "EMSGSIZE");
    CUT(four, "\0\1\0\1", "EMSGSIZE");
    CUT(four, "\0\1\0\0", "tail(\\x00\\x01\\x00\\x00)");
    CUT(four, "\xff\xff\xff", "tail(\\xff\\xff\\xff)");
}

static void the_largest_lengths_of_one_and_two_bytes_pass(void)
{
    static char stream[2 + 65535 + 1];
    struct cutting cutting = {.kind = CUT_PREFIXED, .limit = SIZE_MAX, .width = 1};
    for (size_t width = 1; width <= 2; width++) {
        size_t length = width == 1 ? 255 : 65535;
        cutting.width = width;
        memset(stream, 0xff, width);
        memset(stream + width, 'x', length);
        char *text = framer_cut(&cutting, stream, width + length, (const size_t[]){1, width + 7}, 2);
        CHECK_INT(strlen(text), length + 2);
        free(text);
    }
}

static void without_a_limit_a_large_frame_passes(void)
{
    enum { SIZE = 1 << 20 };
    struct cutting cutting = {.kind = CUT_LINES, .limit = SIZE_MAX};
    const size_t cuts[] = {1, SIZE / 3, SIZE / 2, SIZE - 1};
    char *stream = malloc(SIZE);
    REQUIRE(stream != NULL);
    memset(stream, 'x', SIZE);
    stream[SIZE - 1] = '\n';
    for (int kind = 0; kind < 2; kind++) {
        cutting.kind = kind == 0 ? CUT_LINES : CUT_DELIMITED;
        cutting.delimiter = "\n";
        cutting.width = 1;
        char *text = framer_cut(&cutting, stream, SIZE, cuts, 4);
        CHECK_INT(strlen(text), SIZE - 1 + 2);
        free(text);
    }
    free(stream);
}

static void a_limit_of_nothing_lets_empty_frames_pass(void)
{
    const struct cutting none = {.kind = CUT_LINES, .limit = 0}, zero = {.kind = CUT_PREFIXED, .limit = 0, .width = 1};
    const struct cutting bars = {.kind = CUT_DELIMITED, .limit = 0, .delimiter = "|", .width = 1};
    CUT(none, "\n\r\n\n", "[][][]");
    CUT(none, "\nx\n", "[]EMSGSIZE");
    CUT(bars, "||x|", "[][]EMSGSIZE");
    CUT(zero, "\0\0\1x", "[][]EMSGSIZE");
}

static bool count_frames(void *count, const char *frame, size_t size)
{
    (void)frame;
    (void)size;
    ++*(int *)count;
    return true;
}

static void after_a_refusal_nothing_is_kept_and_nothing_more_comes(void)
{
    struct framer framer;
    int count = 0;
    size_t size = 99, before = heap_blocks();
    framer_init_lines(&framer, 5);
    CHECK_INT(framer_feed(&framer, "ok\n12345", 8, count_frames, &count), 0);
    CHECK_INT(framer_feed(&framer, "6\nok\n", 5, count_frames, &count), -EMSGSIZE);
    CHECK_INT(count, 1);
    CHECK_INT(heap_blocks(), before);
    framer_tail(&framer, &size);
    CHECK_INT(size, 0);
    CHECK_INT(framer_feed(&framer, "ok\nx", 4, count_frames, &count), 0);
    CHECK_INT(count, 1);
    CHECK_INT(heap_blocks(), before);
    framer_clear(&framer);
}

static void endless_input_without_an_end_is_refused_with_little_kept(void)
{
    enum { LIMIT = 65536,
        PIECE = 4096 };
    static char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    for (int kind = 0; kind < 3; kind++) {
        struct framer framer;
        size_t before = heap_bytes(), most = 0, fed = 0;
        int count = 0, result = 0;
        if (kind == 0)
            framer_init_lines(&framer, LIMIT);
        else if (kind == 1)
            framer_init_delimiter(&framer, "END", 3, LIMIT);
        else
            framer_init_length_prefix(&framer, 4, BYTE_ORDER_BIG, LIMIT);
        while (result == 0 && fed < 32u << 20) {
            result = framer_feed(&framer, piece, sizeof piece, count_frames, &count);
            fed += sizeof piece;
            most = heap_bytes() - before > most ? heap_bytes() - before : most;
        }
        CHECK_INT(result, -EMSGSIZE);
        CHECK(fed <= LIMIT + 2 * PIECE);
        CHECK(most <= 2 * LIMIT + 2 * PIECE);
        CHECK_INT(count, 0);
        CHECK_INT(heap_bytes(), before);
        framer_clear(&framer);
    }
}

static void what_stands_before_the_refused_frame_is_handed_out_first(void)
{
    const struct cutting three = {.kind = CUT_LINES, .limit = 3};
    CUT(three, "a\nb\nc\n\n1234\nd\n", "[a][b][c][]EMSGSIZE");
}

static const struct test tests[] = {
    TEST(lines_up_to_the_limit_and_one_byte_more),
    TEST(a_line_that_does_not_end_is_refused_before_its_end),
    TEST(a_delimited_frame_up_to_the_limit_and_one_byte_more),
    TEST(a_length_at_the_limit_and_one_more),
    TEST(a_length_over_the_limit_is_refused_as_soon_as_it_is_known),
    TEST(the_largest_lengths_of_one_and_two_bytes_pass),
    TEST(without_a_limit_a_large_frame_passes),
    TEST(a_limit_of_nothing_lets_empty_frames_pass),
    TEST(after_a_refusal_nothing_is_kept_and_nothing_more_comes),
    TEST(endless_input_without_an_end_is_refused_with_little_kept),
    TEST(what_stands_before_the_refused_frame_is_handed_out_first),
};
const struct test_group limit_group = TEST_GROUP("limits", tests);
