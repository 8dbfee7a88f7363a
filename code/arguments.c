/* arguments.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "arguments.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command_line {
    const char *program;
    const struct argument *arguments;
    size_t count;
    char **next;     /* the rest of argv, which ends with NULL */
    size_t operands; /* how many were taken */
};

enum { GO_ON = -1, WRONG_USE = 2 };

static int complain(const struct command_line *line, const char *name, const char *trouble)
{
    fprintf(stderr, "%s: %s: %s\n", line->program, name, trouble);
    return WRONG_USE;
}

static int complain_of_value(const struct command_line *line, const char *name, const char *text,
    const char *what_it_is_not)
{
    fprintf(stderr, "%s: %s: %s is not %s\n", line->program, name, text, what_it_is_not);
    return WRONG_USE;
}

static bool read_number(const char *text, long highest, long *number)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *number <= highest;
}

static bool read_seconds(const char *text, double *seconds)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    *seconds = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*seconds);
}

static int take_port(const struct command_line *line, const struct argument *argument, const char *text)
{
    long port;
    if (!read_number(text, 65535, &port))
        return complain_of_value(line, argument->name, text, "a port (0 to 65535)");
    *(int *)argument->value = (int)port;
    return GO_ON;
}

static int take_number(const struct command_line *line, const struct argument *argument, const char *text)
{
    if (read_number(text, LONG_MAX, argument->value))
        return GO_ON;
    return complain_of_value(line, argument->name, text, "a number (0 or more)");
}

static int take_seconds(const struct command_line *line, const struct argument *argument, const char *text)
{
    if (read_seconds(text, argument->value))
        return GO_ON;
    return complain_of_value(line, argument->name, text, "a number of seconds (0 or more)");
}

static int take_value(const struct command_line *line, const struct argument *argument, const char *text)
{
    switch (argument->kind) {
    case ARGUMENT_PORT: return take_port(line, argument, text);
    case ARGUMENT_NUMBER: return take_number(line, argument, text);
    case ARGUMENT_SECONDS: return take_seconds(line, argument, text);
    case ARGUMENT_FLAG: return complain(line, argument->name, "takes no value");
    case ARGUMENT_TEXT:
    case ARGUMENT_OPERAND: *(const char **)argument->value = text;
    }
    return GO_ON;
}

static const struct argument *find_option(const struct command_line *line, const char *name, size_t length)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct argument *argument = &line->arguments[i];
        if (argument->kind != ARGUMENT_OPERAND && strlen(argument->name) == length
            && strncmp(argument->name, name, length) == 0)
            return argument;
    }
    return NULL;
}

static const struct argument *find_operand(const struct command_line *line, size_t number)
{
    for (size_t i = 0; i < line->count; i++)
        if (line->arguments[i].kind == ARGUMENT_OPERAND && number-- == 0)
            return &line->arguments[i];
    return NULL;
}

static int take_option(struct command_line *line, const char *text)
{
    size_t length = strcspn(text, "=");
    const struct argument *argument = find_option(line, text, length);
    if (argument == NULL)
        return complain(line, text, "there is no such option; try --help");
    if (text[length] == '=')
        return take_value(line, argument, text + length + 1);
    if (argument->kind == ARGUMENT_FLAG) {
        *(bool *)argument->value = true;
        return GO_ON;
    }
    if (*line->next == NULL)
        return complain(line, text, "needs a value");
    return take_value(line, argument, *line->next++);
}

static int take_operand(struct command_line *line, const char *text)
{
    const struct argument *argument = find_operand(line, line->operands++);
    if (argument == NULL)
        return complain(line, text, "one argument too many; try --help");
    return take_value(line, argument, text);
}

static const char *placeholder(enum argument_kind kind)
{
    switch (kind) {
    case ARGUMENT_PORT: return " PORT";
    case ARGUMENT_NUMBER: return " NUMBER";
    case ARGUMENT_SECONDS: return " SECONDS";
    case ARGUMENT_TEXT: return " TEXT";
    default: return "";
    }
}

static int print_help(const struct command_line *line, const char *summary)
{
    printf("usage: %s", line->program);
    for (size_t i = 0; i < line->count; i++)
        printf(" [%s%s]", line->arguments[i].name, placeholder(line->arguments[i].kind));
    printf("\n%s\n\n", summary);
    for (size_t i = 0; i < line->count; i++) {
        const struct argument *argument = &line->arguments[i];
        char left[40];
        snprintf(left, sizeof left, "%s%s", argument->name, placeholder(argument->kind));
        printf("  %-20s  %s\n", left, argument->help);
    }
    printf("  %-20s  %s\n", "--help", "show this and exit");
    return 0;
}

static const char *name_of(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (slash != NULL)
        return slash + 1;
    return path != NULL ? path : "program";
}

static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

static char who_printed[64];

static void look_at_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "%s: standard output was not written\n", who_printed);
    _exit(1);
}

static void complain_of_lost_output(const char *program)
{
    if (who_printed[0] == '\0')
        atexit(look_at_output);
    snprintf(who_printed, sizeof who_printed, "%s", program);
}

int arguments_parse(int argc, char **argv, const char *summary,
    const struct argument *arguments, size_t count)
{
    struct command_line line = {name_of(argv[0]), arguments, count, argv + (argc > 0), 0};
    bool options_may_come = true;
    int status = GO_ON;
    keep_standard_descriptors();
    complain_of_lost_output(line.program);
    while (status == GO_ON && *line.next != NULL) {
        const char *text = *line.next++;
        if (!options_may_come || text[0] != '-' || text[1] == '\0')
            status = take_operand(&line, text);
        else if (strcmp(text, "--") == 0)
            options_may_come = false;
        else if (strcmp(text, "--help") == 0)
            return print_help(&line, summary);
        else
            status = take_option(&line, text);
    }
    return status;
}
