/* programs.c: the student's program as a child, with pipes for its input and output and a file for its errors. */
#include "grader.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"

enum { MOST_PROGRAMS = 16,
    MOST_WORDS = 64,
    MOST_BUFFERED = 4 << 20,
    MOST_ERROR = 1 << 16 };

struct program {
    pid_t pid;
    int input, output, error;
    int status;
    bool ended, output_ended;
    char *buffer;
    size_t start, length, room;
    char error_text[MOST_ERROR];
};

static struct program *programs[MOST_PROGRAMS];
static size_t program_count;

static void must(bool holds, const char *call)
{
    expect(holds, "the grader to be able to start the program", "%s: %s", call, strerror(errno));
}

/* The words of $WEFT_WRAP, the program, its arguments. */
static void gather(const char **words, const char *const *arguments, char *wrapper)
{
    size_t count = 0;
    for (char *word = strtok(wrapper, " "); word != NULL && count < MOST_WORDS / 2; word = strtok(NULL, " "))
        words[count++] = word;
    words[count++] = getenv("WEFT_PROGRAM");
    for (; *arguments != NULL && count < MOST_WORDS - 1; arguments++)
        words[count++] = *arguments;
    words[count] = NULL;
}

static void become(const char *const *arguments, const int input[2], const int output[2], int error)
{
    const char *words[MOST_WORDS];
    static char wrapper[4096];
    sigset_t none;
    snprintf(wrapper, sizeof wrapper, "%s", getenv("WEFT_WRAP") != NULL ? getenv("WEFT_WRAP") : "");
    gather(words, arguments, wrapper);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(input[0], 0) < 0 || dup2(output[1], 1) < 0 || dup2(error, 2) < 0)
        _exit(126);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    union {
        const char **constant;
        char **argument;
    } argv = {words};
    execvp(words[0], argv.argument);
    _exit(127);
}

static int error_file(void)
{
    char path[] = "/tmp/stderr-XXXXXX", here[] = "stderr-XXXXXX";
    int fd = mkstemp(here);
    if (fd >= 0) {
        unlink(here);
        return fd;
    }
    fd = mkstemp(path);
    must(fd >= 0, "mkstemp");
    unlink(path);
    return fd;
}

