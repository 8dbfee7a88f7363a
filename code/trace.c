/* trace.c - tangled from chapters/05-flow-control.nw; edit that file, not this one. */
#include "loop_private.h"
#include "transport_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void loop_trace(struct loop *loop, const char *format, ...)
{
    int was = errno;
    va_list values;
    fprintf(loop->trace, "%.6f ", loop_time(loop) - loop->trace_began);
    va_start(values, format);
    vfprintf(loop->trace, format, values);
    va_end(values);
    putc('\n', loop->trace);
    errno = was;
}

static FILE *open_trace(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "a");
    if (file != NULL)
        setvbuf(file, NULL, _IOLBF, 0);
    else if (fd >= 0)
        close(fd);
    return file;
}

void loop_begin_trace(struct loop *loop)
{
    const char *path = getenv("WEFT_TRACE");
    if (path == NULL || *path == '\0')
        return;
    loop->trace = open_trace(path);
    if (loop->trace == NULL)
        loop_log(loop, LOG_LEVEL_WARNING, "WEFT_TRACE: cannot open %s: %s", path, strerror(errno));
    loop->trace_began = loop_time(loop);
}

void loop_end_trace(struct loop *loop)
{
    if (loop->trace == NULL)
        return;
    bool failed = ferror(loop->trace) != 0;
    failed = fclose(loop->trace) != 0 || failed;
    loop->trace = NULL;
    if (failed)
        loop_log(loop, LOG_LEVEL_WARNING, "WEFT_TRACE: not every line could be written");
}

static int descriptor_of(const struct transport *transport)
{
    const int *fd = transport->methods->get_extra_info(transport, "socket");
    return fd != NULL ? *fd : -1;
}

void transport_trace(struct transport *transport, const char *what, const char *more)
{
    loop_trace(transport->loop, "%s %d%s%s", what, descriptor_of(transport), *more ? " " : "", more);
}

void transport_trace_bytes(struct transport *transport, const char *what, ssize_t size, size_t asked)
{
    loop_trace(transport->loop, "%s %d %zd of %zu", what, descriptor_of(transport), size, asked);
}

void transport_trace_call(
    struct transport *transport, const char *what, const struct protocol_call *call)
{
    static const char before[] = "protocol.";
    char name[40];
    const char *start = strstr(call->failed, before);
    if (start != NULL) {
        start += sizeof before - 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "("), start);
    }
    transport_trace(transport, what,
        start != NULL ? name : transport->lost ? "connection_lost" : "connection_made");
}
