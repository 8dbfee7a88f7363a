/* Data under TLS: whole, in order, held while paused, and slowed down. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "ch02/recording.h"
#include "ch07/tls_bench.h"
#include "groups.h"

static void send_back(struct party *party, const void *data, size_t size)
{
    CHECK_INT(transport_write(party->transport, data, size), 0);
}

static void a_mebibyte_there_and_back(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.counts_only = bench.server.party.counts_only = true;
    bench.server.party.on_data = send_back;
    write_pattern(bench.client.transport, 1 << 20, 0);
    CHECK(party_receives(bench.loop, &bench.client.party, 1 << 20));
    CHECK_INT(bench.server.party.received, 1 << 20);
    tls_end(&bench);
}

static void everything_is_sent_before_the_goodbye(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.server.party.counts_only = true;
    write_pattern(bench.client.transport, 3000000, 0);
    transport_close(bench.client.transport);
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    CHECK_INT(bench.server.party.received, 3000000);
    UNTIL(bench.loop, &bench.client.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void lines_of_several_pieces(void)
{
    struct tls_bench bench;
    char a[] = "warp", b[] = " and ", c[] = "weft";
    const struct iovec pieces[] = {{a, 4}, {b, 5}, {c, 4}};
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    CHECK_INT(transport_writelines(bench.client.transport, pieces, 3), 0);
    UNTIL(bench.loop, &bench.server.party, "DR(warp and weft)");
    CHECK_INT(transport_write(bench.client.transport, "", 0), 0);
    settle(bench.loop);
    CHECK_STORY(&bench.server, "DR(warp and weft)");
    tls_end(&bench);
}

static void pieces_larger_than_a_record(void)
{
    struct tls_bench bench;
    size_t size = 50001;
    char *data = malloc(2 * size);
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.server.party.counts_only = true;
    pattern_fill(data, 2 * size, 0);
    const struct iovec pieces[] = {{data, 1}, {data + 1, size - 1}, {data + size, size}};
    CHECK_INT(transport_writelines(bench.client.transport, pieces, 3), 0);
    free(data);
    CHECK(party_receives(bench.loop, &bench.server.party, 2 * size));
    tls_end(&bench);
}

static void paused_it_receives_nothing_and_then_all_at_once(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_pause_reading(bench.client.transport);
    CHECK(!transport_is_reading(bench.client.transport));
    party_say(&bench.server.party, "one");
    settle(bench.loop);
    party_say(&bench.server.party, "two");
    party_say(&bench.server.party, "three");
    settle(bench.loop);
    CHECK_STORY(&bench.client, "");
    transport_resume_reading(bench.client.transport);
    CHECK_STORY(&bench.client, "");
    settle(bench.loop);
    CHECK_STORY(&bench.client, "DR(onetwothree)");
    CHECK_INT(bench.client.party.deliveries, 1);
    tls_end(&bench);
}

static void records_of_one_segment_come_in_one_delivery(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    for (int i = 0; i < 10; i++)
        party_say(&bench.server.party, "x");
    transport_pause_reading(bench.client.transport);
    settle(bench.loop);
    transport_resume_reading(bench.client.transport);
    UNTIL(bench.loop, &bench.client.party, "DR(xxxxxxxxxx)");
    CHECK_INT(bench.client.party.deliveries, 1);
    tls_end(&bench);
}

static void paused_the_last_words_and_the_goodbye_wait_too(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    transport_pause_reading(bench.client.transport);
    party_say(&bench.server.party, "last");
    transport_close(bench.server.transport);
    settle(bench.loop);
    CHECK_STORY(&bench.client, "");
    transport_resume_reading(bench.client.transport);
    UNTIL(bench.loop, &bench.client.party, "DR(last);EOF;CL(None)");
    UNTIL(bench.loop, &bench.server.party, "EOF;CL(None)");
    tls_end(&bench);
}

static void pause(struct party *party)
{
    transport_pause_reading(party->transport);
}

static void say_early(struct party *party)
{
    party_say(party, "early");
}

static void paused_in_connection_made_nothing_comes(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.client.party.on_made = pause;
    bench.server.party.on_made = say_early;
    tls_meet(&bench);
    CHECK_STORY(&bench.client, "");
    transport_resume_reading(bench.client.transport);
    UNTIL(bench.loop, &bench.client.party, "DR(early)");
    tls_end(&bench);
}

static void pause_at_data(struct party *party, const void *data, size_t size)
{
    (void)data, (void)size;
    transport_pause_reading(party->transport);
}

static void paused_while_receiving_loses_nothing(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.client.party.counts_only = true;
    bench.client.party.on_data = pause_at_data;
    write_pattern(bench.server.transport, 1000000, 0);
    for (int i = 0; i < 1000 && bench.client.party.received < 1000000; i++) {
        settle(bench.loop);
        size_t before = bench.client.party.received;
        CHECK(before > 0);
        CHECK(!transport_is_reading(bench.client.transport));
        transport_resume_reading(bench.client.transport);
    }
    CHECK_INT(bench.client.party.received, 1000000);
    tls_end(&bench);
}

static void check_marks(const struct transport *transport, size_t low, size_t high)
{
    size_t actual_low = 1, actual_high = 1;
    transport_get_write_buffer_limits(transport, &actual_low, &actual_high);
    CHECK_INT(actual_low, low);
    CHECK_INT(actual_high, high);
}

static void the_marks_are_those_of_asyncio(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    check_marks(bench.client.transport, 131072, 524288);
    CHECK_INT(transport_set_write_buffer_limits(bench.client.transport, 100, LIMIT_DEFAULT), 0);
    check_marks(bench.client.transport, 25, 100);
    CHECK_INT(transport_set_write_buffer_limits(bench.client.transport, LIMIT_DEFAULT, 100), 0);
    check_marks(bench.client.transport, 100, 400);
    CHECK_INT(transport_set_write_buffer_limits(bench.client.transport, 1, 2), -EINVAL);
    tls_end(&bench);
}

static void a_reader_that_stands_still_pauses_the_writer(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    bench.server.party.counts_only = true;
    transport_pause_reading(bench.server.transport);
    size_t sent = 0;
    for (; bench.client.party.paused == 0 && sent < (64U << 20); sent += 65536) {
        write_pattern(bench.client.transport, 65536, sent);
        if (sent % (1 << 20) == 0)
            pass(bench.loop);
    }
    CHECK_INT(bench.client.party.paused, 1);
    CHECK(transport_get_write_buffer_size(bench.client.transport) > 524288);
    settle(bench.loop);
    CHECK_INT(bench.client.party.resumed, 0);
    transport_resume_reading(bench.server.transport);
    CHECK(party_receives(bench.loop, &bench.server.party, sent));
    CHECK_INT(bench.client.party.resumed, 1);
    CHECK_INT(transport_get_write_buffer_size(bench.client.transport), 0);
    tls_end(&bench);
}

static size_t left_at_resume;

static void note_what_is_left(struct protocol *protocol)
{
    struct party *party = (struct party *)protocol;
    party->resumed++;
    left_at_resume = transport_get_write_buffer_size(party->transport);
}

/* Pauses the client's protocol, lets the low mark be another one and returns what was left at the resume. */
static size_t resumed_with(ptrdiff_t low)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    struct party *client = &bench.client.party;
    struct protocol_callbacks noting = *client->protocol.callbacks;
    noting.resume_writing = note_what_is_left;
    client->protocol.callbacks = &noting;
    int little = 4096;
    const int *fd = transport_get_extra_info(bench.client.transport, "socket");
    CHECK_INT(setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    bench.server.party.counts_only = true;
    transport_pause_reading(bench.server.transport);
    size_t sent = 0;
    for (; client->paused == 0 && sent < (64U << 20); sent += 65536)
        write_pattern(bench.client.transport, 65536, sent);
    CHECK_INT(client->paused, 1);
    CHECK_INT(transport_set_write_buffer_limits(bench.client.transport, 524288, low), 0);
    left_at_resume = SIZE_MAX;
    transport_resume_reading(bench.server.transport);
    CHECK(party_receives(bench.loop, &bench.server.party, sent));
    CHECK_INT(client->resumed, 1);
    tls_end(&bench);
    return left_at_resume;
}