struct program *program_start_with(const char *const *arguments)
{
    int input[2], output[2];
    expect(getenv("WEFT_PROGRAM") != NULL, "WEFT_PROGRAM to name the program", "it is not set");
    expect(program_count < MOST_PROGRAMS, "few programs in one test", "%d", MOST_PROGRAMS);
    must(pipe(input) == 0 && pipe(output) == 0, "pipe");
    struct program *program = calloc(1, sizeof *program);
    must(program != NULL, "calloc");
    program->error = error_file();
    fcntl(input[1], F_SETFD, FD_CLOEXEC);
    fcntl(output[0], F_SETFD, FD_CLOEXEC);
    fcntl(program->error, F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    program->pid = fork();
    must(program->pid >= 0, "fork");
    if (program->pid == 0)
        become(arguments, input, output, program->error);
    close(input[0]);
    close(output[1]);
    program->input = input[1];
    program->output = output[0];
    programs[program_count++] = program;
    return program;
}

struct program *program_start(const char *argument, ...)
{
    const char *arguments[MOST_WORDS / 2];
    size_t count = 0;
    va_list rest;
    va_start(rest, argument);
    for (; argument != NULL && count + 1 < sizeof arguments / sizeof *arguments; argument = va_arg(rest, const char *))
        arguments[count++] = argument;
    va_end(rest);
    arguments[count] = NULL;
    return program_start_with(arguments);
}

static bool wait_for(int fd, bool to_write, double end)
{
    fd_set set;
    double left = end - seconds_now();
    struct timespec time = {0};
    FD_ZERO(&set);
    FD_SET(fd, &set);
    if (left > 0) {
        time.tv_sec = (time_t)left;
        time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
    }
    return pselect(fd + 1, to_write ? NULL : &set, to_write ? &set : NULL, NULL, &time, NULL) > 0;
}

void program_write(struct program *program, const void *data, size_t size)
{
    double end = seconds_now() + patience();
    const char *rest = data;
    fcntl(program->input, F_SETFL, O_NONBLOCK);
    while (size > 0) {
        ssize_t written = write(program->input, rest, size);
        if (written > 0) {
            rest += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            bool ready = wait_for(program->input, true, end);
            expect(ready || seconds_now() < end, "the program to read its standard input",
                "%zu bytes could not be written within %.0f seconds", size, patience());
        } else if (errno != EINTR) {
            expect(false, "the program to read its standard input", "%s", strerror(errno));
        }
    }
}

void program_say(struct program *program, const char *text)
{
    program_write(program, text, strlen(text));
}

void program_end_input(struct program *program)
{
    if (program->input >= 0)
        close(program->input);
    program->input = -1;
}

static bool make_room(struct program *program)
{
    if (program->start > 0) {
        memmove(program->buffer, program->buffer + program->start, program->length);
        program->start = 0;
    }
    if (program->length + 1 < program->room)
        return true;
    size_t room = program->room == 0 ? 4096 : 2 * program->room;
    expect(room <= MOST_BUFFERED, "lines of output", "more than %d bytes without an end of line", MOST_BUFFERED / 2);
    char *larger = realloc(program->buffer, room);
    must(larger != NULL, "realloc");
    program->buffer = larger;
    program->room = room;
    return true;
}

/* Adds what the program has written to the buffer; false at the end, or when the time is over. */
static bool fill(struct program *program, double end)
{
    if (program->output_ended)
        return false;
    make_room(program);
    while (!wait_for(program->output, false, end))
        if (seconds_now() >= end)
            return false;
    ssize_t count = read(program->output, program->buffer + program->length, program->room - program->length - 1);
    if (count <= 0) {
        program->output_ended = count == 0 || errno != EINTR;
        return !program->output_ended;
    }
    program->length += (size_t)count;
    return true;
}

const char *program_read_line_within(struct program *program, double seconds)
{
    double end = seconds_now() + seconds;
    for (;;) {
        char *line = program->buffer + program->start;
        char *stop = program->length > 0 ? memchr(line, '\n', program->length) : NULL;
        if (stop != NULL) {
            *stop = '\0';
            size_t used = (size_t)(stop - line) + 1;
            program->start += used;
            program->length -= used;
            return line;
        }
        if (fill(program, end))
            continue;
        if (!program->output_ended || program->length == 0)
            return NULL;
        line = program->buffer + program->start; /* a last line without an end */
        line[program->length] = '\0';
        program->length = 0;
        return line;
    }
}

const char *program_read_line(struct program *program)
{
    return program_read_line_within(program, patience());
}

size_t program_read(struct program *program, void *data, size_t size)
{
    double end = seconds_now() + patience();
    size_t got = 0;
    while (got < size) {
        size_t part = program->length < size - got ? program->length : size - got;
        if (part > 0) {
            memcpy((char *)data + got, program->buffer + program->start, part);
            program->start += part;
            program->length -= part;
            got += part;
        } else if (!fill(program, end)) {
            break;
        }
    }
    return got;
}

bool program_ended_output(struct program *program)
{
    double end = seconds_now() + patience();
    while (program->length == 0 && fill(program, end))
        continue;
    return program->length == 0 && program->output_ended;
}

const char *program_error(struct program *program)
{
    ssize_t count = pread(program->error, program->error_text, sizeof program->error_text - 1, 0);
    program->error_text[count > 0 ? count : 0] = '\0';
    return program->error_text;
}

void program_signal(struct program *program, int number)
{
    if (!program->ended)
        kill(program->pid, number);
}

static bool has_ended(struct program *program)
{
    int status;
    if (!program->ended && waitpid(program->pid, &status, WNOHANG) == program->pid) {
        program->ended = true;
        program->status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
        if (program->status == -SIGXCPU)
            grader_note("time", "the program computed without an end");
    }
    return program->ended;
}

static bool ends_within(struct program *program, double seconds)
{
    double end = seconds_now() + seconds;
    while (!has_ended(program) && seconds_now() < end)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    return has_ended(program);
}

int program_wait(struct program *program)
{
    return ends_within(program, patience()) ? program->status : -1000;
}

int program_port(struct program *program)
{
    const char *line = program_read_line(program), *comma = line == NULL ? NULL : strrchr(line, ',');
    int port = comma == NULL || strncmp(line, "Serving on", 10) != 0 ? 0 : atoi(comma + 1);
    expect(port > 0, "the line Serving on ('127.0.0.1', PORT)", "%s%s%s", line == NULL ? "nothing" : line,
        program_error(program)[0] ? "; on standard error: " : "", program_error(program));
    return port;
}

int program_pid(const struct program *program)
{
    return (int)program->pid;
}

size_t program_resident(const struct program *program)
{
    char path[64];
    unsigned long total = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)program->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

int program_open_descriptors(const struct program *program)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)program->pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += isdigit((unsigned char)entry->d_name[0]) ? 1 : 0;
    closedir(folder);
    return count;
}

/* UBSan writes to standard error. */
static void note_undefined_behaviour(struct program *program)
{
    const char *report = strstr(program_error(program), "runtime error: ");
    if (report == NULL)
        return;
    while (report > program->error_text && report[-1] != '\n')
        report--;
    grader_note("errors", report);
}

void programs_end(bool kindly)
{
    for (size_t i = 0; i < program_count; i++) {
        struct program *program = programs[i];
        if (kindly && !has_ended(program)) {
            kill(program->pid, SIGINT);
            ends_within(program, patience() / 4);
        }
        if (!has_ended(program)) {
            kill(program->pid, SIGKILL);
            ends_within(program, patience());
        }
        note_undefined_behaviour(program);
        program_end_input(program);
        close(program->output);
        close(program->error);
        free(program->buffer);
        free(program);
    }
    program_count = 0;
}
