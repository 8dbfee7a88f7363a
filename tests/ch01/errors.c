/* Errors: immutable, counted, with the text that a user reads. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "groups.h"
#include "kernel.h"

static void an_error_of_the_system_says_what_python_says(void)
{
    struct error *error = error_from_errno(ECONNREFUSED);
    CHECK_TEXT(error->text, "[Errno 111] Connection refused");
    CHECK_INT(error->code, ECONNREFUSED);
    CHECK(error->domain == &error_os);
    CHECK(error_is(error, &error_os, ECONNREFUSED));
    CHECK(!error_is(error, &error_os, EPIPE));
    CHECK(!error_is(error, &error_application, ECONNREFUSED));
    CHECK(!error_is(NULL, &error_os, ECONNREFUSED));
    error_release(error);
}

static void an_error_of_the_system_may_have_a_text_of_its_own(void)
{
    struct error *error = error_from_errno_with(ECONNREFUSED, "Connect call failed ('%s', %d)", "127.0.0.1", 1);
    CHECK_TEXT(error->text, "[Errno 111] Connect call failed ('127.0.0.1', 1)");
    CHECK(error_is(error, &error_os, ECONNREFUSED));
    error_release(error);
}

static void a_program_makes_errors_of_its_own(void)
{
    struct error *error = error_new(&error_application, 42, "the %s is %d", "answer", 42);
    CHECK_TEXT(error->text, "the answer is 42");
    CHECK(error_is(error, &error_application, 42));
    error_release(error);
}

static void an_error_lives_until_its_last_reference_goes(void)
{
    size_t before = heap_blocks();
    struct error *error = error_new(&error_application, 1, "x");
    CHECK(error_retain(error) == error);
    error_release(error);
    CHECK_TEXT(error->text, "x");
    CHECK(heap_blocks() > before);
    error_release(error);
    CHECK_INT(heap_blocks(), before);
}

static void no_error_can_be_retained_and_released(void)
{
    CHECK(error_retain(NULL) == NULL);
    error_release(NULL);
}

static void without_memory_there_is_still_an_error(void)
{
    for (unsigned after = 0; after < 3; after++) {
        kernel_fail(KERNEL_MEMORY, ENOMEM, after, 1);
        struct error *error = error_new(&error_application, 1, "%s", "some text");
        bool failed = kernel_failed(KERNEL_MEMORY);
        kernel_fail(KERNEL_MEMORY, 0, 0, 0);
        REQUIRE(error != NULL);
        if (!failed) {
            error_release(error);
            return;
        }
        CHECK(error_is(error, &error_os, ENOMEM));
        CHECK(error->text != NULL && error->text[0] != '\0');
        for (int i = 0; i < 5; i++)
            CHECK(error_retain(error) == error);
        for (int i = 0; i < 6; i++)
            error_release(error);
        error_release(error_retain(error));
    }
}

static void a_long_text_is_kept_whole(void)
{
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct error *error = error_new(&error_application, 1, "<%s>", text);
    CHECK_INT(strlen(error->text), sizeof text + 1);
    CHECK(error->text[strlen(error->text) - 1] == '>');
    error_release(error);
}

static const struct test tests[] = {
    TEST(an_error_of_the_system_says_what_python_says),
    TEST(an_error_of_the_system_may_have_a_text_of_its_own),
    TEST(a_program_makes_errors_of_its_own),
    TEST(an_error_lives_until_its_last_reference_goes),
    TEST(no_error_can_be_retained_and_released),
    TEST(without_memory_there_is_still_an_error),
    TEST(a_long_text_is_kept_whole),
};
const struct test_group error_group = TEST_GROUP("errors", tests);
