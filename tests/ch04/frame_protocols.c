/* Protocols that receive frames: what the application hears, refusals, tails, the end, one send for many answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "frame_protocol.h"
#include "groups.h"
#include "kernel.h"
#include "peers.h"
#include "socket_transport.h"
#include "transport.h"

/* Writes FR(frame) and the rest into the trace; does besides what a test wants. */
struct framed {
    struct frame_protocol frames;
    struct loop *loop;
    struct transport *transport;
    int ours, theirs, released;
    bool echoes, stays;
    void (*on_frame)(struct framed *, const char *frame, size_t size);
    void (*on_tail)(struct framed *);
    void (*on_refused)(struct framed *);
    struct protocol *next;
};

static struct framed *framed_of(struct frame_protocol *frames)
{
    return (struct framed *)frames;
}

static void made(struct frame_protocol *frames, struct transport *transport)
{
    CHECK(frames->transport == transport);
    trace("CM");
}

static void received(struct frame_protocol *frames, const char *frame, size_t size)
{
    struct framed *framed = framed_of(frames);
    trace("FR(%.*s)", (int)size, frame);
    if (framed->echoes) {
        CHECK_INT(transport_write(frames->transport, frame, size), 0);
        CHECK_INT(transport_write(frames->transport, "\n", 1), 0);
    }
    if (framed->on_frame != NULL)
        framed->on_frame(framed, frame, size);
}

static void tail(struct frame_protocol *frames, const char *data, size_t size)
{
    struct framed *framed = framed_of(frames);
    trace("TAIL(%.*s)", (int)size, data);
    if (framed->on_tail != NULL)
        framed->on_tail(framed);
}

static bool end(struct frame_protocol *frames)
{
    trace("EOF");
    return framed_of(frames)->stays;
}

static void refused(struct frame_protocol *frames, const struct error *error)
{
    struct framed *framed = framed_of(frames);
    CHECK(error_is(error, &error_os, EMSGSIZE));
    trace("REFUSED(%s)", error->text);
    if (framed->on_refused != NULL)
        framed->on_refused(framed);
}

static void lost(struct frame_protocol *frames, const struct error *exc)
{
    CHECK(frames->transport == NULL);
    trace("CL(%s)", error_name(exc));
}

static void released(struct frame_protocol *frames)
{
    framed_of(frames)->released++;
}

static const struct frame_callbacks all = {
    .connection_made = made,
    .frame_received = received,
    .tail_received = tail,
    .eof_received = end,
    .frame_refused = refused,
    .connection_lost = lost,
    .released = released,
};

/* Lines of at most ten bytes. */
static void begin_with(struct framed *framed, const struct frame_callbacks *callbacks, void (*pair)(int ends[2]))
{
    int ends[2];
    *framed = (struct framed){.ours = -1};
    frame_protocol_init(&framed->frames, callbacks);
    framer_init_lines(&framed->frames.framer, 10);
    pair(ends);
    framed->theirs = ends[1];
    framed->loop = new_loop();
    framed->transport = socket_transport_create(framed->loop, ends[0], &framed->frames.protocol, NULL);
    REQUIRE(framed->transport != NULL);
    transport_retain(framed->transport);
    settle(framed->loop);
    trace_clear();
}

static void begin(struct framed *framed)
{
    begin_with(framed, &all, tcp_pair);
}

static void finish(struct framed *framed)
{
    transport_abort(framed->transport);
    settle(framed->loop);
    CHECK_INT(framed->released, 1);
    transport_release(framed->transport);
    free_loop(framed->loop);
    if (framed->theirs >= 0)
        close(framed->theirs);
}

static void each_line_is_a_call_however_it_arrives(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "a\nb");
    EXPECT(framed.loop, "FR(a)");
    peer_send(framed.theirs, "c\r\n\nd");
    EXPECT(framed.loop, "FR(a);FR(bc);FR()");
    finish(&framed);
}

static void read_byte_by_byte_the_frames_are_the_same(void)
{
    struct framed framed;
    begin(&framed);
    kernel_move_at_most(KERNEL_RECEIVE, 1);
    peer_send(framed.theirs, "one\ntwo\r\n\nthree\n");
    EXPECT(framed.loop, "FR(one);FR(two);FR();FR(three)");
    finish(&framed);
}

static void the_tail_comes_before_the_end_and_the_end_before_the_loss(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "a\nTAIL");
    peer_end(framed.theirs);
    EXPECT(framed.loop, "FR(a);TAIL(TAIL);EOF;CL(None)");
    CHECK_END(framed.loop, framed.theirs);
    finish(&framed);
}

