/* grader.c: runs tests under CUnit and tells what happened: to a person at the terminal, or as a record through a
   private socket.

   grader                   all tests, each in a process of its own
   grader NAME ...          these
   grader --here NAME       this one in this process, for a debugger
   grader --list            their names
   grader --record FD NAME  for the one who grades: reads a nonce from the socket FD, and sends lines `NONCE KIND TEXT`

   A record without its last line, `end`, is that of a test that did not come to its end, whatever its exit status. */
#include "grader.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"

enum { TEXT_ROOM = 4000,
    SHOWN = 400,
    MOST_DESCRIPTORS = 1100 };

static struct {
    int record; /* the private socket, or -1 */
    char nonce[80];
    bool failed, over;
    unsigned char was_open[MOST_DESCRIPTORS];
} grader = {.record = -1};

double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The one who grades says how it runs; by hand, Valgrind shows in the environment. */
bool under_valgrind(void)
{
    const char *mode = getenv("WEFT_MODE"), *preload = getenv("LD_PRELOAD"), *wrapper = getenv("WEFT_WRAP");
    return (mode != NULL && strcmp(mode, "valgrind") == 0) ||
        (preload != NULL && strstr(preload, "vgpreload") != NULL) ||
        (wrapper != NULL && strstr(wrapper, "valgrind") != NULL);
}

double patience(void)
{
    const char *mode = getenv("WEFT_MODE");
    if (under_valgrind())
        return 30;
    return mode != NULL && strcmp(mode, "sanitizers") == 0 ? 10 : 5;
}

/* ---- the record */

static void send_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = sendto(grader.record, text, size, MSG_NOSIGNAL, NULL, 0);
        if (sent <= 0)
            return;
        text += sent;
        size -= (size_t)sent;
    }
}

static void record(const char *kind, const char *text)
{
    char line[2 * TEXT_ROOM + 200];
    size_t length = (size_t)snprintf(line, sizeof line, "%s %s ", grader.nonce, kind);
    if (grader.record < 0) {
        printf("    %-9s%s\n", kind, text);
        return;
    }
    for (; *text != '\0' && length + 3 < sizeof line; text++) {
        if (*text == '\n' || *text == '\\')
            line[length++] = '\\';
        line[length++] = *text == '\n' ? 'n' : *text;
    }
    line[length++] = '\n';
    send_all(line, length);
}

void grader_note(const char *kind, const char *text)
{
    record(kind, text);
}

/* Takes the nonce from the socket and hides the socket where nobody closes it by chance. */
static void open_record(const char *number)
{
    int given = atoi(number);
    size_t length = 0;
    while (length + 1 < sizeof grader.nonce && recvfrom(given, grader.nonce + length, 1, 0, NULL, NULL) == 1 &&
        grader.nonce[length] != '\n')
        length++;
    grader.nonce[length] = '\0';
    grader.record = fcntl(given, F_DUPFD_CLOEXEC, 200);
    if (grader.record >= 0)
        close(given);
    else
        grader.record = given;
}

/* ---- the story */

