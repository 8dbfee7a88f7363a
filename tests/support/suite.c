/* suite.c: tables of tests, run by CUnit, told as stories and written as JUnit XML. */
#include "suite.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

enum { MOST_TESTS = 512,
    MOST_DESCRIPTORS = 1100,
    TRACE_ROOM = 1 << 16,
    MOST_TOLD = 8 };

struct outcome {
    const char *group;
    const char *name;
    char *story; /* NULL: passed */
    double seconds;
};

static struct {
    const char *name;
    bool verbose;
    struct outcome outcomes[MOST_TESTS];
    size_t ended, failed;
    const char *group, *test; /* now running */
    double started;
    unsigned char was_open[MOST_DESCRIPTORS];
    size_t blocks;
    size_t column;
} suite;

static char trace_text[TRACE_ROOM];
static size_t trace_length;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

double patience(void)
{
    return under_valgrind() ? 200 : 20;
}

/* What happened. */

void trace(const char *format, ...)
{
    va_list arguments;
    if (trace_length > 0 && trace_length + 1 < TRACE_ROOM)
        trace_text[trace_length++] = ';';
    va_start(arguments, format);
    int length = vsnprintf(trace_text + trace_length, TRACE_ROOM - trace_length, format, arguments);
    va_end(arguments);
    trace_length += (size_t)length;
    if (trace_length >= TRACE_ROOM)
        trace_length = TRACE_ROOM - 1;
}

void trace_function(void *text)
{
    trace("%s", (const char *)text);
}

void trace_amend(size_t shorter_by, const char *text)
{
    trace_length -= shorter_by;
    int length = snprintf(trace_text + trace_length, TRACE_ROOM - trace_length, "%s", text);
    trace_length += (size_t)length;
    if (trace_length >= TRACE_ROOM)
        trace_length = TRACE_ROOM - 1;
}

const char *traced(void)
{
    return trace_text;
}

void trace_clear(void)
{
    trace_length = 0;
    trace_text[0] = '\0';
}

/* Checks. CUnit copies the text that it is given. */

void check_that(bool holds, const char *condition, const char *file, int line)
{
    CU_assertImplementation(holds, (unsigned)line, condition, file, "", CU_FALSE);
}

void require_that(bool holds, const char *condition, const char *file, int line)
{
    CU_assertImplementation(holds, (unsigned)line, condition, file, "", CU_TRUE);
}

void check_integer(long long actual, long long expected, const char *what, const char *file, int line)
{
    char story[400];
    snprintf(story, sizeof story, "%s: expected %lld, but it was %lld", what, expected, actual);
    CU_assertImplementation(actual == expected, (unsigned)line, story, file, "", CU_FALSE);
}

void check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    char story[3000];
    bool same = actual != NULL && strcmp(actual, expected) == 0;
    snprintf(story, sizeof story, "%s:\n        expected %.1400s\n        but got  %.1400s", what,
        expected[0] ? expected : "(nothing)", actual == NULL ? "NULL" : actual[0] ? actual
                                                                                  : "(nothing)");
    CU_assertImplementation(same, (unsigned)line, story, file, "", CU_FALSE);
}

void check_contains(const char *actual, const char *part, const char *what, const char *file, int line)
{
    char story[3000];
    bool found = actual != NULL && strstr(actual, part) != NULL;
    snprintf(story, sizeof story, "%s:\n        expected ...%.1400s...\n        but got  %.1400s", what, part,
        actual == NULL ? "NULL" : actual);
    CU_assertImplementation(found, (unsigned)line, story, file, "", CU_FALSE);
}

void check_failed(const char *file, int line, const char *format, ...)
{
    char story[3000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(story, sizeof story, format, arguments);
    va_end(arguments);
    CU_assertImplementation(CU_FALSE, (unsigned)line, story, file, "", CU_FALSE);
}

/* Reports. */

static void write_escaped(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '<')
            fputs("&lt;", file);
        else if (byte == '>')
            fputs("&gt;", file);
        else if (byte == '&')
            fputs("&amp;", file);
        else if (byte == '"')
            fputs("&quot;", file);
        else if ((byte < 32 && byte != '\n') || byte > 126)
            fprintf(file, "\\x%02x", byte);
        else
            fputc(byte, file);
    }
}

