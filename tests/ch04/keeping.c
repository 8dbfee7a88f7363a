/* Keeping: what a framer holds between two deliveries, what it copies, and how it stops. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "kernel.h"
#include "reference.h"

struct taken {
    const char *data; /* of the delivery */
    size_t size;
    int inside, outside, count, most;
    size_t bytes;
};

static bool take(void *context, const char *frame, size_t size)
{
    struct taken *taken = context;
    bool inside = frame >= taken->data && frame + size <= taken->data + taken->size;
    taken->inside += inside;
    taken->outside += !inside;
    taken->bytes += size;
    taken->count++;
    return taken->most == 0 || taken->count < taken->most;
}

static int feed(struct framer *framer, struct taken *taken, const char *text)
{
    taken->data = text;
    taken->size = strlen(text);
    return framer_feed(framer, text, taken->size, take, taken);
}

static const char *tail_of(const struct framer *framer)
{
    static char text[64];
    size_t size;
    const char *tail = framer_tail(framer, &size);
    memcpy(text, size > 0 ? tail : "", size);
    text[size] = '\0';
    return text;
}

static void a_framer_at_rest_keeps_no_memory(void)
{
    struct framer framer;
    size_t before = heap_blocks();
    framer_init_lines(&framer, 100);
    CHECK_INT(heap_blocks(), before);
    CHECK_TEXT(tail_of(&framer), "");
    framer_clear(&framer);
    CHECK_INT(heap_blocks(), before);
}

static void whole_frames_are_handed_out_without_a_copy(void)
{
    struct framer framer;
    struct taken taken = {0};
    framer_init_lines(&framer, 100);
    unsigned long before = heap_allocations();
    CHECK_INT(feed(&framer, &taken, "one\ntwo\r\n\nthree\n"), 0);
    CHECK_INT(taken.inside, 4);
    CHECK_INT(heap_allocations(), before);
    framer_clear(&framer);
}

static void only_a_frame_that_was_cut_is_copied(void)
{
    struct framer framer;
    struct taken taken = {0};
    size_t before = heap_blocks();
    framer_init_lines(&framer, 100);
    CHECK_INT(feed(&framer, &taken, "one\ntw"), 0);
    CHECK_TEXT(tail_of(&framer), "tw");
    CHECK_INT(heap_blocks(), before + 1);
    CHECK_INT(feed(&framer, &taken, "o\nthree\nfour\n"), 0);
    CHECK_INT(taken.inside, 3);
    CHECK_INT(taken.outside, 1);
    CHECK_INT(taken.bytes, 3 + 3 + 5 + 4);
    CHECK_INT(heap_blocks(), before);
    framer_clear(&framer);
}

static void a_delivery_of_nothing_changes_nothing(void)
{
    struct framer framer;
    struct taken taken = {0};
    framer_init_lines(&framer, 100);
    CHECK_INT(framer_feed(&framer, "", 0, take, &taken), 0);
    CHECK_INT(feed(&framer, &taken, "ab"), 0);
    CHECK_INT(framer_feed(&framer, "", 0, take, &taken), 0);
    CHECK_TEXT(tail_of(&framer), "ab");
    CHECK_INT(taken.count, 0);
    framer_clear(&framer);
}

static void cleared_a_framer_can_be_used_again(void)
{
    struct framer framer;
    struct taken taken = {0};
    size_t before = heap_blocks();
    framer_init_length_prefix(&framer, 1, BYTE_ORDER_BIG, 100);
    CHECK_INT(feed(&framer, &taken, "\5he"), 0);
    framer_clear(&framer);
    CHECK_TEXT(tail_of(&framer), "");
    CHECK_INT(heap_blocks(), before);
    CHECK_INT(feed(&framer, &taken, "\2hi"), 0);
    CHECK_INT(taken.count, 1);
    CHECK_INT(taken.bytes, 2);
    framer_clear(&framer);
}

static void a_taker_that_has_enough_gets_no_more_ever(void)
{
    for (int most = 1; most <= 4; most++)
        for (size_t cut = 0; cut <= 10; cut++) {
            static const char stream[] = "a\nb\nc\nd\nef";
            struct framer framer;
            struct taken taken = {.most = most};
            size_t before = heap_blocks();
            framer_init_lines(&framer, 100);
            CHECK_INT(framer_feed(&framer, stream, cut, take, &taken), 0);
            CHECK_INT(framer_feed(&framer, stream + cut, 10 - cut, take, &taken), 0);
            CHECK_INT(taken.count, most);
            CHECK_TEXT(tail_of(&framer), "");
            CHECK_INT(heap_blocks(), before);
            CHECK_INT(feed(&framer, &taken, "more\nand more"), 0);
            CHECK_INT(taken.count, most);
            CHECK_INT(heap_blocks(), before);
            framer_clear(&framer);
        }
}

static void stopped_it_does_not_mind_what_is_over_the_limit(void)
{
    struct framer framer;
    struct taken taken = {.most = 1};
    framer_init_lines(&framer, 3);
    CHECK_INT(feed(&framer, &taken, "a\n123456789\n"), 0);
    CHECK_INT(feed(&framer, &taken, "123456789"), 0);
    CHECK_INT(taken.count, 1);
    framer_clear(&framer);
}

static void without_memory_it_says_so_and_keeps_nothing(void)
{
    struct framer framer;
    struct taken taken = {0};
    size_t before = heap_blocks();
    framer_init_lines(&framer, 1000);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    CHECK_INT(feed(&framer, &taken, "a\nbc"), -ENOMEM);
    CHECK(kernel_failed(KERNEL_MEMORY));
    CHECK_INT(taken.count, 1);
    CHECK_TEXT(tail_of(&framer), "");
    CHECK_INT(feed(&framer, &taken, "d\n"), 0);
    CHECK_INT(taken.count, 1);
    CHECK_INT(heap_blocks(), before);
    framer_clear(&framer);
}