static void without_a_tail_only_the_end_comes(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "a\n");
    peer_end(framed.theirs);
    EXPECT(framed.loop, "FR(a);EOF;CL(None)");
    finish(&framed);
}

static void a_tail_nobody_asks_for_is_dropped(void)
{
    static const struct frame_callbacks few = {
        .frame_received = received, .connection_lost = lost, .released = released};
    struct framed framed;
    begin_with(&framed, &few, tcp_pair);
    peer_send(framed.theirs, "a\nTAIL");
    peer_end(framed.theirs);
    EXPECT(framed.loop, "FR(a);CL(None)");
    finish(&framed);
}

static void all_callbacks_may_be_missing_but_released(void)
{
    static const struct frame_callbacks none = {.released = released};
    struct framed framed;
    begin_with(&framed, &none, tcp_pair);
    peer_send(framed.theirs, "a\nTAIL");
    peer_end(framed.theirs);
    settle(framed.loop);
    CHECK_TRACE("");
    CHECK(transport_is_closing(framed.transport));
    finish(&framed);
}

static void kept_open_after_the_end_it_can_still_answer(void)
{
    struct framed framed;
    begin(&framed);
    framed.stays = true;
    peer_send(framed.theirs, "a\nTAIL");
    peer_end(framed.theirs);
    EXPECT(framed.loop, "FR(a);TAIL(TAIL);EOF");
    CHECK(!transport_is_closing(framed.transport));
    transport_write(framed.transport, "later", 5);
    CHECK_RECEIVES(framed.loop, framed.theirs, "later");
    finish(&framed);
}

static void answer_the_tail(struct framed *framed)
{
    transport_write(framed->transport, "tail ", 5);
    transport_write(framed->transport, "answered", 8);
}

static void what_is_written_about_the_tail_is_sent_before_the_close(void)
{
    struct framed framed;
    begin(&framed);
    framed.on_tail = answer_the_tail;
    unsigned long before = kernel_count(KERNEL_SEND);
    peer_send(framed.theirs, "TAIL");
    peer_end(framed.theirs);
    EXPECT(framed.loop, "TAIL(TAIL);EOF;CL(None)");
    CHECK_RECEIVES(framed.loop, framed.theirs, "tail answered");
    CHECK_END(framed.loop, framed.theirs);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 1);
    finish(&framed);
}

static void the_largest_line_passes_and_one_byte_more_is_refused(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "0123456789\n");
    EXPECT(framed.loop, "FR(0123456789)");
    peer_send(framed.theirs, "0123456789x\n");
    EXPECT(framed.loop, "FR(0123456789);REFUSED(A frame is longer than 10 bytes);CL(None)");
    finish(&framed);
}

static void say_why(struct framed *framed)
{
    transport_write(framed->transport, "too long\n", 9);
}

static void refused_what_was_written_is_sent_then_the_last_word_then_the_end(void)
{
    struct framed framed;
    begin(&framed);
    framed.echoes = true;
    framed.on_refused = say_why;
    unsigned long before = kernel_count(KERNEL_SEND);
    peer_send(framed.theirs, "a\nb\n0123456789x\nc\n");
    EXPECT(framed.loop, "FR(a);FR(b);REFUSED(A frame is longer than 10 bytes);CL(None)");
    CHECK_RECEIVES(framed.loop, framed.theirs, "a\nb\ntoo long\n");
    CHECK_END(framed.loop, framed.theirs);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 1);
    finish(&framed);
}

static void refused_with_much_unsent_it_is_all_sent_first(void)
{
    struct framed framed;
    begin_with(&framed, &all, unix_pair);
    framed.on_refused = say_why;
    kernel_move_at_most(KERNEL_SEND, 3);
    transport_write(framed.transport, "before,", 7);
    peer_send(framed.theirs, "0123456789x\n");
    EXPECT(framed.loop, "REFUSED(A frame is longer than 10 bytes);CL(None)");
    CHECK_RECEIVES(framed.loop, framed.theirs, "before,too long\n");
    CHECK_END(framed.loop, framed.theirs);
    finish(&framed);
}

