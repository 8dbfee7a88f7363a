/* 3.3, the door-keeper. The guest is the grader's: it writes down what it hears. */
#include "door.h"
#include "stage.h"

static struct guest {
    struct protocol protocol;
    struct transport *transport;
    char heard[200]; /* made, (data), eof, lost, released */
    bool closes;     /* as soon as it is made */
} guest;
static int asked; /* how often the door has asked for a guest */

static void note(const char *text, size_t size)
{
    size_t length = strlen(guest.heard);
    snprintf(guest.heard + length, sizeof guest.heard - length, "%.*s;", (int)size, text);
}

static void guest_made(struct protocol *protocol, struct transport *transport)
{
    (void)protocol;
    guest.transport = transport;
    note("made", 4);
    if (guest.closes)
        transport_close(transport);
}

static void guest_hears(struct protocol *protocol, const void *data, size_t size)
{
    (void)protocol;
    note(data, size);
}

static void guest_lost(struct protocol *protocol, const struct error *exc)
{
    (void)protocol;
    (void)exc;
    note("lost", 4);
}

static void guest_released(struct protocol *protocol)
{
    (void)protocol;
    note("released", 8);
}

static const struct protocol_callbacks hears_everything = {
    .connection_made = guest_made,
    .data_received = guest_hears,
    .connection_lost = guest_lost,
    .released = guest_released,
};
static const struct protocol_callbacks hears_the_end = {.released = guest_released};

static struct protocol *make_guest(void *context)
{
    asked++;
    return context;
}

static struct door door = {.word = "sesame", .make = make_guest, .context = &guest.protocol};

static void begin(struct stage *stage)
{
    stage_begin(stage);
    guest = (struct guest){.protocol = {&hears_everything}};
    stage_connect(stage, door_protocol(&door));
}

static void expect_heard(const char *expected)
{
    expect_text("what the guest hears", expected, guest.heard);
}

static void expect_refused(struct stage *stage)
{
    expect_text("what the client reads", "No.\n", stage_hears(stage, 4));
    expect(stage_hears_end(stage), "the connection to be closed", "it stays open, or was reset");
    expect(stage_is_lost(stage), "connection_lost", "it never came");
}

static void the_word_opens_the_door(void)
{
    struct stage stage;
    did("said \"sesame\\n\"");
    begin(&stage);
    stage_sends(&stage, "sesame\n");
    expect_heard("made;");
    expect(guest.transport == stage.transport, "the guest to get the client's transport", "another one");
    did("said \"hello\"");
    stage_sends(&stage, "hello");
    expect_heard("made;hello;");
    did("ended");
    stage_peer_ends(&stage);
    expect(stage_is_lost(&stage), "connection_lost", "it never came");
    expect_heard("made;hello;lost;released;");
    stage_end(&stage);
}

static void the_word_may_come_in_pieces(void)
{
    struct stage stage;
    did("said \"ses\", \"ame\" and \"\\n\", one after the other");
    begin(&stage);
    stage_sends(&stage, "ses");
    expect(stage_hears_nothing(&stage), "the door-keeper to wait for the end of the line", "it answered, or closed");
    stage_sends(&stage, "ame");
    expect(stage_hears_nothing(&stage), "the door-keeper to wait for the end of the line", "it answered, or closed");
    expect_int("the number of guests asked for", 0, asked);
    stage_sends(&stage, "\n");
    expect_heard("made;");
    stage_end(&stage);
}

static void what_comes_behind_the_line_reaches_the_guest(void)
{
    struct stage stage;
    did("said \"sesame\\nGET x\" in one piece");
    begin(&stage);
    stage_sends(&stage, "sesame\nGET x");
    expect_heard("made;GET x;");
    stage_sends(&stage, "more");
    expect_heard("made;GET x;more;");
    stage_end(&stage);
}

static void a_cut_line_with_something_behind_it(void)
{
    struct stage stage;
    did("said \"sesa\", and \"me\\nGET x\"");
    begin(&stage);
    stage_sends(&stage, "sesa");
    stage_sends(&stage, "me\nGET x");
    expect_heard("made;GET x;");
    stage_end(&stage);
}

