/* Exercise 8.1: an answer is complete, it comes, and it comes once. */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "grader.h"
#include "turns.h"

/* What came of one question. */
struct heard {
    bool told;
    int times, returncode;
    bool cut;
    size_t size;
    char output[200]; /* its beginning */
};

static void take(struct answer *answer)
{
    struct heard *heard = answer->context;
    size_t size = answer->size < sizeof heard->output ? answer->size : sizeof heard->output - 1;
    heard->told = true;
    heard->times++;
    heard->returncode = answer->returncode;
    heard->cut = answer->cut;
    heard->size = answer->size;
    if (size > 0)
        memcpy(heard->output, answer->output, size);
    heard->output[size] = '\0';
}

/* Asks, and waits until it is told, or the seconds are over; looks for a while whether it is told again. */
static struct heard ask(const char *command, double grace, double seconds)
{
    struct heard heard = {.times = 0};
    struct answer answer = {.told = take, .context = &heard};
    struct loop *loop = loop_create(NULL);
    did("asked the shell %s with a grace of %g s", quoted(command, strlen(command)), grace);
    int failed = answer_ask(&answer, loop, command, grace);
    if (failed == 0) {
        if (turn_until(loop, &heard.told, seconds))
            turn_for(loop, 0.02);
        answer_clear(&answer);
    }
    loop_free(loop);
    expect_int("what answer_ask returned", 0, failed);
    expect(heard.told, "the answer to be told", "nothing within %g s", seconds);
    expect_int("how often it was told", 1, heard.times);
    return heard;
}

static void a_short_answer_comes_at_once(void)
{
    struct heard heard = ask("echo 42", 1000, patience());
    expect_text("the output", "42\n", heard.output);
    expect(!heard.cut, "the answer not to be called cut", "it was");
}

static void the_return_code_is_the_commands(void)
{
    expect_int("the return code", 3, ask("exit 3", 1000, patience()).returncode);
    expect_int("the return code", -9, ask("kill -9 $$", 1000, patience()).returncode);
    expect_int("the return code of a command that closes its output, and ends a moment later", 5,
        ask("exec >&-; sleep 0.3; exit 5", 1000, patience()).returncode);
}

static void a_long_answer_is_complete(void)
{
    struct heard heard = ask("head -c 1000000 /dev/zero", 1000, patience());
    expect_int("the number of bytes", 1000000, (long long)heard.size);
}

/* The grandchild waits until its parent is no process any more, so that its words come behind the news of it. */
static void what_a_grandchild_writes_late_belongs_to_it(void)
{
    struct heard heard = ask(
        "(while kill -0 $$; do sleep 0.01; done; echo late) 2>/dev/null & echo early", 1000, patience());
    expect_text("the output", "early\nlate\n", heard.output);
    expect(!heard.cut, "the answer not to be called cut", "it was");
}

static void an_output_that_is_held_is_cut(void)
{
    struct heard heard = ask("sleep 5 2>/dev/null & sleep 0.2; echo hello; exit 4", 0.05, under_valgrind() ? 4 : 2);
    expect_text("the output", "hello\n", heard.output);
    expect(heard.cut, "the answer to be called cut", "it was not");
    expect_int("the return code", 4, heard.returncode);
}

static const struct grader_test tests[] = {
    GRADER_TEST(a_short_answer_comes_at_once),
    GRADER_TEST(the_return_code_is_the_commands),
    GRADER_TEST(a_long_answer_is_complete),
    GRADER_TEST(what_a_grandchild_writes_late_belongs_to_it),
    GRADER_TEST(an_output_that_is_held_is_cut),
};

int main(int argc, char **argv)
{
    return grader_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
