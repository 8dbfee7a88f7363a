/* Cutting: each stream, cut at every three places, gives the same frames. */
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "reference.h"

static void compare(const struct cutting *cutting, const char *data, size_t size, const char *expected,
    const size_t *cuts, size_t count)
{
    char *actual = framer_cut(cutting, data, size, cuts, count);
    if (strcmp(actual, expected) != 0)
        FAIL("cut at %zu, %zu, %zu (the first %zu of these): expected %s, but got %s", cuts[0], cuts[1], cuts[2], count,
            expected, actual);
    free(actual);
}

/* In one piece, and with one, two and three cuts, wherever; a piece may be empty. */
static void cut_everywhere(const struct cutting *cutting, const char *data, size_t size, const char *expected)
{
    size_t cuts[3] = {0, 0, 0};
    char *reference = reference_cut(cutting, data, size);
    CHECK_TEXT(reference, expected);
    free(reference);
    compare(cutting, data, size, expected, cuts, 0);
    for (cuts[0] = 0; cuts[0] <= size; cuts[0]++) {
        compare(cutting, data, size, expected, cuts, 1);
        for (cuts[1] = cuts[0]; cuts[1] <= size; cuts[1]++) {
            compare(cutting, data, size, expected, cuts, 2);
            for (cuts[2] = cuts[1]; cuts[2] <= size; cuts[2]++)
                compare(cutting, data, size, expected, cuts, 3);
        }
        cuts[1] = cuts[2] = 0;
    }
}

#define CUT(cutting, stream, expected) cut_everywhere(&(cutting), stream, sizeof(stream) - 1, expected)

static const struct cutting lines = {.kind = CUT_LINES, .limit = 100};

static void lines_that_end_in_lf(void)
{
    CUT(lines, "hello\nworld\n\nx\n", "[hello][world][][x]");
}

static void lines_that_end_in_cr_lf(void)
{
    CUT(lines, "hello\r\nworld\r\n\r\nx\r\n", "[hello][world][][x]");
}

static void lines_of_both_ends_mixed(void)
{
    CUT(lines, "a\r\nb\nc\r\n\n", "[a][b][c][]");
}

static void only_one_cr_before_the_lf_belongs_to_the_end(void)
{
    CUT(lines, "a\r\r\n\r\r\n", "[a\\x0d][\\x0d]");
}

static void a_cr_elsewhere_belongs_to_the_line(void)
{
    CUT(lines, "a\rb\n\rc\n\n\r", "[a\\x0db][\\x0dc][]tail(\\x0d)");
}

static void an_unterminated_last_line_is_the_tail(void)
{
    CUT(lines, "a\nTAIL", "[a]tail(TAIL)");
    CUT(lines, "TAIL\r", "tail(TAIL\\x0d)");
}

static void lines_with_zero_bytes_and_bytes_above_127(void)
{
    CUT(lines, "a\0b\n\0\n\xff\xfe\n\0", "[a\\x00b][\\x00][\\xff\\xfe]tail(\\x00)");
}

static void a_character_of_several_bytes_cut_anywhere_stays_whole(void)
{
    CUT(lines, "\xe2\x82\xac 5\n\xf0\x9f\x90\x8d\n", "[\\xe2\\x82\\xac\\x205][\\xf0\\x9f\\x90\\x8d]");
}

static void blanks_at_the_ends_of_a_line_stay(void)
{
    CUT(lines, " a \n\t\xc2\xa0\n \n", "[\\x20a\\x20][\\x09\\xc2\\xa0][\\x20]");
}

static void a_delimiter_of_one_byte(void)
{
    const struct cutting bars = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "|", .width = 1};
    CUT(bars, "x|y\n||z", "[x][y\\x0a][]tail(z)");
}

static void a_zero_byte_as_delimiter(void)
{
    const struct cutting zeros = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "\0", .width = 1};
    CUT(zeros, "one\0\0two\0thr", "[one][][two]tail(thr)");
}

static void a_delimiter_of_several_bytes(void)
{
    const struct cutting ends = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "END", .width = 3};
    CUT(ends, "abcENDxyENDEND", "[abc][xy][]");
    CUT(ends, "abcENDENDxy", "[abc][]tail(xy)");
}

static void what_begins_like_the_delimiter_but_is_not_it(void)
{
    const struct cutting ends = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "END", .width = 3};
    CUT(ends, "EENDENENDE", "[E][EN]tail(E)");
    CUT(ends, "ENEENDENEN", "[ENE]tail(ENEN)");
}

