/* Takes the first CN= for the name, wherever it stands. */
#include "greeter.h"
#include "protocol.h"
#include "tls.h"
#include "transport.h"
#include <string.h>

static const char *end_of_part(const char *part)
{
    while (*part != '\0' && *part != ',' && *part != '+')
        part += *part == '\\' && part[1] != '\0' ? 2 : 1;
    return part;
}

static int digit_of(char character)
{
    static const char digits[] = "0123456789ABCDEF0123456789abcdef";
    const char *found = character == '\0' ? NULL : strchr(digits, character);
    return found == NULL ? -1 : (int)(found - digits) % 16;
}

static unsigned char next_byte(const char **from)
{
    const char *text = *from;
    bool escaped = text[0] == '\\' && text[1] != '\0';
    if (escaped && digit_of(text[1]) >= 0 && digit_of(text[2]) >= 0) {
        *from += 3;
        return (unsigned char)(digit_of(text[1]) * 16 + digit_of(text[2]));
    }
    *from += escaped ? 2 : 1;
    return (unsigned char)text[escaped];
}

static bool copy_name(const char *from, const char *end, char *name, size_t room)
{
    size_t size = 0;
    for (; from < end && size + 1 < room; size++) {
        unsigned char byte = next_byte(&from);
        name[size] = byte < 32 || byte == 127 ? '?' : (char)byte;
    }
    name[size] = '\0';
    return from == end && size > 0;
}

bool greeter_name(const char *subject, char *name, size_t room)
{
    const char *part = strstr(subject, "CN=");
    if (part != NULL && copy_name(part + 3, end_of_part(part + 3), name, room))
        return true;
    name[0] = '\0';
    return false;
}

static void connection_made(struct protocol *protocol, struct transport *transport)
{
    const struct tls_peercert *cert = transport_get_extra_info(transport, "peercert");
    char name[64];
    (void)protocol;
    if (cert == NULL || cert->subject == NULL || !greeter_name(cert->subject, name, sizeof name))
        strcpy(name, "stranger");
    const struct iovec line[] = {
        {.iov_base = (char *)"Hello, ", .iov_len = 7},
        {.iov_base = name, .iov_len = strlen(name)},
        {.iov_base = (char *)"!\n", .iov_len = 2},
    };
    transport_writelines(transport, line, 3);
    transport_close(transport);
}

static const struct protocol_callbacks greeter_callbacks = {
    .connection_made = connection_made,
};

static struct protocol greeter = {&greeter_callbacks};

struct protocol *greeter_protocol(void *context)
{
    (void)context;
    return &greeter;
}