static void another_word_is_refused(void)
{
    static const char *const wrong[] = {"simsim\n", "sesamee\n", "sesam\n", "\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct stage stage;
        did("said %s", quoted(wrong[i], strlen(wrong[i])));
        begin(&stage);
        stage_sends(&stage, wrong[i]);
        expect_refused(&stage);
        expect_int("the number of guests asked for", 0, asked);
        stage_end(&stage);
    }
}

/* 64 bytes may still be followed by the end of the line. */
static void a_line_without_end_is_refused(void)
{
    struct stage stage;
    char piece[33];
    memset(piece, 'x', 32);
    piece[32] = '\0';
    did("said 64 bytes, in two pieces, and no end of the line");
    begin(&stage);
    stage_sends(&stage, piece);
    stage_sends(&stage, piece);
    expect(stage_hears_nothing(&stage), "the door-keeper to wait for the end of the line", "it answered, or closed");
    did("said one byte more");
    stage_sends(&stage, "x");
    expect_refused(&stage);
    stage_end(&stage);
}

static void a_client_that_leaves_at_the_door(void)
{
    struct stage stage;
    did("said \"ses\", and ended");
    begin(&stage);
    stage_sends(&stage, "ses");
    stage_peer_ends(&stage);
    expect(stage_is_lost(&stage), "connection_lost", "it never came");
    expect_heard("");
    stage_end(&stage);
}

static void nobody_to_take_over_is_a_refusal(void)
{
    struct stage stage;
    did("said \"sesame\\n\", where the factory can make no guest");
    begin(&stage);
    door.context = NULL;
    stage_sends(&stage, "sesame\n");
    expect_refused(&stage);
    stage_end(&stage);
}

static void a_guest_that_closes_at_once_hears_no_more(void)
{
    struct stage stage;
    did("said \"sesame\\nGET x\" to a guest that closes in connection_made");
    begin(&stage);
    guest.closes = true;
    stage_sends(&stage, "sesame\nGET x");
    expect(stage_is_lost(&stage), "connection_lost", "it never came");
    expect_heard("made;lost;released;");
    stage_end(&stage);
}

static void a_guest_may_leave_out_callbacks(void)
{
    struct stage stage;
    did("said \"sesame\\nGET x\" to a guest whose only callback is released");
    begin(&stage);
    guest.protocol.callbacks = &hears_the_end;
    stage_sends(&stage, "sesame\nGET x");
    stage_peer_ends(&stage);
    expect(stage_is_lost(&stage), "connection_lost", "it never came");
    expect_heard("released;");
    stage_end(&stage);
}

static void the_door_keeper_is_gone_when_the_guest_is_in(void)
{
    struct stage stage;
    did("said \"sesame\\n\", and looked at the memory in use");
    begin(&stage);
    size_t before = heap_blocks();
    stage_sends(&stage, "sesame\n");
    expect_heard("made;");
    expect(heap_blocks() < before, "fewer blocks of memory in use than before the word", "%zu, as before, or more",
        heap_blocks());
    stage_end(&stage);
}

static void without_memory_there_is_no_door_keeper_or_a_whole_one(void)
{
    struct stage stage;
    did("let the second allocation in door_protocol fail, if there is one");
    stage_begin(&stage);
    guest = (struct guest){.protocol = {&hears_everything}};
    fault_no_memory(1, 1);
    struct protocol *keeper = door_protocol(&door);
    faults_end();
    if (keeper != NULL) {
        stage_connect(&stage, keeper);
        stage_sends(&stage, "sesame\n");
        expect_heard("made;");
    }
    stage_end(&stage);
}

static const struct grader_test tests[] = {
    GRADER_TEST(the_word_opens_the_door),
    GRADER_TEST(the_word_may_come_in_pieces),
    GRADER_TEST(what_comes_behind_the_line_reaches_the_guest),
    GRADER_TEST(a_cut_line_with_something_behind_it),
    GRADER_TEST(another_word_is_refused),
    GRADER_TEST(a_line_without_end_is_refused),
    GRADER_TEST(a_client_that_leaves_at_the_door),
    GRADER_TEST(nobody_to_take_over_is_a_refusal),
    GRADER_TEST(a_guest_that_closes_at_once_hears_no_more),
    GRADER_TEST(a_guest_may_leave_out_callbacks),
    GRADER_TEST(the_door_keeper_is_gone_when_the_guest_is_in),
    GRADER_TEST(without_memory_there_is_no_door_keeper_or_a_whole_one),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
