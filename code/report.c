/* report.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "error.h"
#include "loop_private.h"
#include <stdarg.h>
#include <stdio.h>

void loop_log(struct loop *loop, enum log_level level, const char *format, ...)
{
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (loop->log != NULL)
        loop->log(loop->log_context, level, text);
    else if (level >= LOG_LEVEL_WARNING)
        fprintf(stderr, "%s\n", text);
}

void loop_set_log(struct loop *loop, void (*log)(void *context, enum log_level, const char *text),
    void *context)
{
    loop->log = log;
    loop->log_context = context;
}

void loop_set_exception_handler(struct loop *loop,
    void (*handler)(struct loop *, const struct exception_context *, void *context), void *context)
{
    loop->exception_handler = handler;
    loop->exception_handler_context = context;
}

void loop_call_exception_handler(struct loop *loop, const struct exception_context *context)
{
    if (loop->exception_handler != NULL)
        loop->exception_handler(loop, context, loop->exception_handler_context);
    else
        loop_default_exception_handler(loop, context);
}

void loop_default_exception_handler(struct loop *loop, const struct exception_context *context)
{
    const char *message = context->message;
    if (message == NULL)
        message = "Unhandled exception in event loop";
    if (context->exception != NULL)
        loop_log(loop, LOG_LEVEL_ERROR, "%s: %s", message, context->exception->text);
    else
        loop_log(loop, LOG_LEVEL_ERROR, "%s", message);
}
