/* ticker.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "arguments.h"
#include "loop.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ticker {
    struct loop *loop;
    struct timer_handle timer;
    struct handle input;
    double every;
    long count, ticks;
};

static void tick(void *context)
{
    struct ticker *ticker = context;
    double next = timer_handle_when(&ticker->timer) + ticker->every;
    printf("Tick %ld.\n", ++ticker->ticks);
    if (ticker->ticks == ticker->count)
        loop_stop(ticker->loop);
    else
        loop_call_at(ticker->loop, next, &ticker->timer);
}

static void answer(void *context)
{
    struct ticker *ticker = context;
    char text[256];
    ssize_t size = read(STDIN_FILENO, text, sizeof text - 1);
    if (size <= 0) {
        if (size < 0)
            perror("ticker: cannot read standard input");
        else
            puts("No more input.");
        loop_remove_reader(ticker->loop, STDIN_FILENO);
        return;
    }
    text[size] = '\0';
    printf("You typed: %s%s", text, text[size - 1] == '\n' ? "" : "\n");
}

static void say_goodbye(void *context)
{
    struct ticker *ticker = context;
    printf("Stopped after %ld ticks.\n", ticker->ticks);
    loop_stop(ticker->loop);
}

static int run(struct ticker *ticker)
{
    timer_handle_init(&ticker->timer, tick, ticker);
    handle_init(&ticker->input, answer, ticker);
    int error = loop_call_later(ticker->loop, ticker->every, &ticker->timer);
    if (error == 0)
        error = loop_add_signal_handler(ticker->loop, SIGINT, say_goodbye, ticker);
    if (error)
        return error;
    error = loop_add_reader(ticker->loop, STDIN_FILENO, &ticker->input);
    if (error)
        fprintf(stderr, "ticker: cannot wait for standard input: %s\n", strerror(-error));
    return loop_run_forever(ticker->loop);
}

int main(int argc, char **argv)
{
    struct ticker ticker = {.every = 1, .count = 0};
    const struct argument arguments[] = {
        {"--every", ARGUMENT_SECONDS, &ticker.every, "the time between two ticks (1)"},
        {"--count", ARGUMENT_NUMBER, &ticker.count, "stop after so many ticks (0: never)"},
    };
    int status = arguments_parse(argc, argv,
        "Tick, answer what is typed, and stop at Ctrl-C: three things at once.", arguments, 2);
    if (status >= 0)
        return status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    ticker.loop = loop_create(NULL);
    if (ticker.loop == NULL) {
        perror("ticker: cannot create a loop");
        return 1;
    }
    int error = run(&ticker);
    loop_free(ticker.loop);
    if (error)
        fprintf(stderr, "ticker: %s\n", strerror(-error));
    return error ? 1 : 0;
}
