/* address.c - tangled from chapters/02-transports.nw; edit that file, not this one. */
#include "address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void address_set(struct address *address, const struct sockaddr *from, socklen_t size)
{
    address->size = size < sizeof address->of ? size : sizeof address->of;
    memcpy(&address->of, from, address->size);
}

void address_copy(struct address *to, const struct address *from)
{
    memcpy(to, from, offsetof(struct address, of) + from->size);
}

static int answered(struct address *address, int result)
{
    int failed = result < 0 ? -errno : 0;
    if (failed)
        address->size = 0;
    else if (address->size > sizeof address->of)
        address->size = sizeof address->of;
    return failed;
}

int address_of_socket(int fd, struct address *address)
{
    address->size = sizeof address->of;
    return answered(address, getsockname(fd, &address->of.any, &address->size));
}

int address_of_peer(int fd, struct address *address)
{
    address->size = sizeof address->of;
    return answered(address, getpeername(fd, &address->of.any, &address->size));
}

struct shown {
    char *text;
    size_t room;
    int length;
};

static void show(struct shown *shown, const char *format, ...)
{
    size_t used = (size_t)shown->length < shown->room ? (size_t)shown->length : shown->room;
    va_list arguments;
    va_start(arguments, format);
    shown->length += vsnprintf(shown->text + used, shown->room - used, format, arguments);
    va_end(arguments);
}

static void show_quoted(struct shown *shown, const char *bytes, size_t size, bool is_text)
{
    char quote = memchr(bytes, '\'', size) && !memchr(bytes, '"', size) ? '"' : '\'';
    show(shown, "%s%c", is_text ? "" : "b", quote);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == (unsigned char)quote || byte == '\\')
            show(shown, "\\%c", byte);
        else if (byte == '\n' || byte == '\r' || byte == '\t')
            show(shown, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text))
            show(shown, "\\x%02x", byte);
        else
            show(shown, "%c", byte);
    }
    show(shown, "%c", quote);
}

static void show_unix(struct shown *shown, const struct address *address)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    const char *path = address->of.un.sun_path;
    size_t size = address->size > before ? address->size - before : 0;
    if (size > 0 && path[0] == '\0')
        show_quoted(shown, path, size, false);
    else
        show_quoted(shown, path, strnlen(path, size), true);
}

static void show_internet(struct shown *shown, const struct address *address)
{
    const struct sockaddr_in *in = &address->of.in;
    const struct sockaddr_in6 *in6 = &address->of.in6;
    char host[INET6_ADDRSTRLEN] = "";
    if (in->sin_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        show(shown, "('%s', %d)", host, ntohs(in->sin_port));
    } else {
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        show(shown, "('%s', %d, %lu, %lu)", host, ntohs(in6->sin6_port),
            (unsigned long)ntohl(in6->sin6_flowinfo), (unsigned long)in6->sin6_scope_id);
    }
}

int address_format(const struct address *address, char *text, size_t room)
{
    struct shown shown = {text, room, 0};
    int family = address != NULL && address->size > 0 ? address->of.any.sa_family : AF_UNSPEC;
    if (family == AF_INET || family == AF_INET6)
        show_internet(&shown, address);
    else if (family == AF_UNIX)
        show_unix(&shown, address);
    else if (family != AF_UNSPEC)
        show(&shown, "(family %d)", family);
    else
        show(&shown, "None");
    return shown.length;
}
