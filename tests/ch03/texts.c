/* Text that comes from the network, on its way to a terminal. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"

static void check_printed(const char *bytes, size_t size, const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    REQUIRE(file != NULL);
    text_print(file, bytes, size);
    fclose(file);
    CHECK_TEXT(text, expected);
    free(text);
}

static void utf8_is_printed_as_it_is(void)
{
    check_printed("Hello World!", 12, "Hello World!");
    check_printed("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa7\xb5\n", 15, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa7\xb5\n");
    check_printed("", 0, "");
}

static void what_is_not_utf8_is_escaped_byte_for_byte(void)
{
    check_printed("\xff\xfe", 2, "\\xff\\xfe");
    check_printed("a\x80z", 3, "a\\x80z");
    check_printed("\xe2\x82", 2, "\\xe2\\x82");                   /* cut off */
    check_printed("\xc0\xaf", 2, "\\xc0\\xaf");                   /* overlong */
    check_printed("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* a surrogate */
    check_printed("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
    check_printed("\xf8\x88\x80\x80\x80", 5, "\\xf8\\x88\\x80\\x80\\x80");
}

static void control_characters_are_escaped(void)
{
    check_printed("\x1b[31m", 5, "\\x1b[31m");
    check_printed("a\0b", 3, "a\\x00b");
    check_printed("\x7f", 1, "\\x7f");
    check_printed("\xc2\x9b", 2, "\\xc2\\x9b"); /* U+009B begins a sequence too */
}

static void check_stripped(const char *text, const char *expected)
{
    const char *start = text;
    size_t size = strlen(text);
    text_strip(&start, &size);
    CHECK_INT(size, strlen(expected));
    CHECK(strncmp(start, expected, size) == 0);
}

static void blanks_are_stripped_at_both_ends_only(void)
{
    check_stripped("  a b \r\n", "a b");
    check_stripped("\t\v\f x", "x");
    check_stripped("x", "x");
    check_stripped(" \n ", "");
    check_stripped("", "");
    check_stripped("\x1c\x1d\x1e\x1fy\x1f", "y");
}

static const struct test tests[] = {
    TEST(utf8_is_printed_as_it_is),
    TEST(what_is_not_utf8_is_escaped_byte_for_byte),
    TEST(control_characters_are_escaped),
    TEST(blanks_are_stripped_at_both_ends_only),
};
const struct test_group text_group = TEST_GROUP("texts", tests);
