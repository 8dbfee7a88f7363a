/* Judges a list of pieces: which bytes come out, where they stand meanwhile, and what they cost. */
#include "grader.h"
#include "piece_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 64, MUCH = 2 * 1000 * 1000, MOST_ENTRIES = 1000, PORTION = 200 * 1000 };

static char text[MUCH];
static struct piece_buffer *buffer;
static size_t written, dropped; /* the buffer holds text[dropped] … text[written - 1] */

static void begin(void)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 2654435761u >> 13);
    buffer = NULL;
    written = dropped = 0;
}

static void write_more(size_t size)
{
    expect_int("what piece_buffer_append returns", 0, piece_buffer_append(&buffer, text + written, size));
    written += size;
}

static void send_some(size_t size)
{
    piece_buffer_drop(&buffer, size);
    dropped += size;
}

/* The first entries hold what was written and not yet dropped; returns how many bytes they list. */
static size_t look(size_t entry_limit)
{
    static struct iovec entries[MOST_ENTRIES];
    size_t count = piece_buffer_list(buffer, entries, entry_limit), listed = 0;
    expect_int("piece_buffer_size", (long long)(written - dropped), (long long)piece_buffer_size(buffer));
    expect(count <= entry_limit, "no more entries than there is room for", "%zu instead of %zu", count, entry_limit);
    for (size_t i = 0; i < count; i++) {
        expect(entries[i].iov_len > 0, "no entry to be empty", "entry %zu has 0 bytes", i);
        expect(listed + entries[i].iov_len <= written - dropped, "no more bytes than are held", "more of them");
        expect(memcmp(entries[i].iov_base, text + dropped + listed, entries[i].iov_len) == 0,
            "the bytes that were written, in their order",
            "others, in entry %zu", i);
        listed += entries[i].iov_len;
    }
    expect(count == entry_limit || listed == written - dropped, "all bytes to be listed", "%zu of %zu", listed,
        written - dropped);
    return listed;
}

static void end(void)
{
    piece_buffer_clear(&buffer);
    expect(buffer == NULL, "the cleared buffer to be NULL", "it is not");
}

static void bytes_come_out_as_they_went_in(void)
{
    const size_t sizes[] = {1, 10, 4000, 100, 70000, 3, 5000, 64, 0, 200000, 1};
    did("wrote pieces of 1 to 200,000 bytes, and dropped some of them in between");
    begin();
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            write_more(sizes[i]);
            look(MOST_ENTRIES);
            send_some((written - dropped) / 3);
            look(MOST_ENTRIES);
        }
    look(1);
    send_some(written - dropped);
    expect(buffer == NULL, "the buffer to be NULL when the last byte was dropped", "it is not");
    write_more(20);
    look(MOST_ENTRIES);
    end();
}

static void an_empty_buffer_costs_nothing(void)
{
    size_t before = heap_bytes();
    did("wrote 300,000 bytes and dropped them in two parts");
    begin();
    write_more(300000);
    expect(heap_bytes() - before >= 300000, "room for them", "%zu bytes", heap_bytes() - before);
    send_some(123456);
    send_some(written - dropped);
    expect_int("the number of bytes that are still allocated", 0, (long long)(heap_bytes() - before));
    piece_buffer_clear(&buffer);
    end();
}

static void bytes_that_are_held_never_move(void)
{
    struct iovec before[2], after[2];
    did("wrote 100 bytes, listed them, wrote 500,000 more in small and large writes, and listed them again");
    begin();
    write_more(100);
    expect_int("the number of entries for 100 bytes", 1, (long long)piece_buffer_list(buffer, before, 1));
    for (size_t i = 0; i < 1000; i++)
        write_more(SMALL);
    for (size_t i = 0; i < 10; i++)
        write_more(43600);
    expect_int("the number of entries that were filled in", 1, (long long)piece_buffer_list(buffer, after, 1));
    expect(before->iov_base == after->iov_base, "the first byte where it was", "it stands elsewhere");
    look(MOST_ENTRIES);
    end();
}