static void write_junit(void)
{
    const char *folder = getenv("JUNIT_DIR");
    char path[4096];
    double seconds = 0;
    if (folder == NULL || folder[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s/%s.xml", folder, suite.name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot write %s: %s\n", suite.name, path, strerror(errno));
        return;
    }
    for (size_t i = 0; i < suite.ended; i++)
        seconds += suite.outcomes[i].seconds;
    fprintf(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    fprintf(file,
        "<testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" assertions=\"%u\" "
        "time=\"%.3f\">\n",
        suite.name, suite.ended, suite.failed, CU_get_number_of_asserts(), seconds);
    for (size_t i = 0; i < suite.ended; i++) {
        const struct outcome *outcome = &suite.outcomes[i];
        fprintf(file, "  <testcase classname=\"%s.", suite.name);
        write_escaped(file, outcome->group);
        fprintf(file, "\" name=\"%s\" time=\"%.3f\"", outcome->name, outcome->seconds);
        if (outcome->story == NULL) {
            fputs("/>\n", file);
            continue;
        }
        fputs(">\n    <failure message=\"the test failed\">", file);
        write_escaped(file, outcome->story);
        fputs("</failure>\n  </testcase>\n", file);
    }
    fputs("</testsuite>\n</testsuites>\n", file);
    fclose(file);
}

static void tell(const char *group, const char *name, const char *story)
{
    printf("\n    %s, %s:\n    %s\n%s", suite.name, group, name, story);
    suite.column = 0;
}

static void count(char *story)
{
    struct outcome *outcome = &suite.outcomes[suite.ended++];
    *outcome = (struct outcome){suite.group, suite.test, story, now() - suite.started};
    if (story != NULL) {
        suite.failed++;
        tell(suite.group, suite.test, story);
    }
}

static void last_words(void)
{
    write_junit();
    printf("%zu passed, %zu failed\n", suite.ended - suite.failed, suite.failed);
    fflush(stdout);
}

/* A test that hangs or dies takes the suite with it, but not without a word. */
static void end_badly(int number)
{
    static char story[500];
    signal(number, SIG_DFL);
    alarm(5);
    if (suite.test == NULL)
        raise(number);
    if (number == SIGALRM)
        snprintf(story, sizeof story, "      did not end within %.0f seconds. It had come to:\n        %.300s\n",
            patience(), trace_text);
    else
        snprintf(story, sizeof story, "      died of %s. It had come to:\n        %.300s\n",
            number == SIGABRT ? "SIGABRT (an assertion)" : number == SIGSEGV ? "SIGSEGV"
                                                                             : "a signal",
            trace_text);
    count(story);
    last_words();
    _exit(1);
}

static void watch_for_bad_ends(void)
{
    struct sigaction action = {.sa_handler = end_badly};
    sigaction(SIGALRM, &action, NULL);
#if !defined(__SANITIZE_ADDRESS__)
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
#endif
}

static void look_at_descriptors(unsigned char *open)
{
    struct pollfd entries[MOST_DESCRIPTORS];
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        entries[i] = (struct pollfd){.fd = i};
    if (poll(entries, MOST_DESCRIPTORS, 0) < 0)
        memset(open, 0, MOST_DESCRIPTORS);
    else
        for (int i = 0; i < MOST_DESCRIPTORS; i++)
            open[i] = (entries[i].revents & POLLNVAL) == 0;
}

/* What the caller left open is none of ours, and would count against limits. */
static void close_inherited(void)
{
    unsigned char open[MOST_DESCRIPTORS];
    look_at_descriptors(open);
    for (int fd = 3; fd < 300; fd++)
        if (open[fd])
            close(fd);
}

static void before_each(void)
{
    trace_clear();
    kernel_reset();
    suite.blocks = heap_blocks();
    look_at_descriptors(suite.was_open);
    suite.started = now();
    alarm((unsigned)patience());
}

static void after_each(void)
{
    unsigned char open[MOST_DESCRIPTORS];
    char names[200] = "";
    size_t length = 0;
    alarm(0);
    kernel_reset();
    look_at_descriptors(open);
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        if (open[i] && !suite.was_open[i] && length + 12 < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, " %d", i);
    CU_assertImplementation(length == 0, 0, "no descriptor is left open", names, "", CU_FALSE);
    size_t blocks = heap_blocks();
    snprintf(names, sizeof names, "%zu more than before the test", blocks - suite.blocks);
    CU_assertImplementation(blocks == suite.blocks, 0, "no heap block is left behind", names, "", CU_FALSE);
}

static void on_start(const CU_pTest test, const CU_pSuite group)
{
    if (suite.group == NULL || strcmp(suite.group, group->pName) != 0) {
        printf("%s%s %s ", suite.column > 0 ? "\n" : "", suite.name, group->pName);
        suite.column = strlen(group->pName) + 6;
    }
    suite.group = group->pName;
    suite.test = test->pName;
    if (suite.verbose)
        printf("\n    %s ", suite.test);
    fflush(stdout);
}

static void on_complete(const CU_pTest test, const CU_pSuite group, const CU_pFailureRecord first)
{
    char *story = NULL;
    size_t size = 0;
    (void)test;
    (void)group;
    if (first != NULL) {
        FILE *file = open_memstream(&story, &size);
        int told = 0;
        for (CU_pFailureRecord record = first; record != NULL; record = record->pNext) {
            if (++told > MOST_TOLD)
                continue;
            if (record->uiLineNumber == 0)
                fprintf(file, "      %s, but:%s\n", record->strCondition, record->strFileName);
            else
                fprintf(file, "      %s:%u: %s\n", record->strFileName, record->uiLineNumber, record->strCondition);
        }
        if (told > MOST_TOLD)
            fprintf(file, "      (and %d more)\n", told - MOST_TOLD);
        fclose(file);
    }
    count(story);
    if (story == NULL)
        printf(".");
    suite.column++;
    fflush(stdout);
    suite.test = NULL;
}

static bool chosen(const char *name, int argc, char **argv)
{
    bool any = true;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        if (strstr(name, argv[i]) != NULL)
            return true;
        any = false;
    }
    return any;
}

