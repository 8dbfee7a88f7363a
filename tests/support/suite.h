/* suite.h: one executable a chapter. A suite is tables of tests; CUnit runs them, and this says what happened. */
#ifndef SUITE_H
#define SUITE_H
#include <stdbool.h>
#include <stddef.h>

struct test {
    const char *name; /* a sentence, with underscores */
    void (*function)(void);
};

struct test_group {
    const char *name;
    const struct test *tests;
    size_t count;
};

#define TEST(function) \
    { \
#function, function \
    }
#define TEST_GROUP(name, table) \
    { \
        name, table, sizeof(table) / sizeof *(table) \
    }

/* Runs the groups and returns the exit status of main: 0, or 1 when a test failed. Arguments: -v names each test,
   -l lists them, anything else chooses the tests whose name contains it. With JUNIT_DIR in the environment
   it writes NAME.xml there. */
int suite_main(const char *name, const struct test_group *const *groups, size_t count, int argc, char **argv);

/* A check that fails is written down with its story, and the test goes on; REQUIRE ends the test. */
#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define REQUIRE(condition) require_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected) \
    check_integer((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_CONTAINS(actual, part) check_contains((actual), (part), #actual, __FILE__, __LINE__)
#define CHECK_TRACE(expected) check_text(traced(), (expected), "what happened", __FILE__, __LINE__)
#define FAIL(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)

void check_that(bool holds, const char *condition, const char *file, int line);
void require_that(bool holds, const char *condition, const char *file, int line);
void check_integer(long long actual, long long expected, const char *what, const char *file, int line);
void check_text(const char *actual, const char *expected, const char *what, const char *file, int line);
void check_contains(const char *actual, const char *part, const char *what, const char *file, int line);
void check_failed(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What happened, event by event, joined by ';'. Emptied before each test. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_function(void *text);                       /* for handles: writes its context down */
void trace_amend(size_t shorter_by, const char *text); /* no event of its own: the last one's end is replaced */
const char *traced(void);
void trace_clear(void);

/* Runs `function` in a child process whose standard error is caught: what it writes there comes into `text`, if given.
   Returns what the function returns, or minus the signal that it died of. */
int in_child(int (*function)(void *), void *context, char *text, size_t room);

/* Seconds that a thing which must happen may take: longer under Valgrind. */
double patience(void);
bool under_valgrind(void);
#endif