static void ten_bytes_cost_little(void)
{
    size_t before = heap_bytes();
    did("wrote ten bytes");
    begin();
    write_more(10);
    expect(heap_bytes() - before <= 5000, "them to cost 5,000 bytes at most", "%zu bytes", heap_bytes() - before);
    look(1);
    end();
}

/* An eighth more than is held, and 128 KiB. */
static void expect_cheap(size_t before)
{
    size_t held = written - dropped, cost = heap_bytes() - before;
    expect(cost <= held + held / 8 + 131072, "the cost to be an eighth more than is held, and 128 KiB, at most",
        "%zu bytes for %zu that are held", cost, held);
}

static void many_small_writes_cost_little_more_than_they_hold(void)
{
    size_t before = heap_bytes();
    did("wrote 64 bytes, %d times", MUCH / SMALL);
    begin();
    for (size_t i = 0; i < MUCH / SMALL; i++) {
        write_more(SMALL);
        if (i % 64 == 0)
            expect_cheap(before);
    }
    expect_cheap(before);
    end();
}

static void send_all_of_it(size_t before)
{
    while (written > dropped) {
        size_t left = written - dropped;
        send_some(left < PORTION ? left : PORTION - 123);
        expect_cheap(before);
    }
}

static void what_is_sent_is_given_back(void)
{
    size_t before = heap_bytes();
    did("wrote %d bytes at once, and dropped them in portions", MUCH);
    begin();
    write_more(MUCH);
    expect_cheap(before);
    send_all_of_it(before);
    did("wrote them 10,000 at a time, and dropped them in portions");
    begin();
    for (size_t i = 0; i < MUCH / 10000; i++) {
        write_more(10000);
        expect_cheap(before);
    }
    send_all_of_it(before);
    end();
}

static void a_thousand_entries_list_a_million_bytes(void)
{
    const size_t sizes[] = {SMALL, 1, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        did("wrote 1,000,000 bytes in writes of %zu, and listed them in %d entries", sizes[i], MOST_ENTRIES);
        begin();
        while (written < 1000000)
            write_more(sizes[i]);
        expect_between("the bytes that were listed", 1000000, MUCH, (double)look(MOST_ENTRIES));
        end();
    }
}

/* Fails each allocation of a write in turn, until the write succeeds. */
static void write_with_little_memory(size_t size)
{
    bool failed = true;
    for (unsigned after = 0; failed; after++) {
        size_t before = heap_bytes();
        fault_no_memory(after, 1);
        int error = piece_buffer_append(&buffer, text + written, size);
        failed = kernel_failed(KERNEL_MEMORY);
        faults_end();
        expect_text("what piece_buffer_append returns", failed ? "-ENOMEM" : "0",
            error == -ENOMEM ? "-ENOMEM" : error == 0 ? "0" : "another number");
        if (failed)
            expect_int("the number of bytes that the call has left allocated", 0, (long long)(heap_bytes() - before));
        else
            written += size;
        look(MOST_ENTRIES);
    }
}

static void without_memory_nothing_has_changed(void)
{
    did("wrote to an empty buffer while one allocation fails, whichever it is");
    begin();
    write_with_little_memory(10);
    did("wrote 1,000,000 bytes behind ten, while one allocation fails, whichever it is");
    write_with_little_memory(1000000);
    did("wrote 4,000 bytes behind them, twice, in the same way");
    write_with_little_memory(4000);
    write_with_little_memory(4000);
    end();
}

static const struct grader_test tests[] = {
    GRADER_TEST(bytes_come_out_as_they_went_in),
    GRADER_TEST(an_empty_buffer_costs_nothing),
    GRADER_TEST(bytes_that_are_held_never_move),
    GRADER_TEST(ten_bytes_cost_little),
    GRADER_TEST(many_small_writes_cost_little_more_than_they_hold),
    GRADER_TEST(what_is_sent_is_given_back),
    GRADER_TEST(a_thousand_entries_list_a_million_bytes),
    GRADER_TEST(without_memory_nothing_has_changed),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
