/* popen_blocks.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
/* Asks another program, and stops the loop meanwhile. Wrong on purpose: see chapter 8. */
#include "arguments.h"
#include "loop.h"
#include <stdio.h>

struct office {
    struct loop *loop;
    struct handle ask;
    struct timer_handle tick;
    int ticks;
    const char *command;
};

static void tick(void *context)
{
    struct office *office = context;
    office->ticks++;
    loop_call_later(office->loop, 0.1, &office->tick);
}

static void ask(void *context)
{
    struct office *office = context;
    char line[256];
    FILE *answer = popen(office->command, "r");
    while (answer != NULL && fgets(line, sizeof line, answer) != NULL)
        printf("The child says: %s", line);
    if (answer != NULL)
        pclose(answer);
    printf("Ticks meanwhile: %d\n", office->ticks);
    loop_stop(office->loop);
}

int main(int argc, char **argv)
{
    struct office office = {.command = "sleep 1; echo The answer is 42."};
    const struct argument arguments[] = {
        {"COMMAND", ARGUMENT_OPERAND, &office.command, "what the shell is to run"},
    };
    int status = arguments_parse(argc, argv, "Count ticks while a command runs.", arguments, 1);
    if (status >= 0)
        return status;
    office.loop = loop_create(NULL);
    if (office.loop == NULL)
        return 1;
    handle_init(&office.ask, ask, &office);
    timer_handle_init(&office.tick, tick, &office);
    loop_call_later(office.loop, 0.1, &office.tick);
    loop_call_soon(office.loop, &office.ask);
    loop_run_forever(office.loop);
    loop_free(office.loop);
    return office.ticks > 0 ? 0 : 1;
}