static void refused_and_nobody_asks_the_exception_handler_hears_of_it(void)
{
    static const struct frame_callbacks few = {
        .frame_received = received, .connection_lost = lost, .released = released};
    struct framed framed;
    begin_with(&framed, &few, tcp_pair);
    peer_send(framed.theirs, "a\n0123456789x\n");
    EXPECT(framed.loop, "FR(a);EXH[Frame refused|A frame is longer than 10 bytes];CL(None)");
    CHECK_END(framed.loop, framed.theirs);
    finish(&framed);
}

static void refused_before_its_end_an_endless_line_ends_the_connection(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "0123456789x");
    peer_send(framed.theirs, "x");
    EXPECT(framed.loop, "REFUSED(A frame is longer than 10 bytes);CL(None)");
    finish(&framed);
}

static void close_it(struct framed *framed, const char *frame, size_t size)
{
    if (size == 3 && memcmp(frame, "bye", 3) == 0)
        transport_close(framed->transport);
}

static void closed_in_a_frame_it_hears_no_further_frame(void)
{
    struct framed framed;
    begin(&framed);
    framed.echoes = true;
    framed.on_frame = close_it;
    peer_send(framed.theirs, "a\nbye\nb\nc");
    EXPECT(framed.loop, "FR(a);FR(bye);CL(None)");
    CHECK_RECEIVES(framed.loop, framed.theirs, "a\nbye\n");
    finish(&framed);
}

static void abort_it(struct framed *framed, const char *frame, size_t size)
{
    (void)frame;
    (void)size;
    transport_abort(framed->transport);
}

static void aborted_in_a_frame_its_answers_are_dropped(void)
{
    struct framed framed;
    begin(&framed);
    framed.echoes = true;
    framed.on_frame = abort_it;
    peer_send(framed.theirs, "a\nb\n");
    EXPECT(framed.loop, "FR(a);CL(None)");
    CHECK_END(framed.loop, framed.theirs);
    finish(&framed);
}

static void fail_it(struct framed *framed, const char *frame, size_t size)
{
    (void)frame;
    (void)size;
    struct error *error = error_new(&error_application, 1, "boom");
    transport_fail(framed->transport, error);
    error_release(error);
}

static void failed_in_a_frame_it_is_reported_and_lost(void)
{
    struct framed framed;
    begin(&framed);
    framed.on_frame = fail_it;
    peer_send(framed.theirs, "a\nb\n");
    EXPECT(framed.loop, "FR(a);EXH[Fatal error: protocol.data_received() call failed.|boom];CL(boom)");
    finish(&framed);
}

static void without_memory_for_a_tail_the_connection_is_lost(void)
{
    struct framed framed;
    begin(&framed);
    framed.echoes = false;
    peer_send(framed.theirs, "a\nb");
    kernel_fail(KERNEL_MEMORY, ENOMEM, 0, 1);
    EXPECT(framed.loop, "FR(a);CL(ENOMEM)");
    CHECK(kernel_failed(KERNEL_MEMORY));
    finish(&framed);
}

static void a_tail_does_not_leak_when_the_connection_is_lost(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "tail");
    settle(framed.loop);
    transport_abort(framed.transport);
    settle(framed.loop);
    CHECK_TRACE("CL(None)");
    CHECK_INT(framed.frames.framer.begun_size, 0);
    finish(&framed);
}

static void a_tail_does_not_leak_when_the_loop_is_closed(void)
{
    struct framed framed;
    begin(&framed);
    peer_send(framed.theirs, "tail");
    settle(framed.loop);
    CHECK_INT(loop_close(framed.loop), 0);
    CHECK_TRACE("");
    CHECK_INT(framed.released, 1);
    CHECK(framed.frames.framer.begun == NULL);
    transport_release(framed.transport);
    free_loop(framed.loop);
    close(framed.theirs);
}

/* Replacing the protocol. */

struct second {
    struct protocol protocol;
    int released;
};

static void second_data(struct protocol *protocol, const void *data, size_t size)
{
    (void)protocol;
    trace("second(%.*s)", (int)size, (const char *)data);
}

static void second_lost(struct protocol *protocol, const struct error *exc)
{
    (void)protocol;
    trace("second.CL(%s)", error_name(exc));
}

static void second_released(struct protocol *protocol)
{
    ((struct second *)protocol)->released++;
}

static const struct protocol_callbacks second_callbacks = {
    .data_received = second_data, .connection_lost = second_lost, .released = second_released};

static void replace_it(struct framed *framed, const char *frame, size_t size)
{
    (void)frame;
    (void)size;
    transport_set_protocol(framed->transport, framed->next);
    CHECK_INT(framed->released, 0); /* not under its own feet */
    transport_write(framed->transport, "switched\n", 9);
}