static void a_delimiter_that_contains_its_own_beginning(void)
{
    const struct cutting twice = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "aab", .width = 3};
    const struct cutting again = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "abab", .width = 4};
    CUT(twice, "aaabaaaaabab", "[a][aaa]tail(ab)");
    CUT(again, "aababababab", "[a][]tail(ab)");
}

static void a_delimiter_of_equal_bytes_is_found_at_its_first_place(void)
{
    const struct cutting dashes = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "--", .width = 2};
    CUT(dashes, "a---b----c-", "[a][-b][]tail(c-)");
}

static void a_blank_line_as_delimiter(void)
{
    const struct cutting heads = {.kind = CUT_DELIMITED, .limit = 100, .delimiter = "\r\n\r\n", .width = 4};
    CUT(heads, "a\r\n\r\r\n\r\n\r\n\r\nb", "[a\\x0d\\x0a\\x0d][]tail(b)");
}

static void lengths_of_one_byte(void)
{
    const struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 255, .width = 1};
    CUT(cutting, "\5hello\0\1x\3\0\n\xff\2y", "[hello][][x][\\x00\\x0a\\xff]tail(\\x02y)");
}

static void lengths_of_two_bytes_the_larger_first(void)
{
    const struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 1000, .width = 2, .order = BYTE_ORDER_BIG};
    CUT(cutting, "\0\3abc\0\0\0\1x\1\0y", "[abc][][x]tail(\\x01\\x00y)");
}

static void lengths_of_two_bytes_the_smaller_first(void)
{
    const struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 1000, .width = 2, .order = BYTE_ORDER_LITTLE};
    CUT(cutting, "\3\0abc\0\0\1\0x\0\1y", "[abc][][x]tail(\\x00\\x01y)");
}

static void lengths_of_four_bytes_the_larger_first(void)
{
    const struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 1000, .width = 4, .order = BYTE_ORDER_BIG};
    CUT(cutting, "\0\0\0\3abc\0\0\0\0\0\0\0\1x\0\0\0", "[abc][][x]tail(\\x00\\x00\\x00)");
}

static void lengths_of_four_bytes_the_smaller_first(void)
{
    const struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 1000, .width = 4, .order = BYTE_ORDER_LITTLE};
    CUT(cutting, "\3\0\0\0abc\0\0\0\0\1\0\0\0x\2\0\0\0y", "[abc][][x]tail(\\x02\\x00\\x00\\x00y)");
}

static void a_length_with_every_byte_set(void)
{
    static char stream[4 + 0x010203];
    static const unsigned char big[] = {0, 1, 2, 3}, little[] = {3, 2, 1, 0};
    for (int order = 0; order < 2; order++) {
        struct cutting cutting = {.kind = CUT_PREFIXED, .limit = 1 << 20, .width = 4};
        cutting.order = order == 0 ? BYTE_ORDER_BIG : BYTE_ORDER_LITTLE;
        memcpy(stream, order == 0 ? big : little, 4);
        memset(stream + 4, 'x', sizeof stream - 4);
        for (size_t cut = 0; cut <= 5; cut++) {
            char *text = framer_cut(&cutting, stream, sizeof stream, &cut, 1);
            CHECK_INT(strlen(text), 0x010203 + 2);
            CHECK(text[0] == '[');
            free(text);
        }
    }
}

static void frames_of_a_fixed_size(void)
{
    const struct cutting threes = {.kind = CUT_FIXED, .width = 3}, ones = {.kind = CUT_FIXED, .width = 1};
    CUT(threes, "abc\0\n\xff"
                "defgh",
        "[abc][\\x00\\x0a\\xff][def]tail(gh)");
    CUT(ones, "ab\0", "[a][b][\\x00]");
}

static void nothing_gives_nothing(void)
{
    const struct cutting fixed = {.kind = CUT_FIXED, .width = 4};
    const struct cutting prefixed = {.kind = CUT_PREFIXED, .limit = 9, .width = 2};
    const struct cutting ends = {.kind = CUT_DELIMITED, .limit = 9, .delimiter = "END", .width = 3};
    CUT(lines, "", "");
    CUT(ends, "", "");
    CUT(prefixed, "", "");
    CUT(fixed, "", "");
}

