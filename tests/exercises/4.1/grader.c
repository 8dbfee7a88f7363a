/* Exercise 4.1: netstrings, whole and cut, within the limit and over it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "grader.h"
#include "netstring.h"

struct taken {
    char text[600]; /* [one][after][the other] */
    size_t length;
    int count;
};

static bool take(void *context, const char *frame, size_t size)
{
    struct taken *taken = context;
    taken->count++;
    if (taken->length + size + 3 < sizeof taken->text)
        taken->length += (size_t)snprintf(
            taken->text + taken->length, sizeof taken->text - taken->length, "[%.*s]", (int)size, frame);
    return true;
}

static const char *said(int result)
{
    static char text[60];
    if (result == 0)
        return "0";
    snprintf(text, sizeof text, "%s", result == -EMSGSIZE ? "-EMSGSIZE"
            : result == -EPROTO                           ? "-EPROTO"
            : result == -ENOMEM                           ? "-ENOMEM"
                                                          : "another number");
    return text;
}

/* What a framer with this limit makes of a stream that comes in one piece. */
static void feed_all(size_t limit, const char *stream, const char *frames, const char *result)
{
    struct netstring netstring;
    struct taken taken = {.length = 0};
    did("fed %s to a framer with a limit of %zu", quoted(stream, strlen(stream)), limit);
    netstring_init(&netstring, limit);
    const char *got = said(netstring_feed(&netstring, stream, strlen(stream), take, &taken));
    netstring_clear(&netstring);
    expect_text("what was handed out", frames, taken.text);
    expect_text("the result", result, got);
}

static void an_empty_netstring_is_a_frame(void)
{
    feed_all(100, "0:,", "[]", "0");
}

static void strings_come_out_in_order(void)
{
    feed_all(100, "12:hello world!,3:abc,0:,2:,:,", "[hello world!][abc][][,:]", "0");
    feed_all(12, "12:hello world!,", "[hello world!]", "0");
}

static void feed_cut(const char *stream, size_t first, size_t second, const char *frames)
{
    size_t size = strlen(stream);
    struct netstring netstring;
    struct taken taken = {.length = 0};
    netstring_init(&netstring, 100);
    int result = netstring_feed(&netstring, stream, first, take, &taken);
    if (result == 0)
        result = netstring_feed(&netstring, stream + first, second - first, take, &taken);
    if (result == 0)
        result = netstring_feed(&netstring, stream + second, size - second, take, &taken);
    netstring_clear(&netstring);
    if (result != 0 || strcmp(taken.text, frames) != 0) {
        did("fed %s, cut after %zu and %zu bytes", quoted(stream, size), first, second);
        expect_text("what was handed out", frames, taken.text);
        expect_text("the result", "0", said(result));
    }
}

static void every_cut_gives_the_same_strings(void)
{
    const char *stream = "12:hello world!,3:abc,0:,5:12:a,,";
    for (size_t first = 0; first <= strlen(stream); first++)
        for (size_t second = first; second <= strlen(stream); second++)
            feed_cut(stream, first, second, "[hello world!][abc][][12:a,]");
}

static void a_size_over_the_limit_is_refused_at_once(void)
{
    feed_all(10, "11", "", "-EMSGSIZE");
    feed_all(10, "3:abc,11:hello", "[abc]", "-EMSGSIZE");
    feed_all(99, "100", "", "-EMSGSIZE");
    feed_all(10, "10:0123456789,", "[0123456789]", "0");
}

static void a_number_that_no_memory_holds_is_refused(void)
{
    feed_all(10, "18446744073709551619:abc,", "", "-EMSGSIZE");
    feed_all(10, "4294967299:abc,", "", "-EMSGSIZE");
    feed_all((size_t)-1, "18446744073709551619:abc,", "", "-EMSGSIZE");
}

static void a_zero_in_front_is_refused(void)
{
    feed_all(100, "03:abc,", "", "-EPROTO");
    feed_all(100, "3:abc,000000000000003:abc,", "[abc]", "-EPROTO");
    feed_all(100, "00:,", "", "-EPROTO");
}

static void what_is_no_netstring_is_refused(void)
{
    static const char *const wrong[] = {"x", ":,", "-1:", "1x:a,", " 1:a,", "2:ab;", "0:;"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        feed_all(100, wrong[i], "", "-EPROTO");
    feed_all(100, "1:a,hello", "[a]", "-EPROTO");
}

static void an_announcement_costs_no_memory(void)
{
    static struct netstring peers[1000];
    struct taken taken = {.length = 0};
    static char megabyte[1 << 20];
    size_t before = heap_bytes();
    did("let 1,000 peers announce 1,048,577 bytes and send one of them");
    for (size_t i = 0; i < 1000; i++) {
        netstring_init(&peers[i], 16 << 20);
        int result = netstring_feed(&peers[i], "1048577:x", 9, take, &taken);
        expect_text("the result", "0", said(result));
    }
    size_t cost = heap_bytes() - before;
    for (size_t i = 1; i < 1000; i++)
        netstring_clear(&peers[i]);
    memset(megabyte, 'y', sizeof megabyte);
    netstring_feed(&peers[0], megabyte, sizeof megabyte, take, &taken);
    netstring_feed(&peers[0], ",", 1, take, &taken);
    netstring_clear(&peers[0]);
    expect(cost <= 1000 * 256, "the heap to grow by 256 bytes a peer at most", "%zu bytes a peer", cost / 1000);
    expect_int("the number of strings, once one peer has sent all of it", 1, taken.count);
}

static void a_refusal_is_final(void)
{
    struct netstring netstring;
    struct taken taken = {.length = 0};
    size_t before = heap_blocks();
    did("fed \"3:ab\", then \"c;\", then \"1:a,\"");
    netstring_init(&netstring, 100);
    netstring_feed(&netstring, "3:ab", 4, take, &taken);
    expect_text("the answer to the wrong end", "-EPROTO", said(netstring_feed(&netstring, "c;", 2, take, &taken)));
    expect_int("the number of heap blocks kept after the refusal", (long long)before, (long long)heap_blocks());
    expect_text("the answer to what follows", "-EPROTO", said(netstring_feed(&netstring, "1:a,", 4, take, &taken)));
    expect_int("the number of strings", 0, taken.count);
    netstring_clear(&netstring);
}

static const struct grader_test tests[] = {
    GRADER_TEST(an_empty_netstring_is_a_frame),
    GRADER_TEST(strings_come_out_in_order),
    GRADER_TEST(every_cut_gives_the_same_strings),
    GRADER_TEST(a_size_over_the_limit_is_refused_at_once),
    GRADER_TEST(a_number_that_no_memory_holds_is_refused),
    GRADER_TEST(a_zero_in_front_is_refused),
    GRADER_TEST(what_is_no_netstring_is_refused),
    GRADER_TEST(an_announcement_costs_no_memory),
    GRADER_TEST(a_refusal_is_final),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