static void the_writer_is_resumed_at_the_low_mark(void)
{
    size_t left = resumed_with(131072);
    CHECK(left <= 131072);
    CHECK(left > 65536);
}

static void a_low_mark_that_sinks_while_the_writer_is_paused_counts(void)
{
    size_t left = resumed_with(50000);
    CHECK(left <= 50000);
    CHECK(left > 0);
}

static void a_low_mark_of_nothing_waits_for_the_last_byte(void)
{
    CHECK_INT(resumed_with(0), 0);
}

static void a_new_protocol_gets_what_comes_next(void)
{
    struct tls_bench bench;
    struct party next;
    tls_begin(&bench, NULL, NULL);
    tls_meet(&bench);
    party_init(&next);
    transport_set_protocol(bench.client.transport, &next.protocol);
    CHECK(transport_get_protocol(bench.client.transport) == &next.protocol);
    CHECK_INT(bench.client.party.released, 1);
    party_say(&bench.server.party, "x");
    UNTIL(bench.loop, &next, "DR(x)");
    transport_close(bench.client.transport);
    UNTIL(bench.loop, &next, "DR(x);EOF;CL(None)");
    CHECK_INT(next.released, 1);
    bench.client.party.lost = 1;
    tls_end(&bench);
}

static void everything_in_connection_made_goes_out(void)
{
    struct tls_bench bench;
    tls_begin(&bench, NULL, NULL);
    bench.client.party.on_made = say_early;
    bench.server.party.on_data = send_back;
    call_server(&bench);
    call_client(&bench);
    run_calls(&bench);
    UNTIL(bench.loop, &bench.client.party, "CM;RET;DR(early)");
    tls_end(&bench);
}

static const struct test tests[] = {
    TEST(a_mebibyte_there_and_back),
    TEST(everything_is_sent_before_the_goodbye),
    TEST(lines_of_several_pieces),
    TEST(pieces_larger_than_a_record),
    TEST(paused_it_receives_nothing_and_then_all_at_once),
    TEST(records_of_one_segment_come_in_one_delivery),
    TEST(paused_the_last_words_and_the_goodbye_wait_too),
    TEST(paused_in_connection_made_nothing_comes),
    TEST(paused_while_receiving_loses_nothing),
    TEST(the_marks_are_those_of_asyncio),
    TEST(a_reader_that_stands_still_pauses_the_writer),
    TEST(the_writer_is_resumed_at_the_low_mark),
    TEST(a_low_mark_that_sinks_while_the_writer_is_paused_counts),
    TEST(a_low_mark_of_nothing_waits_for_the_last_byte),
    TEST(a_new_protocol_gets_what_comes_next),
    TEST(everything_in_connection_made_goes_out),
};
const struct test_group data_group = TEST_GROUP("data", tests);
