/* What every program needs to read its command line. */
#include "arguments.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"

struct options {
    bool quiet;
    const char *host, *message, *other;
    int port;
    long count;
    double delay;
};

enum { MOST_WORDS = 16 };
struct command {
    const char *words[MOST_WORDS];
    struct options *options; /* what was read, when the parser says: go on */
};

static int parse(const struct command *command)
{
    struct options *options = command->options;
    char copies[MOST_WORDS][200];
    char *words[MOST_WORDS + 1];
    int count = 0;
    const struct argument arguments[] = {
        {"--quiet", ARGUMENT_FLAG, &options->quiet, "say little"},
        {"--host", ARGUMENT_TEXT, &options->host, "the host to go to"},
        {"--port", ARGUMENT_PORT, &options->port, "the port to go to"},
        {"--count", ARGUMENT_NUMBER, &options->count, "how many"},
        {"--delay", ARGUMENT_SECONDS, &options->delay, "how long"},
        {"MESSAGE", ARGUMENT_OPERAND, &options->message, "what to say"},
        {"OTHER", ARGUMENT_OPERAND, &options->other, "what else to say"},
    };
    for (; command->words[count] != NULL; count++) {
        snprintf(copies[count], sizeof copies[count], "%s", command->words[count]);
        words[count] = copies[count];
    }
    words[count] = NULL;
    int status = arguments_parse(count, words, "Does something.", arguments, sizeof arguments / sizeof *arguments);
    for (int i = 0; i < count; i++) { /* what was read may point into the words */
        if (options->message == copies[i])
            options->message = command->words[i];
        if (options->other == copies[i])
            options->other = command->words[i];
        if (options->host == copies[i])
            options->host = command->words[i];
    }
    return status;
}

static struct options defaults(void)
{
    return (struct options){false, "localhost", "Hello", NULL, 8888, 5, 1.5};
}

static int parse_in_child(void *context)
{
    struct options options = defaults();
    struct command command = *(struct command *)context;
    command.options = &options;
    dup2(2, 1);
    return parse(&command);
}

/* The status, and in `text` what was printed. */
static int outcome(const struct command *command, char *text, size_t room)
{
    struct command copy = *command;
    return in_child(parse_in_child, &copy, text, room);
}

static void check_refused(const char *option, const char *value)
{
    char text[1000];
    struct command command = {{"/some/where/program", option, value}, NULL};
    CHECK_INT(outcome(&command, text, sizeof text), 2);
    CHECK(strchr(text, '\n') == text + strlen(text) - 1); /* one line */
    CHECK_CONTAINS(text, "program: ");
    CHECK_CONTAINS(text, option);
    CHECK(strstr(text, "/some/where") == NULL);
}

static void nothing_given_leaves_the_defaults(void)
{
    struct options options = defaults();
    CHECK_INT(parse(&(struct command){{"program"}, &options}), -1);
    CHECK(!options.quiet);
    CHECK_TEXT(options.host, "localhost");
    CHECK_TEXT(options.message, "Hello");
    CHECK_INT(options.port, 8888);
    CHECK_INT(options.count, 5);
    CHECK(options.delay == 1.5);
}

static void every_kind_is_read(void)
{
    struct options options = defaults();
    CHECK_INT(parse(&(struct command){{"program", "--quiet", "--host", "::1", "Bye", "--port", "0", "--count",
                                          "1000000",
                                          "--delay", "0.25", "now"},
                  &options}),
        -1);
    CHECK(options.quiet);
    CHECK_TEXT(options.host, "::1");
    CHECK_TEXT(options.message, "Bye");
    CHECK_TEXT(options.other, "now");
    CHECK_INT(options.port, 0);
    CHECK_INT(options.count, 1000000);
    CHECK(options.delay == 0.25);
}

static void a_value_may_follow_an_equals_sign(void)
{
    struct options options = defaults();
    CHECK_INT(parse(&(struct command){{"program", "--port=80", "--host=a=b", "Bye"}, &options}), -1);
    CHECK_INT(options.port, 80);
    CHECK_TEXT(options.message, "Bye");
}

static void two_dashes_end_the_options(void)
{
    struct options options = defaults();
    CHECK_INT(parse(&(struct command){{"program", "--quiet", "--", "--port", "-1"}, &options}), -1);
    CHECK(options.quiet);
    CHECK_TEXT(options.message, "--port");
    CHECK_TEXT(options.other, "-1");
    CHECK_INT(options.port, 8888);
}

static void the_highest_port_is_65535(void)
{
    struct options options = defaults();
    CHECK_INT(parse(&(struct command){{"program", "--port", "65535"}, &options}), -1);
    CHECK_INT(options.port, 65535);
}

static void ports_that_are_none_are_refused_in_one_line(void)
{
    static const char *const wrong[] = {"65536", "abc", "-1", "", "80x", "0x50", "8 8", "99999999999999999999", "1.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_refused("--port", wrong[i]);
}

static void the_line_about_a_port_says_what_is_one(void)
{
    char text[1000];
    struct command command = {{"./bin/program", "--port", "65536"}, NULL};
    CHECK_INT(outcome(&command, text, sizeof text), 2);
    CHECK_TEXT(text, "program: --port: 65536 is not a port (0 to 65535)\n");
}

static void numbers_that_are_none_are_refused_in_one_line(void)
{
    static const char *const wrong[] = {"abc", "-1", "", "5x", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_refused("--count", wrong[i]);
}

static void durations_that_are_none_are_refused_in_one_line(void)
{
    static const char *const wrong[] = {"abc", "-1", "", "5s", "nan", "inf", "-0.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_refused("--delay", wrong[i]);
}

static void unknown_options_missing_values_and_too_many_words_are_refused(void)
{
    char text[1000];
    static const struct command wrong[] = {
        {{"program", "--wrong"}, NULL},
        {{"program", "--port"}, NULL},
        {{"program", "--host"}, NULL},
        {{"program", "-x"}, NULL},
        {{"program", "one", "two", "three"}, NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_INT(outcome(&wrong[i], text, sizeof text), 2);
        CHECK(strncmp(text, "program: ", 9) == 0);
        CHECK(strchr(text, '\n') == text + strlen(text) - 1);
    }
    CHECK_INT(outcome(&wrong[0], text, sizeof text), 2);
    CHECK_CONTAINS(text, "--wrong");
}

static void help_names_every_option_and_succeeds(void)
{
    static const char *const parts[] = {"program", "Does something.", "--quiet", "say little", "--host",
        "--port", "--count", "--delay", "the port to go to", "MESSAGE"};
    char text[4000];
    const struct command command = {{"program", "--help"}, NULL};
    CHECK_INT(outcome(&command, text, sizeof text), 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        CHECK_CONTAINS(text, parts[i]);
}

static const struct test tests[] = {
    TEST(nothing_given_leaves_the_defaults),
    TEST(every_kind_is_read),
    TEST(a_value_may_follow_an_equals_sign),
    TEST(two_dashes_end_the_options),
    TEST(the_highest_port_is_65535),
    TEST(ports_that_are_none_are_refused_in_one_line),
    TEST(the_line_about_a_port_says_what_is_one),
    TEST(numbers_that_are_none_are_refused_in_one_line),
    TEST(durations_that_are_none_are_refused_in_one_line),
    TEST(unknown_options_missing_values_and_too_many_words_are_refused),
    TEST(help_names_every_option_and_succeeds),
};
const struct test_group argument_group = TEST_GROUP("arguments", tests);
