/* arguments.h - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H
#include <stddef.h>

enum argument_kind {
    ARGUMENT_FLAG,    /* bool *: given or not */
    ARGUMENT_TEXT,    /* const char ** */
    ARGUMENT_PORT,    /* int *, 0 to 65535 */
    ARGUMENT_NUMBER,  /* long *, 0 or more */
    ARGUMENT_SECONDS, /* double *, 0 or more */
    ARGUMENT_OPERAND, /* const char **: no option, but what comes after them */
};

struct argument {
    const char *name; /* "--port"; an operand's: "MESSAGE" */
    enum argument_kind kind;
    void *value; /* holds the default before, what was given after */
    const char *help;
};

/* Reads the command line. Options are "--name VALUE" or "--name=VALUE"; "--" ends them. Operands
   fill those of the table in their order, and may be left out. Returns -1: go on; else the status
   to exit with: 0 after --help, 2 after one line on standard error. From here on descriptors 0 to 2
   are taken, and a program whose output was lost ends with a line that says so, and status 1. */
int arguments_parse(int argc, char **argv, const char *summary,
    const struct argument *arguments, size_t count);

#endif