static void without_memory_to_grow_it_frees_what_it_had(void)
{
    struct framer framer;
    struct taken taken = {0};
    char more[500];
    size_t before = heap_blocks();
    memset(more, 'x', sizeof more - 1);
    more[sizeof more - 1] = '\0';
    framer_init_delimiter(&framer, "END", 3, 1000);
    CHECK_INT(feed(&framer, &taken, "abc"), 0);
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    CHECK_INT(feed(&framer, &taken, more), -ENOMEM);
    CHECK(kernel_failed(KERNEL_MEMORY));
    CHECK_INT(heap_blocks(), before);
    framer_clear(&framer);
}

/* A million bytes one by one: room that doubles is asked for twenty times, not a million. */
static void a_frame_that_comes_byte_by_byte_costs_few_allocations(void)
{
    enum { SIZE = 1000000 };
    struct framer framer;
    struct taken taken = {0};
    size_t cost_of_byte = 0;
    framer_init_lines(&framer, 2 * SIZE);
    unsigned long before = heap_allocations();
    for (size_t i = 0; i < SIZE; i++)
        cost_of_byte += framer_feed(&framer, "x", 1, take, &taken) != 0;
    CHECK_INT(framer_feed(&framer, "\n", 1, take, &taken), 0);
    CHECK(heap_allocations() - before < 64);
    CHECK_INT(cost_of_byte, 0);
    CHECK_INT(taken.bytes, SIZE);
    framer_clear(&framer);
}

static void the_callers_delimiter_may_contain_zero_bytes(void)
{
    struct framer framer;
    struct taken taken = {0};
    framer_init_delimiter(&framer, "\0\n", 2, 100);
    CHECK_INT(framer_feed(&framer, "a\nb\0", 4, take, &taken), 0);
    CHECK_INT(taken.count, 0);
    CHECK_INT(framer_feed(&framer, "\nc\0\n", 4, take, &taken), 0);
    CHECK_INT(taken.count, 2);
    CHECK_INT(taken.bytes, 3 + 1);
    framer_clear(&framer);
}

/* What those who send put before a frame. */

static void a_prefix_is_the_size_in_either_order(void)
{
    unsigned char prefix[4] = {9, 9, 9, 9};
    CHECK_INT(frame_prefix(prefix, 1, BYTE_ORDER_BIG, 200), 0);
    CHECK(memcmp(prefix, "\xc8\x09\x09\x09", 4) == 0);
    CHECK_INT(frame_prefix(prefix, 2, BYTE_ORDER_BIG, 0x0102), 0);
    CHECK(memcmp(prefix, "\1\2\x09\x09", 4) == 0);
    CHECK_INT(frame_prefix(prefix, 2, BYTE_ORDER_LITTLE, 0x0102), 0);
    CHECK(memcmp(prefix, "\2\1\x09\x09", 4) == 0);
    CHECK_INT(frame_prefix(prefix, 4, BYTE_ORDER_BIG, 0x01020304), 0);
    CHECK(memcmp(prefix, "\1\2\3\4", 4) == 0);
    CHECK_INT(frame_prefix(prefix, 4, BYTE_ORDER_LITTLE, 0x01020304), 0);
    CHECK(memcmp(prefix, "\4\3\2\1", 4) == 0);
}

static void a_size_that_does_not_fit_its_prefix_is_refused(void)
{
    static const size_t largest[] = {0, 0xff, 0xffff, 0, 0xffffffff};
    for (size_t width = 1; width <= 4; width *= 2) {
        unsigned char prefix[4] = {9, 9, 9, 9};
        CHECK_INT(frame_prefix(prefix, width, BYTE_ORDER_BIG, largest[width] + 1), -EMSGSIZE);
        CHECK_INT(frame_prefix(prefix, width, BYTE_ORDER_BIG, SIZE_MAX), -EMSGSIZE);
        CHECK(memcmp(prefix, "\x09\x09\x09\x09", 4) == 0);
        CHECK_INT(frame_prefix(prefix, width, BYTE_ORDER_BIG, largest[width]), 0);
        CHECK(memcmp(prefix, "\xff\xff\xff\xff", width) == 0);
        CHECK_INT(frame_prefix(prefix, width, BYTE_ORDER_LITTLE, 0), 0);
        CHECK(memcmp(prefix, "\0\0\0\0", width) == 0);
    }
}

static const struct test tests[] = {
    TEST(a_framer_at_rest_keeps_no_memory),
    TEST(whole_frames_are_handed_out_without_a_copy),
    TEST(only_a_frame_that_was_cut_is_copied),
    TEST(a_delivery_of_nothing_changes_nothing),
    TEST(cleared_a_framer_can_be_used_again),
    TEST(a_taker_that_has_enough_gets_no_more_ever),
    TEST(stopped_it_does_not_mind_what_is_over_the_limit),
    TEST(without_memory_it_says_so_and_keeps_nothing),
    TEST(without_memory_to_grow_it_frees_what_it_had),
    TEST(a_frame_that_comes_byte_by_byte_costs_few_allocations),
    TEST(the_callers_delimiter_may_contain_zero_bytes),
    TEST(a_prefix_is_the_size_in_either_order),
    TEST(a_size_that_does_not_fit_its_prefix_is_refused),
};
const struct test_group keeping_group = TEST_GROUP("keeping", tests);