void did(const char *format, ...)
{
    char text[TEXT_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    record("did", text);
}

/* CUnit leaves the test with a jump when `holds` is false. */
static void judge(bool holds, const char *expected, const char *got)
{
    if (!holds) {
        grader.failed = true;
        record("expected", expected);
        record("got", got);
    }
    CU_assertImplementation(holds, 1, expected, "grader", "", CU_TRUE);
}

void expect(bool holds, const char *expected, const char *got, ...)
{
    char text[TEXT_ROOM];
    va_list arguments;
    va_start(arguments, got);
    vsnprintf(text, sizeof text, got, arguments);
    va_end(arguments);
    judge(holds, expected, text);
}

void expect_int(const char *what, long long expected, long long got)
{
    char wanted[TEXT_ROOM], text[40];
    snprintf(wanted, sizeof wanted, "%s to be %lld", what, expected);
    snprintf(text, sizeof text, "%lld", got);
    judge(expected == got, wanted, text);
}

void expect_between(const char *what, double least, double most, double got)
{
    char wanted[TEXT_ROOM], text[40];
    snprintf(wanted, sizeof wanted, "%s to be between %g and %g", what, least, most);
    snprintf(text, sizeof text, "%g", got);
    judge(!isnan(got) && got >= least && got <= most, wanted, text);
}

const char *quoted(const void *data, size_t size)
{
    static char buffers[4][SHOWN * 4 + 60];
    static size_t turn;
    char *buffer = buffers[turn++ % 4], *out = buffer;
    const unsigned char *bytes = data;
    if (data == NULL)
        return "nothing (NULL)";
    *out++ = '"';
    for (size_t i = 0; i < size && i < SHOWN; i++) {
        if (bytes[i] == '\n')
            out += sprintf(out, "\\n");
        else if (bytes[i] == '\r')
            out += sprintf(out, "\\r");
        else if (bytes[i] == '"' || bytes[i] == '\\')
            out += sprintf(out, "\\%c", bytes[i]);
        else if (bytes[i] < 32 || bytes[i] > 126)
            out += sprintf(out, "\\x%02x", bytes[i]);
        else
            *out++ = (char)bytes[i];
    }
    out += sprintf(out, size > SHOWN ? "\"... (%zu bytes)" : "\"", size);
    return buffer;
}

void expect_text(const char *what, const char *expected, const char *got)
{
    expect_bytes(what, expected, strlen(expected), got, got == NULL ? 0 : strlen(got));
}

void expect_bytes(const char *what, const void *expected, size_t expected_size, const void *got, size_t got_size)
{
    char wanted[TEXT_ROOM];
    bool same = got != NULL && expected_size == got_size && memcmp(expected, got, got_size) == 0;
    snprintf(wanted, sizeof wanted, "%s to be %s", what, quoted(expected, expected_size));
    judge(same, wanted, quoted(got, got_size));
}

void expect_contains(const char *what, const char *part, const char *got)
{
    char wanted[TEXT_ROOM];
    snprintf(wanted, sizeof wanted, "%s to contain %s", what, quoted(part, strlen(part)));
    judge(got != NULL && strstr(got, part) != NULL, wanted, quoted(got, got == NULL ? 0 : strlen(got)));
}

/* ---- one test */

static void look_at_descriptors(unsigned char *open)
{
    struct pollfd entries[MOST_DESCRIPTORS];
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        entries[i] = (struct pollfd){.fd = i};
    memset(open, 0, MOST_DESCRIPTORS);
    for (int start = 0; start < MOST_DESCRIPTORS; start += 100)
        if (poll(entries + start, 100, 0) >= 0)
            for (int i = start; i < start + 100; i++)
                open[i] = (entries[i].revents & POLLNVAL) == 0;
}

static void before(void)
{
    look_at_descriptors(grader.was_open);
    faults_end();
}

static void after(void)
{
    unsigned char open[MOST_DESCRIPTORS];
    int left = 0;
    char text[60];
    faults_end();
    programs_end(!grader.failed);
    grader.over = true;
    if (grader.failed)
        return;
    look_at_descriptors(open);
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        left += open[i] && !grader.was_open[i] ? 1 : 0;
    if (left > 0) {
        grader.failed = true;
        snprintf(text, sizeof text, "%d left open", left);
        record("expected", "every descriptor to be closed at the end");
        record("got", text);
    }
}

/* Runs the test; its record ends here. */
static bool run(const struct grader_test *test)
{
    char name[200];
    snprintf(name, sizeof name, "%s", test->name);
    if (CU_initialize_registry() != CUE_SUCCESS)
        return false;
    CU_pSuite suite = CU_add_suite_with_setup_and_teardown("grader", NULL, NULL, before, after);
    if (suite == NULL || CU_add_test(suite, name, test->function) == NULL || CU_run_all_tests() != CUE_SUCCESS)
        return false;
    bool passed = grader.over && !grader.failed && CU_get_number_of_failures() == 0 &&
        CU_get_number_of_tests_run() == 1;
    CU_cleanup_registry();
    if (grader.record >= 0)
        record("end", passed ? "passed" : "failed");
    return passed;
}

/* ---- at the terminal */

static bool run_apart(const struct grader_test *test)
{
    int status;
    printf("%s\n", test->name);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm((unsigned)(3 * patience()));
        bool passed = run(test);
        fflush(NULL);
        _exit(passed ? 0 : 3);
    }
    while (waitpid(child, &status, 0) != child)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        printf("    %-9s%s\n", "died of", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 3)
        printf("    %-9s%d\n", "ended with status", WEXITSTATUS(status));
    return false;
}

static bool chosen(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

static int run_chosen(int argc, char **argv, const struct grader_test *tests, size_t count)
{
    size_t passed = 0, ran = 0;
    for (size_t i = 0; i < count; i++) {
        if (!chosen(tests[i].name, argc, argv))
            continue;
        ran++;
        passed += run_apart(&tests[i]) ? 1 : 0;
    }
    printf("%zu of %zu passed\n", passed, ran);
    return passed == ran && ran > 0 ? 0 : 1;
}

static const struct grader_test *find(const char *name, const struct grader_test *tests, size_t count)
{
    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(tests[i].name, name) == 0)
            return &tests[i];
    return NULL;
}

int grader_main(int argc, char **argv, const struct grader_test *tests, size_t count)
{
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; i++)
            puts(tests[i].name);
        return 0;
    }
    bool here = argc == 3 && strcmp(argv[1], "--here") == 0;
    bool recorded = argc == 4 && strcmp(argv[1], "--record") == 0;
    if (!here && !recorded)
        return run_chosen(argc, argv, tests, count);
    const struct grader_test *test = find(argv[argc - 1], tests, count);
    if (test == NULL) {
        fprintf(stderr, "grader: there is no test %s\n", argv[argc - 1]);
        return 2;
    }
    if (recorded)
        open_record(argv[2]);
    return run(test) ? 0 : 1;
}
