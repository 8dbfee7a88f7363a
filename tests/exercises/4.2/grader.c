/* 4.2, the last word. The protocol that says it is the grader's: whatever comes first, it refuses. The clock is the
   test's. */
#include "last_word.h"
#include "stage.h"

static struct {
    const char *word;
    size_t size, most;
    double seconds;
    bool without_memory;
    int answer;   /* of say_last_word */
    int released; /* how often the refusing protocol was let go of */
    int later;    /* what it heard after it had refused */
} refusal;

static struct transport *refused;

static void refuser_made(struct protocol *protocol, struct transport *transport)
{
    (void)protocol;
    refused = transport;
}

static void refuser_hears(struct protocol *protocol, const void *data, size_t size)
{
    (void)protocol;
    (void)data;
    (void)size;
    if (refusal.answer != 1) {
        refusal.later++;
        return;
    }
    if (refusal.without_memory)
        fault_no_memory(0, 1);
    refusal.answer = say_last_word(refused, refusal.word, refusal.size, refusal.most, refusal.seconds);
    faults_end();
    kernel_wait_at_most(0);
}

static void refuser_lost(struct protocol *protocol, const struct error *exc)
{
    (void)protocol;
    (void)exc;
    refusal.later++;
}

static void refuser_released(struct protocol *protocol)
{
    (void)protocol;
    refusal.released++;
}

static const struct protocol_callbacks refuses = {
    .connection_made = refuser_made,
    .data_received = refuser_hears,
    .connection_lost = refuser_lost,
    .released = refuser_released,
};
static struct protocol refuser = {&refuses};

/* A connection to one that refuses with "No.\n", at most 1000 bytes and 3 seconds more. */
static void begin(struct stage *stage)
{
    refusal.word = "No.\n";
    refusal.size = 4;
    refusal.most = 1000;
    refusal.seconds = 3;
    refusal.answer = 1;
    stage_begin(stage);
    stage_connect(stage, &refuser);
}

static void be_refused(struct stage *stage)
{
    did("was refused with \"No.\\n\", where most is 1000 bytes and seconds is 3");
    begin(stage);
    stage_sends(stage, "x");
    expect_int("what say_last_word returns", 0, refusal.answer);
    expect_text("what the client reads", "No.\n", stage_hears(stage, 4));
}

static bool still_there(struct stage *stage)
{
    stage_turn(stage);
    return transport_get_protocol(stage->transport) != NULL;
}

static void expect_there(struct stage *stage)
{
    expect(still_there(stage), "the connection to be there still", "it is closed");
}

static void expect_lost(struct stage *stage)
{
    expect(stage_is_lost(stage), "the connection to be lost now", "it is still there");
}

static void the_client_may_go_on_sending(void)
{
    struct stage stage;
    be_refused(&stage);
    did("went on sending, three times 300 bytes");
    for (int i = 0; i < 3; i++) {
        char bytes[301] = "";
        memset(bytes, 'x', 300);
        stage_sends(&stage, bytes);
        expect_there(&stage);
    }
    expect(stage_hears_end(&stage), "the end of the stream behind the word", "a reset, or nothing");
    stage_end(&stage);
}

static void our_end_follows_the_word(void)
{
    struct stage stage;
    be_refused(&stage);
    did("waited for more, without ending");
    expect(stage_hears_end(&stage), "the end of the stream behind the word", "nothing");
    expect_there(&stage);
    stage_end(&stage);
}

static void it_closes_when_the_client_ends(void)
{
    struct stage stage;
    be_refused(&stage);
    expect_there(&stage);
    did("ended");
    stage_peer_ends(&stage);
    expect_lost(&stage);
    did("let 10 seconds pass");
    stage_advance(&stage, 10);
    stage_end(&stage);
}

static void more_than_most_bytes_is_the_end(void)
{
    struct stage stage;
    char bytes[1001] = "";
    memset(bytes, 'x', 1000);
    be_refused(&stage);
    did("sent 1000 bytes more");
    stage_sends(&stage, bytes);
    expect_there(&stage);
    did("sent another one");
    stage_sends(&stage, "x");
    expect_lost(&stage);
    stage_end(&stage);
}

