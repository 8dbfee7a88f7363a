/* error.c - tangled from chapters/01-select-loop.nw; edit that file, not this one. */
#include "error.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct error_domain error_os = {"os"};
const struct error_domain error_application = {"application"};

static struct error out_of_memory = {
    .domain = &error_os,
    .code = ENOMEM,
    .text = "[Errno 12] Cannot allocate memory",
    .references = 1,
};

static struct error *new_error(const struct error_domain *domain, int code, const char *before,
    const char *format, va_list values)
{
    va_list again;
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t start = strlen(before), room = start + (size_t)(length > 0 ? length : 0) + 1;
    struct error *error = malloc(sizeof *error + room);
    if (error == NULL)
        return &out_of_memory;
    char *text = (char *)(error + 1);
    memcpy(text, before, start + 1);
    vsnprintf(text + start, room - start, format, values);
    *error = (struct error){domain, code, text, 1};
    return error;
}

struct error *error_new(const struct error_domain *domain, int code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    struct error *error = new_error(domain, code, "", format, values);
    va_end(values);
    return error;
}

struct error *error_from_errno_with(int code, const char *format, ...)
{
    char number[32];
    va_list values;
    snprintf(number, sizeof number, "[Errno %d] ", code);
    va_start(values, format);
    struct error *error = new_error(&error_os, code, number, format, values);
    va_end(values);
    return error;
}

struct error *error_from_errno(int code)
{
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0)
        snprintf(text, sizeof text, "Unknown error %d", code);
    return error_from_errno_with(code, "%s", text);
}

struct error *error_retain(const struct error *error)
{
    struct error *same = (struct error *)error;
    if (same != NULL && same != &out_of_memory)
        same->references++;
    return same;
}

void error_release(struct error *error)
{
    if (error == NULL || error == &out_of_memory)
        return;
    assert(error->references > 0);
    if (--error->references == 0)
        free(error);
}

bool error_is(const struct error *error, const struct error_domain *domain, int code)
{
    return error != NULL && error->domain == domain && error->code == code;
}
