/* Events: one line each, in the words that runner.py uses. */
#include "runner.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_SHOWN = 64 };

struct port { /* a thing whose name stands for the number */
    struct thing thing;
    int number;
};

void know_port(int fd, const char *name)
{
    struct address address;
    if (address_of_socket(fd, &address) != 0)
        return;
    int number = 0;
    if (address.of.any.sa_family == AF_INET)
        number = ntohs(address.of.in.sin_port);
    else if (address.of.any.sa_family == AF_INET6)
        number = ntohs(address.of.in6.sin6_port);
    if (number == 0)
        return;
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next)
        if (thing->kind == PORT && ((struct port *)thing)->number == number)
            return;
    struct port *port = thing_new(PORT, keep_text("%d", number), sizeof *port);
    port->thing.name = keep_text("%s", name);
    port->number = number;
}

static const char *port_name(int number)
{
    for (struct thing *thing = run.things; thing != NULL; thing = thing->next)
        if (thing->kind == PORT && ((struct port *)thing)->number == number)
            return thing->name;
    return NULL;
}

/* Puts names in the place of ports and of the scenario's directory. */
static void symbols(const char *from, char *to, size_t room)
{
    size_t directory = strlen(run.directory), used = 0;
    while (*from != '\0' && used + 80 < room) {
        if (directory > 0 && strncmp(from, run.directory, directory) == 0 && from[directory] == '/') {
            to[used++] = '@';
            from += directory + 1;
            continue;
        }
        char *end = NULL;
        long number = strncmp(from, ", ", 2) == 0 ? strtol(from + 2, &end, 10) : 0;
        const char *name = number > 0 && (*end == ')' || *end == ',') ? port_name((int)number) : NULL;
        if (name != NULL) {
            used += (size_t)snprintf(to + used, room - used, ", %s", name);
            from = end;
            continue;
        }
        to[used++] = *from++;
    }
    to[used] = '\0';
}

void emit(const char *format, ...)
{
    if (run.mute)
        return;
    char text[4096], line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    symbols(text, line, sizeof line - 1);
    size_t length = strlen(line);
    line[length++] = '\n';
    for (size_t done = 0; done < length;) {
        ssize_t written = write(STDOUT_FILENO, line + done, length - done);
        if (written < 0)
            _exit(2);
        done += (size_t)written;
    }
}

_Noreturn void not_in_this_tree(const char *what)
{
    emit("not in this tree: %s", what);
    _exit(3);
}

const char *shown(const void *data, size_t size)
{
    if (size > LONGEST_SHOWN)
        return keep_text("#%zu", size);
    char text[4 * LONGEST_SHOWN + 3];
    size_t used = 0;
    text[used++] = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = ((const unsigned char *)data)[i];
        if (byte >= 32 && byte < 127 && byte != '"' && byte != '\\')
            text[used++] = (char)byte;
        else
            used += (size_t)sprintf(text + used, "\\x%02x", byte);
    }
    text[used++] = '"';
    text[used] = '\0';
    return keep_text("%s", text);
}

/* ---- errors by name */

struct name {
    const char *name;
    int code;
};

#define NAMED(code) \
    { \
#code, code \
    }