static bool has_flag(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

static void register_group(const struct test_group *group, int argc, char **argv)
{
    CU_pSuite added = NULL;
    for (size_t i = 0; i < group->count; i++) {
        if (!chosen(group->tests[i].name, argc, argv))
            continue;
        if (added == NULL)
            added = CU_add_suite_with_setup_and_teardown(group->name, NULL, NULL, before_each, after_each);
        if (added == NULL || CU_add_test(added, group->tests[i].name, group->tests[i].function) == NULL) {
            fprintf(stderr, "%s: cannot register %s: %s\n", suite.name, group->tests[i].name, CU_get_error_msg());
            exit(1);
        }
    }
}

int suite_main(const char *name, const struct test_group *const *groups, size_t count, int argc, char **argv)
{
    suite.name = name;
    suite.verbose = has_flag(argc, argv, "-v");
    if (has_flag(argc, argv, "-l")) {
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < groups[i]->count; j++)
                printf("%s\n", groups[i]->tests[j].name);
        return 0;
    }
    if (CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "%s: CUnit does not start: %s\n", name, CU_get_error_msg());
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        register_group(groups[i], argc, argv);
    close_inherited();
    watch_for_bad_ends();
    CU_set_test_start_handler(on_start);
    CU_set_test_complete_handler(on_complete);
    CU_run_all_tests();
    printf("\n%s: %u checks in %zu tests\n", name, CU_get_number_of_asserts(), suite.ended);
    last_words();
    CU_cleanup_registry();
    for (size_t i = 0; i < suite.ended; i++)
        free(suite.outcomes[i].story);
    return suite.failed > 0 || suite.ended == 0;
}

/* The child ends by SIGKILL, so that no tool looks for the leaks of a process that is half a copy. */
static void live_as_child(int (*function)(void *), void *context, int standard_error, int answer)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    alarm((unsigned)patience());
    dup2(standard_error, 2);
    close(standard_error);
    int status = function(context);
    fflush(NULL);
    while (write(answer, &status, sizeof status) < 0 && errno == EINTR)
        continue;
    raise(SIGKILL);
}

static void read_all(int fd, char *text, size_t room)
{
    char piece[512];
    size_t length = 0;
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got && length + 1 < room; i++)
            text[length++] = piece[i];
    }
    if (room > 0)
        text[length] = '\0';
}

int in_child(int (*function)(void *), void *context, char *text, size_t room)
{
    int errors[2], answers[2], ended = 0, status;
    fflush(NULL);
    if (pipe(errors) != 0)
        return INT_MIN;
    if (pipe(answers) != 0) {
        close(errors[0]);
        close(errors[1]);
        return INT_MIN;
    }
    pid_t child = fork();
    if (child == 0)
        live_as_child(function, context, errors[1], answers[1]);
    close(errors[1]);
    close(answers[1]);
    read_all(errors[0], text, text == NULL ? 0 : room);
    bool answered = read(answers[0], &status, sizeof status) == (ssize_t)sizeof status;
    close(errors[0]);
    close(answers[0]);
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        continue;
    return answered ? status : WIFSIGNALED(ended) ? -WTERMSIG(ended)
                                                  : INT_MIN;
}