static void replaced_in_a_frame_it_is_released_after_the_delivery(void)
{
    struct second second = {{&second_callbacks}, 0};
    for (int cut = 0; cut < 2; cut++) {
        struct framed framed;
        begin(&framed);
        trace_clear();
        framed.on_frame = replace_it;
        framed.next = &second.protocol;
        if (cut) { /* the frame is the framer's memory then */
            peer_send(framed.theirs, "swi");
            settle(framed.loop);
            peer_send(framed.theirs, "tch\nb\nc");
        } else {
            peer_send(framed.theirs, "switch\nb\nc");
        }
        EXPECT(framed.loop, "FR(switch)");
        CHECK_INT(framed.released, 1);
        CHECK_RECEIVES(framed.loop, framed.theirs, "switched\n");
        peer_send(framed.theirs, "new");
        EXPECT(framed.loop, "FR(switch);second(new)");
        transport_close(framed.transport);
        EXPECT(framed.loop, "FR(switch);second(new);second.CL(None)");
        CHECK_INT(second.released, cut + 1);
        CHECK_INT(framed.released, 1);
        transport_release(framed.transport);
        free_loop(framed.loop);
        close(framed.theirs);
    }
}

/* One send for many answers. */

static void sixteen_lines_that_arrive_together_are_answered_by_one_send(void)
{
    struct framed framed;
    char lines[16 * 10 + 1] = "", line[16];
    for (int i = 0; i < 16; i++) {
        snprintf(line, sizeof line, "line %4d\n", i);
        strcat(lines, line);
    }
    begin(&framed);
    framed.echoes = true;
    unsigned long before = kernel_count(KERNEL_SEND), received_before = kernel_count(KERNEL_RECEIVE);
    peer_send(framed.theirs, lines);
    CHECK_RECEIVES(framed.loop, framed.theirs, lines);
    settle(framed.loop);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 1);
    CHECK_INT(kernel_count(KERNEL_RECEIVE) - received_before, 1);
    CHECK_INT(transport_get_write_buffer_size(framed.transport), 0);
    finish(&framed);
}

static void outside_a_delivery_each_write_leaves_at_once(void)
{
    struct framed framed;
    begin(&framed);
    framed.echoes = true;
    peer_send(framed.theirs, "a\n");
    CHECK_RECEIVES(framed.loop, framed.theirs, "a\n");
    unsigned long before = kernel_count(KERNEL_SEND);
    transport_write(framed.transport, "1", 1);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 1);
    transport_write(framed.transport, "2", 1);
    CHECK_INT(kernel_count(KERNEL_SEND) - before, 2);
    CHECK_RECEIVES(framed.loop, framed.theirs, "12");
    finish(&framed);
}

static const struct test tests[] = {
    TEST(each_line_is_a_call_however_it_arrives),
    TEST(read_byte_by_byte_the_frames_are_the_same),
    TEST(the_tail_comes_before_the_end_and_the_end_before_the_loss),
    TEST(without_a_tail_only_the_end_comes),
    TEST(a_tail_nobody_asks_for_is_dropped),
    TEST(all_callbacks_may_be_missing_but_released),
    TEST(kept_open_after_the_end_it_can_still_answer),
    TEST(what_is_written_about_the_tail_is_sent_before_the_close),
    TEST(the_largest_line_passes_and_one_byte_more_is_refused),
    TEST(refused_what_was_written_is_sent_then_the_last_word_then_the_end),
    TEST(refused_with_much_unsent_it_is_all_sent_first),
    TEST(refused_and_nobody_asks_the_exception_handler_hears_of_it),
    TEST(refused_before_its_end_an_endless_line_ends_the_connection),
    TEST(closed_in_a_frame_it_hears_no_further_frame),
    TEST(aborted_in_a_frame_its_answers_are_dropped),
    TEST(failed_in_a_frame_it_is_reported_and_lost),
    TEST(without_memory_for_a_tail_the_connection_is_lost),
    TEST(a_tail_does_not_leak_when_the_connection_is_lost),
    TEST(a_tail_does_not_leak_when_the_loop_is_closed),
    TEST(replaced_in_a_frame_it_is_released_after_the_delivery),
    TEST(sixteen_lines_that_arrive_together_are_answered_by_one_send),
    TEST(outside_a_delivery_each_write_leaves_at_once),
};
const struct test_group frame_protocol_group = TEST_GROUP("frame protocols", tests);