static void silence_ends_when_the_time_is_over(void)
{
    struct stage stage;
    be_refused(&stage);
    did("let 2.9 seconds pass in silence");
    stage_advance(&stage, 2.9);
    expect_there(&stage);
    did("let another 0.2 pass");
    stage_advance(&stage, 0.2);
    expect_lost(&stage);
    stage_end(&stage);
}

static void a_trickle_buys_no_time(void)
{
    struct stage stage;
    be_refused(&stage);
    did("sent a byte after each second");
    for (int i = 0; i < 2; i++) {
        stage_advance(&stage, 1);
        expect_there(&stage);
        stage_sends(&stage, "x");
    }
    stage_advance(&stage, 1.1);
    expect_lost(&stage);
    stage_end(&stage);
}

/* 16 MB are more than the kernel takes. */
static char much[16 << 20];

static void a_client_that_never_reads_is_dropped_in_time(void)
{
    struct stage stage;
    did("was refused with a word of 16 MB, and read nothing of it");
    begin(&stage);
    refusal.word = much;
    refusal.size = sizeof much;
    stage_sends(&stage, "x");
    expect_int("what say_last_word returns", 0, refusal.answer);
    expect_there(&stage);
    did("let 3.1 seconds pass");
    stage_advance(&stage, 3.1);
    expect_lost(&stage);
    stage_end(&stage);
}

static void one_that_ends_and_never_reads_is_dropped_too(void)
{
    struct stage stage;
    did("was refused with a word of 16 MB, ended, and read nothing of it");
    begin(&stage);
    refusal.word = much;
    refusal.size = sizeof much;
    stage_sends(&stage, "x");
    stage_peer_ends(&stage);
    expect_there(&stage);
    did("let 3.1 seconds pass");
    stage_advance(&stage, 3.1);
    expect_lost(&stage);
    stage_end(&stage);
}

static void the_protocol_before_is_gone_at_once(void)
{
    struct stage stage;
    be_refused(&stage);
    expect_int("how often the protocol before was released", 1, refusal.released);
    did("sent more, and ended");
    stage_sends(&stage, "more");
    stage_peer_ends(&stage);
    expect_lost(&stage);
    expect_int("the callbacks that it heard after that", 0, refusal.later);
    stage_end(&stage);
}

static void a_client_that_vanishes_leaves_nothing(void)
{
    struct stage stage;
    be_refused(&stage);
    expect_there(&stage);
    did("reset the connection");
    close_with_reset(stage.peer);
    stage.peer = -1;
    expect_lost(&stage);
    did("let 10 seconds pass");
    stage_advance(&stage, 10);
    stage_end(&stage);
}

static void a_loop_that_closes_meanwhile_leaves_nothing(void)
{
    struct stage stage;
    be_refused(&stage);
    expect_there(&stage);
    did("closed the loop");
    stage_end(&stage);
}

static void without_memory_nothing_has_happened(void)
{
    struct stage stage;
    did("let the first allocation in say_last_word fail");
    begin(&stage);
    refusal.without_memory = true;
    stage_sends(&stage, "x");
    expect_int("what say_last_word returns", -ENOMEM, refusal.answer);
    expect_int("how often the protocol before was released", 0, refusal.released);
    expect(!transport_is_closing(stage.transport), "the connection to be open", "it is being closed");
    expect(stage_hears_nothing(&stage), "nothing to be said", "something was, or the connection was ended");
    stage_end(&stage);
}

static const struct grader_test tests[] = {
    GRADER_TEST(the_client_may_go_on_sending),
    GRADER_TEST(our_end_follows_the_word),
    GRADER_TEST(it_closes_when_the_client_ends),
    GRADER_TEST(more_than_most_bytes_is_the_end),
    GRADER_TEST(silence_ends_when_the_time_is_over),
    GRADER_TEST(a_trickle_buys_no_time),
    GRADER_TEST(a_client_that_never_reads_is_dropped_in_time),
    GRADER_TEST(one_that_ends_and_never_reads_is_dropped_too),
    GRADER_TEST(the_protocol_before_is_gone_at_once),
    GRADER_TEST(a_client_that_vanishes_leaves_nothing),
    GRADER_TEST(a_loop_that_closes_meanwhile_leaves_nothing),
    GRADER_TEST(without_memory_nothing_has_happened),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
