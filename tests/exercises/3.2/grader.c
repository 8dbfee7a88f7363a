/* 3.2, a patient half-close. The clock is the test's: no second of it is waited for. */
#include "patient.h"
#include "stage.h"

/* Beats at 0.75 and 1.5 seconds after the end of the input, the answer at 2. */
static struct patient shared = {.delay = 2, .beat = 0.75};

static void begin(struct stage *stage)
{
    stage_begin(stage);
    stage_connect(stage, patient_protocol(&shared));
}

static void the_answer_counts_every_byte(void)
{
    struct stage stage;
    did("sent \"hello \" and \"world\", ended, and let 2 seconds pass (a beat is 0.75)");
    begin(&stage);
    stage_sends(&stage, "hello ");
    stage_sends(&stage, "world");
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.5);
    expect_text("what the client reads", "..11 bytes\n", stage_hears(&stage, 11));
    expect(stage_hears_end(&stage), "the end of the stream behind the answer", "none came");
    stage_end(&stage);
}

static void no_input_is_0_bytes(void)
{
    struct stage stage;
    did("ended without a byte, and let 2 seconds pass (a beat is 0.75)");
    begin(&stage);
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.5);
    expect_text("what the client reads", "..0 bytes\n", stage_hears(&stage, 10));
    stage_end(&stage);
}

static void each_beat_is_a_sign_of_life(void)
{
    struct stage stage;
    did("sent \"x\" and ended");
    begin(&stage);
    stage_sends(&stage, "x");
    stage_peer_ends(&stage);
    expect(stage_hears_nothing(&stage), "silence before the first beat", "something came, or the end of the stream");
    did("let one beat pass");
    stage_advance(&stage, 0.75);
    expect_text("what the client reads", ".", stage_hears(&stage, 1));
    expect(stage_hears_nothing(&stage), "silence until the second beat", "something came, or the end of the stream");
    did("let another beat pass");
    stage_advance(&stage, 0.75);
    expect_text("what the client reads", ".", stage_hears(&stage, 1));
    stage_end(&stage);
}

static void the_answer_does_not_come_early(void)
{
    struct stage stage;
    did("sent \"x\", ended, and let 1.5 seconds of the 2 pass");
    begin(&stage);
    stage_sends(&stage, "x");
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    expect_text("what the client reads", "..", stage_hears(&stage, 2));
    expect(stage_hears_nothing(&stage), "no answer yet", "something came, or the end of the stream");
    expect(!transport_is_closing(stage.transport), "the connection to be open still", "it was closed");
    stage_end(&stage);
}

static void the_delay_begins_at_the_end_of_the_input(void)
{
    struct stage stage;
    did("let 10 seconds pass, sent \"abc\", let 10 seconds pass, and only then ended");
    begin(&stage);
    stage_advance(&stage, 10);
    stage_sends(&stage, "abc");
    stage_advance(&stage, 10);
    expect(stage_hears_nothing(&stage), "nothing to be said before the input ends", "something came");
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.5);
    expect_text("what the client reads", "..3 bytes\n", stage_hears(&stage, 10));
    stage_end(&stage);
}

static void after_the_answer_the_connection_is_closed(void)
{
    struct stage stage;
    did("sent \"x\", ended, and let 2 seconds pass");
    begin(&stage);
    stage_sends(&stage, "x");
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.5);
    expect_text("what the client reads", "..1 bytes\n", stage_hears(&stage, 10));
    expect(transport_is_closing(stage.transport), "transport_close to have been called", "the connection stays open");
    expect(stage_is_lost(&stage), "connection_lost", "it never came");
    did("let 10 more seconds pass");
    stage_advance(&stage, 10);
    stage_end(&stage);
}

static void a_client_that_vanishes_is_noticed_before_the_answer(void)
{
    struct stage stage;
    did("sent \"x\", ended, and reset the connection during the wait");
    begin(&stage);
    stage_sends(&stage, "x");
    stage_peer_ends(&stage);
    expect(!transport_is_closing(stage.transport), "the connection to stay open after the end of the input",
        "it was closed");
    close_with_reset(stage.peer);
    stage.peer = -1;
    stage_advance(&stage, 0.75);
    stage_advance(&stage, 0.75);
    expect(stage_is_lost(&stage), "connection_lost after the second beat at the latest", "it never came");
    did("let the time of the answer come");
    stage_advance(&stage, 10);
    stage_end(&stage);
}

static void two_clients_wait_side_by_side(void)
{
    struct stage stage;
    int second[2];
    did("let two clients end, one second after the other");
    begin(&stage);
    tcp_pair(second);
    struct protocol *protocol = patient_protocol(&shared);
    expect(socket_transport_create(stage.loop, second[0], protocol, NULL) != NULL, "a second transport", "none");
    stage_turn(&stage);
    stage_sends(&stage, "first");
    stage_peer_ends(&stage);
    stage_advance(&stage, 1);
    send_text(second[1], "the second");
    end_sending(second[1]);
    stage_turn(&stage);
    stage_advance(&stage, 0.5);
    stage_advance(&stage, 0.5);
    expect_text("what the first reads", "..5 bytes\n", stage_hears(&stage, 10));
    close_socket(stage.peer);
    stage.peer = second[1];
    stage_advance(&stage, 0.5);
    stage_advance(&stage, 0.5);
    expect_text("what the second reads", "..10 bytes\n", stage_hears(&stage, 11));
    stage_end(&stage);
}

static void a_loop_that_closes_meanwhile_leaves_nothing(void)
{
    struct stage stage;
    did("ended, waited for one beat, and closed the loop");
    begin(&stage);
    stage_peer_ends(&stage);
    stage_advance(&stage, 0.75);
    expect_text("what the client reads", ".", stage_hears(&stage, 1));
    stage_end(&stage);
}

static const struct grader_test tests[] = {
    GRADER_TEST(the_answer_counts_every_byte),
    GRADER_TEST(no_input_is_0_bytes),
    GRADER_TEST(each_beat_is_a_sign_of_life),
    GRADER_TEST(the_answer_does_not_come_early),
    GRADER_TEST(the_delay_begins_at_the_end_of_the_input),
    GRADER_TEST(after_the_answer_the_connection_is_closed),
    GRADER_TEST(a_client_that_vanishes_is_noticed_before_the_answer),
    GRADER_TEST(two_clients_wait_side_by_side),
    GRADER_TEST(a_loop_that_closes_meanwhile_leaves_nothing),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