static const struct name errno_names[] = {
    NAMED(EPERM),
    NAMED(ESRCH),
    NAMED(ENOENT),
    NAMED(EINTR),
    NAMED(EIO),
    NAMED(EBADF),
    NAMED(EAGAIN),
    NAMED(ENOMEM),
    NAMED(EACCES),
    NAMED(EBUSY),
    NAMED(EEXIST),
    NAMED(ENOTDIR),
    NAMED(EISDIR),
    NAMED(EINVAL),
    NAMED(ENFILE),
    NAMED(EMFILE),
    NAMED(EFBIG),
    NAMED(ENOSPC),
    NAMED(EPIPE),
    NAMED(ERANGE),
    NAMED(ENAMETOOLONG),
    NAMED(ENOTSOCK),
    NAMED(EMSGSIZE),
    NAMED(EPROTOTYPE),
    NAMED(ENOPROTOOPT),
    NAMED(EPROTO),
    NAMED(EOPNOTSUPP),
    NAMED(EAFNOSUPPORT),
    NAMED(EADDRINUSE),
    NAMED(EADDRNOTAVAIL),
    NAMED(ENETDOWN),
    NAMED(ENETUNREACH),
    NAMED(ECONNABORTED),
    NAMED(ECONNRESET),
    NAMED(ENOBUFS),
    NAMED(EISCONN),
    NAMED(ENOTCONN),
    NAMED(ETIMEDOUT),
    NAMED(ECONNREFUSED),
    NAMED(EHOSTUNREACH),
    NAMED(EALREADY),
    NAMED(EINPROGRESS),
    NAMED(ECANCELED),
    NAMED(EDESTADDRREQ),
    NAMED(ENOTSUP),
};

static const struct name resolver_names[] = {
    NAMED(EAI_AGAIN),
    NAMED(EAI_BADFLAGS),
    NAMED(EAI_FAIL),
    NAMED(EAI_FAMILY),
    NAMED(EAI_MEMORY),
    NAMED(EAI_NONAME),
    NAMED(EAI_SERVICE),
    NAMED(EAI_SOCKTYPE),
    NAMED(EAI_SYSTEM),
    NAMED(EAI_OVERFLOW),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *name_of(const struct name *names, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].code == code)
            return names[i].name;
    return keep_text("%d", code);
}

static int code_of(const struct name *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].code;
    fprintf(stderr, "conformance: %s: this runner does not know that error\n", name);
    _exit(2);
}

const char *errno_name(int code)
{
    return name_of(errno_names, COUNT(errno_names), code);
}

int errno_code(const char *name)
{
    return code_of(errno_names, COUNT(errno_names), name);
}

int resolver_code(const char *name)
{
    return code_of(resolver_names, COUNT(resolver_names), name);
}

const char *error_shown(const struct error *error)
{
    if (error == NULL)
        return "None";
    if (error->domain == &error_os)
        return error->code == 0 ? "OSError" : errno_name(error->code);
    if (error->domain == &error_resolver)
        return name_of(resolver_names, COUNT(resolver_names), error->code);
    if (error->domain == &error_cancelled)
        return "cancelled";
    if (error->domain == &error_tls_verify)
        return keep_text("TLS verify %d", error->code);
    if (error->domain == &error_tls) { /* "[SSL: REASON] what it means" */
        const char *colon = strstr(error->text, ": ");
        return colon == NULL ? "TLS" : keep_text("TLS %.*s", (int)strcspn(colon + 2, "]"), colon + 2);
    }
    return keep_text("%s \"%s\"", error->domain->name, error->text);
}

struct error *make_error(const struct word *word)
{
    if (word->is_text)
        return error_new(&error_application, 1, "%s", word->text);
    return error_from_errno(errno_code(word->text));
}

uint32_t adler32(uint32_t sum, const void *data, size_t size)
{
    uint32_t low = sum & 0xffff, high = sum >> 16;
    for (size_t i = 0; i < size; i++) {
        low = (low + ((const unsigned char *)data)[i]) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16 | low;
}

/* ---- what the loop tells */

void hear_exception(struct loop *loop, const struct exception_context *told, void *context)
{
    (void)loop;
    (void)context;
    static const char callback[] = "Exception in callback";
    const char *message = told->message != NULL ? told->message : "";
    if (strncmp(message, callback, strlen(callback)) == 0)
        message = callback;
    emit("EXH \"%s\" %s", message, error_shown(told->exception));
}

void hear_log(void *context, enum log_level level, const char *text)
{
    (void)context;
    if (level < LOG_LEVEL_WARNING)
        return;
    emit("LOG %s \"%.*s\"", level == LOG_LEVEL_WARNING ? "WARNING" : "ERROR", (int)strcspn(text, "\n"), text);
}