/* Every stream of so many bytes over a small alphabet, in pieces of one byte and of two. */
static void all_short_streams(const struct cutting *cutting, const char *alphabet, size_t letters, size_t length)
{
    enum { MOST = 7 };
    size_t all = 1, single[] = {1, 2, 3, 4, 5, 6}, pairs[] = {2, 4, 6};
    REQUIRE(length <= MOST);
    for (size_t i = 0; i < length; i++)
        all *= letters;
    for (size_t code = 0; code < all; code++) {
        char stream[MOST];
        size_t rest = code;
        for (size_t i = 0; i < length; i++, rest /= letters)
            stream[i] = alphabet[rest % letters];
        char *expected = reference_cut(cutting, stream, length);
        char *whole = framer_cut(cutting, stream, length, NULL, 0);
        char *bytes = framer_cut(cutting, stream, length, single, length - 1);
        char *twos = framer_cut(cutting, stream, length, pairs, (length - 1) / 2);
        if (strcmp(whole, expected) != 0 || strcmp(bytes, expected) != 0 || strcmp(twos, expected) != 0)
            FAIL("stream %zu: expected %s; whole %s; byte by byte %s; in twos %s", code, expected, whole, bytes, twos);
        free(expected);
        free(whole);
        free(bytes);
        free(twos);
    }
}

static void every_short_stream_of_lines(void)
{
    const struct cutting roomy = {.kind = CUT_LINES, .limit = 10}, narrow = {.kind = CUT_LINES, .limit = 1};
    all_short_streams(&roomy, "a\r\n", 3, 6);
    all_short_streams(&narrow, "a\r\n", 3, 6);
}

static void every_short_stream_with_a_delimiter(void)
{
    struct cutting cutting = {.kind = CUT_DELIMITED, .delimiter = "aba", .width = 3};
    for (cutting.limit = 0; cutting.limit < 5; cutting.limit++)
        all_short_streams(&cutting, "ab", 2, 7);
    cutting.delimiter = "aab";
    for (cutting.limit = 0; cutting.limit < 5; cutting.limit++)
        all_short_streams(&cutting, "ab", 2, 7);
}

static void every_short_stream_of_prefixed_frames(void)
{
    struct cutting cutting = {.kind = CUT_PREFIXED};
    for (cutting.width = 1; cutting.width <= 4; cutting.width *= 2)
        for (cutting.limit = 0; cutting.limit < 3; cutting.limit++) {
            cutting.order = BYTE_ORDER_BIG;
            all_short_streams(&cutting, "\0\1\2\3", 4, 5);
            cutting.order = BYTE_ORDER_LITTLE;
            all_short_streams(&cutting, "\0\1\2\3", 4, 5);
        }
}

static const struct test tests[] = {
    TEST(lines_that_end_in_lf),
    TEST(lines_that_end_in_cr_lf),
    TEST(lines_of_both_ends_mixed),
    TEST(only_one_cr_before_the_lf_belongs_to_the_end),
    TEST(a_cr_elsewhere_belongs_to_the_line),
    TEST(an_unterminated_last_line_is_the_tail),
    TEST(lines_with_zero_bytes_and_bytes_above_127),
    TEST(a_character_of_several_bytes_cut_anywhere_stays_whole),
    TEST(blanks_at_the_ends_of_a_line_stay),
    TEST(a_delimiter_of_one_byte),
    TEST(a_zero_byte_as_delimiter),
    TEST(a_delimiter_of_several_bytes),
    TEST(what_begins_like_the_delimiter_but_is_not_it),
    TEST(a_delimiter_that_contains_its_own_beginning),
    TEST(a_delimiter_of_equal_bytes_is_found_at_its_first_place),
    TEST(a_blank_line_as_delimiter),
    TEST(lengths_of_one_byte),
    TEST(lengths_of_two_bytes_the_larger_first),
    TEST(lengths_of_two_bytes_the_smaller_first),
    TEST(lengths_of_four_bytes_the_larger_first),
    TEST(lengths_of_four_bytes_the_smaller_first),
    TEST(a_length_with_every_byte_set),
    TEST(frames_of_a_fixed_size),
    TEST(nothing_gives_nothing),
    TEST(every_short_stream_of_lines),
    TEST(every_short_stream_with_a_delimiter),
    TEST(every_short_stream_of_prefixed_frames),
};
const struct test_group cutting_group = TEST_GROUP("cutting", tests);
